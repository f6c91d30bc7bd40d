# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, against the project's targets, as a section and as a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

from matplotlib.figure import Figure

from bench.harness import picture
from bench.harness.machine import Machine

HEADINGS = ("method", "instructions", "ms", "to optimal", "kept")
OPTIMAL, NUMPY_OPTIMAL, GLOBAL = "optimal", "optimal, NumPy", "optimal, one m for all layers"
HEAP_BED, PROGRAMME = "BED with a heap", "dynamic programme"
BED, GREEDY, ALIGNED = "bed", "greedy", "aligned"

# Milliseconds of the optimum on the fastest instruction set, by case: bound and target.
_OPTIMAL_MS = {"512x512": (2.0, 1.0), "4608x512": (16.0, 8.0), "ResNet50": (200.0, 100.0)}
_NUMPY_MS = {"ResNet50": (6000.0, 3000.0)}
_HEAP_RATIO = 10.0  # of the case that has the most layers
_BED_KEPT = 0.998
_ALIGNED_KEPT = (0.85, 0.95)


@dataclass(frozen=True)
class Result:
    """One contender on one case.

    case: its name.
    contender, family: see `Contender`.
    rounds_ms: milliseconds of each round.
    to_optimal: time over that of the exact optimum on the fastest instruction set, the median of
        the rounds' ratios.
    kept: importance inside the blocks, over the optimum's.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("ms",)

    case: str
    contender: str
    family: str
    rounds_ms: list[float]
    to_optimal: float
    kept: float

    @property
    def ms(self) -> float:
        """The median over the rounds."""
        return median(self.rounds_ms)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    sparsity: percent.
    weights: of each case.
    """

    date: str
    machine: Machine
    block_size: int
    sparsity: int
    rounds: int
    weights: dict[str, int]
    results: list[Result]

    def of(self, case: str) -> list[Result]:
        """The results of one case."""
        return [result for result in self.results if result.case == case]


def find(results: Iterable[Result], contender: str, family: str | None = None) -> Result | None:
    """The first result of a contender, on any family if none is named."""
    for result in results:
        if result.contender == contender and family in (None, result.family):
            return result
    return None


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    return [
        result.contender,
        result.family,
        f"{result.ms:.3g}" if result.ms < 1000 else f"{result.ms:.0f}",
        f"{result.to_optimal:.3g}x" if result.to_optimal < 1000 else f"{result.to_optimal:.0f}x",
        f"{result.kept:.3%}",
    ]


# ---- targets -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One target: a sentence with what was measured, and whether it is met."""

    text: str
    met: bool

    def __str__(self) -> str:
        return f"{self.text}: {'met' if self.met else 'MISSED'}"


def checks(report: Report) -> list[Check]:
    """Every target that something was measured for."""
    found: list[Check] = []
    for case in report.weights:
        results = report.of(case)
        found += _times(case, results)
        found += _ratios(case, results)
    return found


def _times(case: str, results: list[Result]) -> list[Check]:
    found = []
    for name, limits in ((OPTIMAL, _OPTIMAL_MS), (NUMPY_OPTIMAL, _NUMPY_MS)):
        result = find(results, name)
        if result is not None and case in limits:
            bound, target = limits[case]
            text = (
                f"{case}: {name} ({result.family}) takes {result.ms:.3g} ms, at most {bound:g} "
                f"(target {target:g})"
            )
            found.append(Check(text, result.ms <= bound))
    return found


def _ratios(case: str, results: list[Result]) -> list[Check]:
    found = []
    heap = find(results, HEAP_BED)
    if heap is not None and case == "ResNet50":
        text = f"{case}: {heap.contender} takes {heap.to_optimal:.1f} times as long, at least"
        found.append(Check(f"{text} {_HEAP_RATIO:g}", heap.to_optimal >= _HEAP_RATIO))
    bed, aligned = find(results, BED), find(results, ALIGNED)
    if bed is not None:
        text = f"{case}: bed keeps {bed.kept:.3%} of the optimum, at least {_BED_KEPT:.1%}"
        found.append(Check(text, bed.kept >= _BED_KEPT))
    if aligned is not None:
        low, high = _ALIGNED_KEPT
        text = f"{case}: aligned keeps {aligned.kept:.1%}, {low:.0%} to {high:.0%}"
        found.append(Check(text, low <= aligned.kept <= high))
    return found


# ---- section and picture -------------------------------------------------------------------------


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "checks": checks(report),
        "headings": HEADINGS,
        "rows": {case: [cells(result) for result in report.of(case)] for case in report.weights},
    }


def draw(path: Path, report: Report) -> None:
    """Time and kept importance of every contender, one panel per case."""
    cases = list(report.weights)
    rows = max(len(report.of(case)) for case in cases)
    figure = Figure(figsize=(6 * len(cases), 1.5 + 0.4 * rows), layout="constrained")
    for axes, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
        results = report.of(case)[::-1]
        labels = [
            result.contender if result.family == "-" else f"{result.contender} ({result.family})"
            for result in results
        ]
        bars = axes.barh(labels, [result.ms for result in results], color=picture.SERIES[0])
        axes.bar_label(
            bars, [f"{result.ms:.3g} ms, {result.kept:.2%}" for result in results], padding=4
        )
        axes.set_xscale("log")
        axes.margins(x=0.5)
        axes.set_title(f"{case}, {report.weights[case] / 1e6:.2f} million weights", fontsize=10)
        axes.set_xlabel("ms; share of the optimum's importance")
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"N={report.block_size}, {report.sparsity}% removed; {report.machine.processor}, "
        f"{report.date[:10]}",
        fontsize=10,
    )
    picture.save(figure, path)
