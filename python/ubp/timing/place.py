# SPDX-License-Identifier: Apache-2.0
"""Where the files of a measurement run: this machine, or a device."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

from ubp.latency import Device
from ubp.runtime import Interpreter
from ubp.runtime.inputs import random_values
from ubp.timing.device import this_device
from ubp.timing.interleaved import BlockTimer, block_timer, clock_for
from ubp.timing.profile import ProfiledStep, read_profile

Shapes = Sequence[tuple[int, ...]]


class Runs(Protocol):
    """Files of one measurement, which run by turns."""

    def timer(self, data: bytes, delegated: bool = True) -> BlockTimer:
        """Add a file, in the delegate or in the standard interpreter."""

    def steps(self) -> list[list[ProfiledStep]]:
        """The steps of each file in the delegate, in the order of `timer`; where profiled.

        No timer may be called afterwards.
        """

    def device(self) -> Device:
        """What has measured, once something was."""


class Place(Protocol):
    """Runs files: `ThisMachine`, or ubp.timing.android's `AndroidPlace`."""

    def open(
        self,
        num_threads: int,
        seed: int = 0,
        shapes: Shapes | None = None,
        profiled: bool = False,
        **delegate_options: Any,
    ) -> AbstractContextManager[Runs]:
        """Begin a measurement.

        Args:
            num_threads: of the interpreters and the delegate.
            seed: of the inputs.
            shapes: of the inputs, of files that leave sizes open.
            profiled: whether to time the delegate's steps.
            delegate_options: as of `ubp.Interpreter`.
        """


class ThisMachine:
    """The machine at hand; with one thread of the CPU its processor time counts."""

    @contextmanager
    def open(
        self,
        num_threads: int,
        seed: int = 0,
        shapes: Shapes | None = None,
        profiled: bool = False,
        **delegate_options: Any,
    ) -> Iterator[Runs]:
        """As of `Place`."""
        with tempfile.TemporaryDirectory() as folder:
            runs = _LocalRuns(
                num_threads, seed, shapes, Path(folder) if profiled else None, delegate_options
            )
            try:
                yield runs
            finally:
                runs.close()  # before the folder goes, which profiles are written to


class _LocalRuns:
    def __init__(
        self,
        num_threads: int,
        seed: int,
        shapes: Shapes | None,
        folder: Path | None,
        options: dict[str, Any],
    ) -> None:
        self._num_threads, self._seed, self._shapes = num_threads, seed, shapes
        self._folder, self._options = folder, options
        self._timers: list[BlockTimer] = []
        self._profiles: list[Path] = []

    def timer(self, data: bytes, delegated: bool = True) -> BlockTimer:
        if not delegated:
            plain = StandardInterpreter(model_content=data, num_threads=self._num_threads)
            self._timers.append(self._ready(plain, "cpu"))
        else:
            options = dict(self._options)
            if self._folder is not None:
                self._profiles.append(self._folder / f"{len(self._profiles)}.json")
                options["profile"] = self._profiles[-1]
            interpreter = Interpreter(data, self._num_threads, **options)
            self._timers.append(self._ready(interpreter, options.get("backend", "cpu")))
        return partial(self._time, len(self._timers) - 1)

    def steps(self) -> list[list[ProfiledStep]]:
        self.close()
        return [read_profile(path) for path in self._profiles]

    def device(self) -> Device:
        return this_device(self._num_threads, **self._options)

    def close(self) -> None:
        self._timers.clear()
        gc.collect()  # the delegate writes a profile when its interpreter goes

    def _ready(self, interpreter: Any, backend: str) -> BlockTimer:
        clock = clock_for(self._num_threads, backend)
        if self._shapes is None:
            return block_timer(interpreter, self._seed, clock=clock)
        rng = np.random.default_rng(self._seed)
        values = [
            random_values(detail, shape, rng)
            for detail, shape in zip(interpreter.get_input_details(), self._shapes, strict=True)
        ]
        return block_timer(interpreter, self._seed, values, clock)

    def _time(self, number: int, block: int) -> Sequence[float]:
        return self._timers[number](block)
