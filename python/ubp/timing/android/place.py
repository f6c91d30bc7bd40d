# SPDX-License-Identifier: Apache-2.0
"""An Android device as the place of a measurement: a process of benchmark_model for every turn."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ubp import latency
from ubp.timing.android.benchmark_model import BenchmarkModel, Effort, tool_on
from ubp.timing.android.device import Device
from ubp.timing.interleaved import BlockTimer
from ubp.timing.place import Runs, Shapes
from ubp.timing.profile import ProfiledStep, parse_profile

# Of one process: hundreds have their turn.
_SECONDS, _WARM_UP_SECONDS = 0.1, 0.1


class AndroidPlace:
    """Measures on a device; a `ubp.timing.place.Place`.

    Args:
        device: where to measure.
        delegate: libubp_delegate.so, built for the device.
        program: benchmark_model, here or on the device, as of `DeviceBenchmark`.
    """

    def __init__(self, device: Device, delegate: Path, program: str) -> None:
        self._device, self._delegate, self._program = device, delegate, program

    @contextmanager
    def open(
        self,
        num_threads: int,
        seed: int = 0,
        shapes: Shapes | None = None,
        profiled: bool = False,
        **delegate_options: Any,
    ) -> Iterator[Runs]:
        """As of `Place`; the inputs are those that benchmark_model makes.

        Raises:
            FileNotFoundError, RuntimeError, ValueError: as of `tool_on`; ValueError also if shapes
                are given.
        """
        del seed  # benchmark_model has one of its own
        if shapes is not None:
            raise ValueError(
                "the model leaves the sizes of its inputs open, which benchmark_model does not "
                "set; export it with fixed sizes to measure on a device."
            )
        options = {name: str(value) for name, value in delegate_options.items()}
        effort = Effort(seconds=_SECONDS, warm_up_seconds=_WARM_UP_SECONDS)
        with tool_on(self._device, self._delegate, self._program, effort) as tool:
            yield _DeviceRuns(self._device, tool, self._delegate, num_threads, profiled, options)


class _DeviceRuns:
    def __init__(
        self,
        device: Device,
        tool: BenchmarkModel,
        delegate: Path,
        num_threads: int,
        profiled: bool,
        options: dict[str, str],
    ) -> None:
        self._device, self._tool, self._delegate = device, tool, delegate
        self._num_threads, self._profiled, self._options = num_threads, profiled, options
        self._files = 0
        self._profiles: list[list[str]] = []  # of each file in the delegate, one for each process
        self._kernel = ""

    def timer(self, data: bytes, delegated: bool = True) -> BlockTimer:
        remote = f"{self._tool.folder}/{self._files}.tflite"
        self._files += 1
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, "model.tflite")
            local.write_bytes(data)
            self._device.push(local, remote)
        if not delegated:
            return partial(self._run_xnnpack, remote)
        self._profiles.append([])
        return partial(self._run_delegate, remote, self._profiles[-1])

    def steps(self) -> list[list[ProfiledStep]]:
        return [_least([self._read(path) for path in paths]) for paths in self._profiles]

    def device(self) -> latency.Device:
        return latency.Device(
            self._device.shell("getprop", "ro.product.model").strip(),
            self._device.abis()[0],
            self._kernel,
            self._num_threads,
            hashlib.sha256(self._delegate.read_bytes()).hexdigest(),
            datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def _run_xnnpack(self, model: str, runs: int) -> Sequence[float]:
        return [self._tool.run_xnnpack(model, self._num_threads, runs).median_ms]

    def _run_delegate(self, model: str, profiles: list[str], runs: int) -> Sequence[float]:
        options = dict(self._options)
        if self._profiled:
            profiles.append(f"{model}.{len(profiles)}.json")
            options["profile"] = profiles[-1]
        result = self._tool.run_delegate(
            model, self._num_threads, options, runs, may_take_none=True
        )
        self._kernel = result.kernel or self._kernel
        return [result.median_ms]

    def _read(self, path: str) -> list[ProfiledStep]:
        if not self._device.has_file(path):
            raise RuntimeError(
                f"the delegate has written no profile to {path} on the device: benchmark_model "
                "must delete its interpreter before it ends, as LiteRT's does."
            )
        return parse_profile(self._device.read(path).decode(errors="replace"), path)


def _least(processes: Sequence[Sequence[ProfiledStep]]) -> list[ProfiledStep]:
    """The steps of several processes of one file; of each the least time."""
    return [
        replace(steps[0], min_us=min((step.min_us for step in steps if step.min_us), default=0.0))
        for steps in zip(*processes, strict=True)
    ]
