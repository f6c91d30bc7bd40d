# SPDX-License-Identifier: Apache-2.0
"""Whether the machine was quiet while something was measured.

Three things say so: how much of the processors' time others had, by the system's counters; how
evenly a fixed piece of work runs before and after; and how far the measured ratios scatter.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

_STAT = Path("/proc/stat")
_IDLE, _IO_WAIT, _STEAL = 3, 4, 7  # fields of its first line, which counts all processors
_FIELDS = 8  # those behind are counted in others already
_PROBES = 40
_WORK = bytes(4 << 20)  # hashed in some milliseconds
_RATIOS = ("speedup", "time_over_limit")  # names of spreads whose scatter counts


@dataclass(frozen=True)
class Reading:
    """The machine's counters; seconds of processor time, of all processors together.

    clock: wall-clock time.
    busy: spent on something, by whomever.
    stolen: that the host gave to other machines.
    ours: spent by this process and those of its children that have ended.
    """

    clock: float
    busy: float
    stolen: float
    ours: float


def read_machine() -> Reading:
    """The counters now.

    Raises:
        OSError: if the system has no /proc/stat.
    """
    ticks = [int(field) for field in _STAT.read_text().splitlines()[0].split()[1 : _FIELDS + 1]]
    seconds = [each / os.sysconf("SC_CLK_TCK") for each in ticks]
    idle = seconds[_IDLE] + seconds[_IO_WAIT]
    ours = sum(os.times()[:4])
    return Reading(time.monotonic(), sum(seconds) - idle - seconds[_STEAL], seconds[_STEAL], ours)


def probe(
    clock: Callable[[], float] = time.perf_counter,
    work: Callable[[], object] = lambda: hashlib.sha256(_WORK),
) -> list[float]:
    """The times, in seconds, that the same piece of work takes again and again."""
    times = []
    for _ in range(_PROBES):
        start = clock()
        work()
        times.append(clock() - start)
    return times


@dataclass(frozen=True)
class Noise:
    """What disturbed a measurement.

    stolen: processors that the host took away, in the mean over the time.
    others: processors that other processes kept busy.
    unevenness: (p90 - p10) / median of the probes before and after together.
    scatter: of the measured speed-ups and the like, the median of (p90 - p10) / median; None where
        there are none.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("reasons",)
    LIMITS: ClassVar[Mapping[str, float]] = {
        "stolen": 0.03,
        "others": 0.10,
        "unevenness": 0.15,
        "scatter": 0.20,
    }

    stolen: float
    others: float
    unevenness: float
    scatter: float | None

    @classmethod
    def between(cls, before: Reading, after: Reading, probes: list[float], results: Any) -> Noise:
        """Of what was measured between two readings.

        Args:
            before, after: the readings.
            probes: the times of the probes before and after.
            results: of the measurement, as JSON.
        """
        seconds = after.clock - before.clock
        busy, ours = after.busy - before.busy, after.ours - before.ours
        scatters = list(_scatters(results))
        return cls(
            (after.stolen - before.stolen) / seconds,
            max(0.0, busy - ours) / seconds,
            _scatter(*np.percentile(probes, [50, 10, 90])),
            float(np.median(scatters)) if scatters else None,
        )

    @property
    def reasons(self) -> list[str]:
        """Why the results are not to be published; empty if the machine was quiet."""
        said = {
            "stolen": f"the host took {self.stolen:.2f} processors away",
            "others": f"other processes kept {self.others:.2f} processors busy",
            "unevenness": f"the same work took times that differ by {self.unevenness:.0%}",
            "scatter": f"ratios of times scatter by {self.scatter or 0.0:.0%}",
        }
        return [
            f"{text} (limit {self.LIMITS[name]:g})"
            for name, text in said.items()
            if (getattr(self, name) or 0.0) > self.LIMITS[name]
        ]


def _scatter(median: float, p10: float, p90: float) -> float:
    return float((p90 - p10) / median)


def _scatters(results: Any, name: str = "") -> Iterator[float]:
    """Of every spread in the results that is one of _RATIOS."""
    if isinstance(results, dict):
        if name in _RATIOS and {"median", "p10", "p90"} <= set(results):
            yield _scatter(results["median"], results["p10"], results["p90"])
        for key, value in results.items():
            yield from _scatters(value, key)
    elif isinstance(results, list):
        for value in results:
            yield from _scatters(value, name)
