# SPDX-License-Identifier: Apache-2.0
"""A model with the delegate against another in XNNPACK, alternately on an Android device."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ubp.timing.android.benchmark_model import RunResult, tool_on
from ubp.timing.android.device import Device
from ubp.timing.interleaved import BenchmarkResult, BlockTimer, interleave


class DeviceBenchmark:
    """What a benchmark needs, copied to a device; a context manager that removes it again.

    Args:
        device: where to measure.
        model: a .tflite file that the delegate has something to take of.
        delegate: libubp_delegate.so, built for the device.
        program: benchmark_model: a file here, which is copied, or else a path on the device.
        against: a .tflite file to run in XNNPACK, or None.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if the delegate is built for another kind of device.
        RuntimeError: if something cannot be copied.
    """

    def __init__(
        self,
        device: Device,
        model: str | os.PathLike[str],
        delegate: str | os.PathLike[str],
        program: str,
        against: str | os.PathLike[str] | None = None,
    ) -> None:
        model, delegate = Path(model), Path(delegate)
        against = None if against is None else Path(against)
        for path in filter(None, (model, against)):
            if not path.is_file():
                raise FileNotFoundError(f"{path}: no such file.")
        self._model_name = str(model)
        self.against_name = f"{against} (XNNPACK)"
        with ExitStack() as stack:
            self._tool = stack.enter_context(tool_on(device, delegate, program))
            folder = self._tool.folder
            device.push(model, f"{folder}/model.tflite")
            if against is not None:
                device.push(against, f"{folder}/against.tflite")
            self._has_against = against is not None
            self._stack = stack.pop_all()

    def __enter__(self) -> DeviceBenchmark:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def name_on(self, backend: str, backends: Sequence[str]) -> str:
        """The name of the model on one of the backends that it is measured on."""
        only_cpu = tuple(backends) == ("cpu",)
        return f"{self._model_name} ({'UBP' if only_cpu else f'UBP on {backend}'})"

    def run(
        self,
        threads: int,
        rounds: int,
        progress: bool = True,
        backends: Sequence[str] = ("cpu",),
        precision: str = "fp32",
    ) -> BenchmarkResult:
        """Run each model in a process of its own, by turns.

        Every block of the result is one process, its milliseconds the median of its inferences.

        Args:
            threads: how many.
            rounds: processes for each model, after one to warm up.
            progress: show a progress bar on standard error, if that is a terminal.
            backends: what the delegate runs the model on, "cpu" and "gpu", by turns.
            precision: of the GPU, as of the delegate's option.

        Raises:
            RuntimeError, ValueError: as of `BenchmarkModel`; ValueError also if rounds is below 1.
        """
        tool, folder = self._tool, self._tool.folder
        runs: dict[str, Callable[[], RunResult]] = {
            self.name_on(backend, backends): partial(
                tool.run_delegate,
                f"{folder}/model.tflite",
                threads,
                _options(backend, precision, folder),
            )
            for backend in backends
        }
        if self._has_against:
            runs[self.against_name] = lambda: tool.run_xnnpack(f"{folder}/against.tflite", threads)
        timers = {name: _timer(run) for name, run in runs.items()}
        return interleave(timers, rounds, block=1, progress=progress)


def _options(backend: str, precision: str, folder: str) -> dict[str, str]:
    """The delegate's options; the processes after the first find the GPU's programs compiled."""
    if backend == "cpu":
        return {}
    return {"backend": backend, "precision": precision, "gpu_cache": f"{folder}/gpu"}


def _timer(run: Callable[[], RunResult]) -> BlockTimer:
    return lambda block: [run().median_ms for _ in range(block)]
