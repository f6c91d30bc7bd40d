# SPDX-License-Identifier: Apache-2.0
"""The least time that a step of a plan can take on a machine of given speeds: its roofline.

A step is bound by its multiply-adds, or by what passes through a level of the memory. Through a
level pass all bytes that come from it or from one further away:

- weights from the smallest level that holds those of the whole network: all of them are read
  between two inferences,
- activations from the smallest level that holds what the step reads and writes,
- what passes between two operators of a step from the smallest level that holds the buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ubp.timing import StepWork

FMA = "FMA"


@dataclass(frozen=True)
class Level:
    """A cache, or the memory behind all caches.

    size: bytes that it holds; None: any number.
    load, store, copy: bytes per nanosecond that a core reads, writes, or reads and writes again.
    """

    name: str
    size: int | None
    load: float
    store: float
    copy: float

    def holds(self, size: int) -> bool:
        """Whether so many bytes fit."""
        return self.size is None or size <= self.size

    def moving_us(self, read: int, written: int) -> float:
        """Microseconds to move so many bytes: as many as are read and written as by a copy."""
        both = min(read, written)
        ns = both / self.copy + (read - both) / self.load + (written - both) / self.store
        return ns / 1e3


@dataclass(frozen=True)
class Rates:
    """What one core can do.

    gmacs: 10^9 multiply-adds per second.
    levels: of the memory, the nearest first; the last holds everything.
    """

    gmacs: float
    levels: list[Level]


@dataclass(frozen=True)
class Limit:
    """The least time of a step.

    us: microseconds.
    bound: what takes so long: FMA or the name of a level.
    """

    us: float
    bound: str


def weight_bytes(steps: Iterable[Sequence[StepWork]]) -> int:
    """Of all steps of a network."""
    return sum(work.weight_bytes for step in steps for work in step)


def step_limit(step: Sequence[StepWork], rates: Rates, network_weights: int) -> Limit:
    """The limit of a step that runs these operators.

    Args:
        network_weights: bytes of weights that one inference reads.
    """
    levels = rates.levels
    read, written = [0] * len(levels), [0] * len(levels)
    for work in step:
        read[_home(levels, network_weights)] += work.weight_bytes
        buffers = _home(levels, work.buffer_bytes)
        read[buffers] += work.buffer_read_bytes
        written[buffers] += work.buffer_written_bytes
    activations = _home(levels, sum(work.read_bytes + work.written_bytes for work in step))
    read[activations] += sum(work.read_bytes for work in step)
    written[activations] += sum(work.written_bytes for work in step)
    limits = [Limit(sum(work.operations for work in step) / rates.gmacs / 1e3, FMA)]
    for index, level in enumerate(levels):
        passing = level.moving_us(sum(read[index:]), sum(written[index:]))
        limits.append(Limit(passing, level.name))
    return max(limits, key=lambda limit: limit.us)


def _home(levels: Sequence[Level], size: int) -> int:
    """The number of the nearest level that holds so many bytes."""
    return next(index for index, level in enumerate(levels) if level.holds(size))
