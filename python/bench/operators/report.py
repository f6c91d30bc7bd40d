# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables and as a section of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.harness.machine import Machine

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
    def input(self) -> str:
        """Its height, width and channels."""
        return f"{self.size}x{self.size}x{self.channels}"

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


def headings(report: Report) -> list[str]:
    """Of both tables: the inputs, in the order of their sizes."""
    return ["input", *_inputs(report)]


def speed_rows(report: Report) -> list[list[str]]:
    """A row for each operator: microseconds in the delegate, and the speed-up."""
    found = {(r.operator, r.input): f"{r.ubp_us:.1f} ({r.speedup:.2f}x)" for r in report.results}
    operators = dict.fromkeys(result.operator for result in report.results)
    return [
        [operator, *(found.get((operator, each), "") for each in _inputs(report))]
        for operator in operators
    ]


def layout_rows(report: Report) -> list[list[str]]:
    """Two rows, of the changes of layout around one whose output is as large as its input."""
    found = {r.input: r for r in report.results if r.operator == "DEPTHWISE_CONV_2D 3x3 / 1"}
    measured = [found.get(each) for each in _inputs(report)]
    return [
        ["to planes", *(f"{r.to_planes_us:.1f}" if r else "" for r in measured)],
        ["to an image", *(f"{r.to_image_us:.1f}" if r else "" for r in measured)],
    ]


def _inputs(report: Report) -> list[str]:
    return list({r.input: r for r in sorted(report.results, key=lambda r: r.size)})


def summary(report: Report) -> str:
    """A line on how many are at least as fast as XNNPACK's."""
    fast = sum(result.speedup >= _AS_FAST for result in report.results)
    return f"{fast} of {len(report.results)} at least {_AS_FAST}x as fast as XNNPACK's"


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "headings": headings(report),
        "speed_rows": speed_rows(report),
        "layout_rows": layout_rows(report),
        "summary": summary(report),
    }
