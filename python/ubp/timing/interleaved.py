# SPDX-License-Identifier: Apache-2.0
"""Interleaved timing of several interpreters, so that a drifting machine touches all of them alike.

One round runs a block of inferences in each interpreter after the other. Times are in milliseconds
per inference; a ratio compares two interpreters within one round, and the median over the rounds is
what is quoted. Alternating after every single inference instead would let the slower model leave
its caches to the faster one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_counts, check_whole, shown
from ubp.progress import Bar
from ubp.runtime import Interpreter
from ubp.runtime.inputs import give_inputs, random_inputs, set_inputs

_WARM_UP_BLOCKS = 1

# Runs something as often as it is told, and returns the milliseconds of every run.
BlockTimer = Callable[[int], Sequence[float]]
Clock = Callable[[], int]


@dataclass(frozen=True)
class Timing:
    """Milliseconds per inference of one interpreter, over all inferences.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> files = {"sparse": ubp.convert(pruned).model}
        >>> timing = ubp.benchmark(files, rounds=3, progress=False).timings["sparse"]
        >>> 0 < timing.p10_ms <= timing.median_ms <= timing.p90_ms
        True

    Attributes:
        median_ms: the median.
        p10_ms, p90_ms: the 10th and the 90th percentile.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float


@dataclass(frozen=True)
class BenchmarkResult:
    """What one benchmark measured.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> result = ubp.convert(pruned)
        >>> files = {"dense": result.dense, "sparse": result.model}
        >>> timed = ubp.benchmark(files, rounds=3, progress=False)
        >>> list(timed.timings), timed.block_medians_ms["sparse"].shape
        (['dense', 'sparse'], (3,))

    Attributes:
        timings: by the interpreter's name.
        block_medians_ms: float64 [rounds] by name, the median of each block.
    """

    timings: dict[str, Timing]
    block_medians_ms: dict[str, npt.NDArray[np.float64]]

    def speedup(self, name: str, against: str) -> float:
        """How many times faster `name` is than `against`: the median of the rounds' ratios."""
        ratios = self.block_medians_ms[against] / self.block_medians_ms[name]
        return float(np.median(ratios))


def benchmark(
    interpreters: Mapping[str, Any],
    rounds: int = 30,
    block: int = 10,
    seed: int = 0,
    progress: bool = True,
    inputs: Sequence[npt.NDArray[Any]] | None = None,
) -> BenchmarkResult:
    """Time interpreters against each other.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> result = ubp.convert(pruned)
        >>> files = {"dense": result.dense, "sparse": result.model}
        >>> timed = ubp.benchmark(files, rounds=3, progress=False)
        >>> timed.speedup("sparse", against="dense") > 0
        True

    Args:
        interpreters: by name; each is allocated here. A model, by its path or its bytes, stands for
            `ubp.Interpreter(model)`.
        rounds: how many blocks each interpreter runs.
        block: inferences in one block.
        seed: of the random inputs.
        progress: show a progress bar on standard error, if that is a terminal.
        inputs: one array per input, to which all interpreters are resized; by default random ones
            of the shapes that the interpreters have.

    Returns:
        Milliseconds per inference of each, and their ratios, round by round.

    Raises:
        ValueError: if an argument is not as described, or an input's type is not known to
            `random_values`.
        FileNotFoundError, IsADirectoryError: if a model does not exist.
    """
    check_counts(rounds=rounds, block=block)
    if not isinstance(interpreters, Mapping):
        raise ValueError(
            f"interpreters is {shown(interpreters)}; expected a mapping from names to interpreters."
        )
    opened = {name: _opened(name, each) for name, each in interpreters.items()}
    timers = {name: block_timer(each, seed, inputs) for name, each in opened.items()}
    return interleave(timers, rounds, block, progress)


def _opened(name: str, interpreter: Any) -> Any:
    if isinstance(interpreter, str | os.PathLike | bytes | bytearray | memoryview):
        return Interpreter(interpreter)
    if not hasattr(interpreter, "allocate_tensors"):
        raise ValueError(
            f"interpreters[{name!r}] is {shown(interpreter)}; expected an interpreter, the path of "
            "a model or its bytes."
        )
    return interpreter


def block_timer(
    interpreter: Any,
    seed: int,
    inputs: Sequence[npt.NDArray[Any]] | None = None,
    clock: Clock = time.perf_counter_ns,
) -> BlockTimer:
    """Makes an interpreter ready for `interleave`: allocates it and gives it inputs.

    Args:
        interpreter: to time.
        seed: of the inputs, which are random unless they are given.
        inputs: one array per input.
        clock: nanoseconds; `time.thread_time_ns` leaves out what others do on a busy machine, and
            the work of other threads.

    Raises:
        ValueError: if the inputs do not fit, or the seed is none.
    """
    check_whole("seed", seed, 0)
    if inputs is None:
        interpreter.allocate_tensors()
        set_inputs(interpreter, random_inputs(interpreter, np.random.default_rng(seed)))
    else:
        give_inputs(interpreter, inputs)
    return partial(_time_block, interpreter, clock)


def clock_for(num_threads: int, backend: str = "cpu") -> Clock:
    """The clock for the least time of an inference, whatever else the machine does.

    On the CPU, with one thread, all of an inference is done by the one that calls.
    """
    is_own = num_threads == 1 and backend == "cpu"
    return time.thread_time_ns if is_own else time.perf_counter_ns


def near_least(blocks: Sequence[Sequence[float]]) -> float:
    """The least time that is no fluke: that of the second fastest run of a block, of all blocks.

    A thread's clock leaves out the time that a virtual machine was stopped for, in lumps that may
    fall together with a run: single times may be too small.
    """
    return min(sorted(block)[min(1, len(block) - 1)] for block in blocks)


def interleave(
    timers: Mapping[str, BlockTimer],
    rounds: int,
    block: int,
    progress: bool = True,
) -> BenchmarkResult:
    """Time anything against each other.

    Args:
        timers: by name.
        rounds, block, progress: as for `benchmark`.

    Raises:
        ValueError: if rounds or block is below 1.
    """
    check_counts(rounds=rounds, block=block)
    for timer in timers.values():
        for _ in range(_WARM_UP_BLOCKS):
            timer(block)
    times = {name: np.empty((rounds, block)) for name in timers}
    for index in Bar(
        range(rounds), desc="benchmark", unit="round", disable=None if progress else True
    ):
        for name, timer in timers.items():
            times[name][index] = timer(block)
    return BenchmarkResult(
        {name: _timing(values) for name, values in times.items()},
        {name: np.median(values, axis=1) for name, values in times.items()},
    )


def _time_block(interpreter: Any, clock: Clock, block: int) -> list[float]:
    """Milliseconds of each of `block` inferences."""
    elapsed = []
    for _ in range(block):
        begin = clock()
        interpreter.invoke()
        elapsed.append((clock() - begin) / 1e6)
    return elapsed


def _timing(values: npt.NDArray[np.float64]) -> Timing:
    p10, median, p90 = np.percentile(values, [10, 50, 90])
    return Timing(float(median), float(p10), float(p90))
