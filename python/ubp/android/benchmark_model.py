"""The stock benchmark_model on a device: its flags, and one process of it."""

from __future__ import annotations

import json
from itertools import count

from ubp.android.adb import Device
from ubp.android.result import RunResult, parse_result

# A process measures at least so many inferences and seconds, after at least so long a warm-up:
# caches are warm and the clock has risen by then.
_RUNS = 10
_SECONDS = 1.0
_WARM_UP_SECONDS = 0.5


class BenchmarkModel:
    """benchmark_model as it lies on a device.

    Args:
        device: where to run it.
        program: its path there.
        folder: where result files go, on the device.
    """

    def __init__(self, device: Device, program: str, folder: str) -> None:
        self._device = device
        self._program = program
        self._names = (f"{folder}/{index}" for index in count())

    def run_xnnpack(self, model: str, threads: int) -> RunResult:
        """Time a model in XNNPACK.

        Args:
            model: its path on the device.
            threads: how many.

        Raises:
            RuntimeError: if the program fails or does not write a result.
            ValueError: if the result is damaged.
        """
        return self._run(model, threads, ["--use_xnnpack=true"])

    def run_delegate(self, model: str, threads: int, delegate: str) -> RunResult:
        """Time a model with the UBP delegate; what that leaves runs in XNNPACK.

        Args:
            model, delegate: paths on the device.
            threads: how many, for both.

        Raises:
            RuntimeError: as `run_xnnpack`, and if the delegate was not loaded or took nothing.
            ValueError: as `run_xnnpack`.
        """
        report = next(self._names)
        # benchmark_model keeps its own number of threads from external delegates. It goes on
        # without a delegate that it cannot load; the report tells.
        options = f"num_threads:{threads};report:{report}"
        flags = [f"--external_delegate_path={delegate}", f"--external_delegate_options={options}"]
        result = self._run(model, threads, flags)
        if not self._device.has_file(report):
            raise RuntimeError(
                f"benchmark_model ran without the delegate: it could not load {delegate}; its "
                "messages on the device (adb logcat) say why."
            )
        subgraphs = json.loads(self._device.read(report))["subgraphs"]
        nodes = [node for subgraph in subgraphs for node in subgraph]
        if not any(node["taken"] for node in nodes):
            raise RuntimeError(
                f"the delegate took none of the {len(nodes)} nodes of {model}: the model is not "
                "pruned, or has too few zeros to gain from."
            )
        return result

    def _run(self, model: str, threads: int, flags: list[str]) -> RunResult:
        result = next(self._names)
        self._device.shell(
            self._program,
            f"--graph={model}",
            f"--num_threads={threads}",
            f"--num_runs={_RUNS}",
            f"--min_secs={_SECONDS}",
            f"--warmup_min_secs={_WARM_UP_SECONDS}",
            f"--result_file_path={result}",
            *flags,
        )
        if not self._device.has_file(result):
            raise RuntimeError(
                f"{self._program} wrote no result; it must know --result_file_path, as the "
                "benchmark_model of LiteRT 2.1 and later does."
            )
        return parse_result(self._device.read(result))
