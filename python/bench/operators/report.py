# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of a table and as a section of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.harness.machine import Machine

HEADINGS = ("operator", "input", "XNNPACK us", "UBP us", "speed-up", "to planes", "to an image")
_AS_FAST = 0.98


@dataclass(frozen=True)
class Result:
    """One operator; times in microseconds.

    operator: its name, with kernel and stride where it has a window.
    size, channels: of the input, which is square.
    xnnpack_us: of an inference of the model that has just this operator.
    ubp_us: of the operator in the delegate.
    to_planes_us, to_image_us: of the changes of layout before and behind it, which operators in a
        row share; 0 where there are none.
    """

    operator: str
    size: int
    channels: int
    xnnpack_us: float
    ubp_us: float
    to_planes_us: float
    to_image_us: float

    @property
    def speedup(self) -> float:
        """Over XNNPACK, without changes of layout."""
        return self.xnnpack_us / self.ubp_us


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    rounds: in which both took turns.
    """

    date: str
    machine: Machine
    rounds: int
    results: list[Result]


def rows(report: Report) -> list[list[str]]:
    """The rows under HEADINGS."""
    return [
        [
            result.operator,
            f"{result.size}x{result.size}x{result.channels}",
            f"{result.xnnpack_us:.1f}",
            f"{result.ubp_us:.1f}",
            f"{result.speedup:.2f}x",
            f"{result.to_planes_us:.1f}",
            f"{result.to_image_us:.1f}",
        ]
        for result in report.results
    ]


def summary(report: Report) -> str:
    """A line on how many are at least as fast as XNNPACK's."""
    fast = sum(result.speedup >= _AS_FAST for result in report.results)
    return f"{fast} of {len(report.results)} at least {_AS_FAST}x as fast as XNNPACK's"


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {"headings": HEADINGS, "rows": rows(report), "summary": summary(report)}
