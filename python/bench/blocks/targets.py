"""The project's targets for block selection, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from bench.blocks import contenders
from bench.blocks.report import Report, Result, find

# Milliseconds of the optimum on the fastest instruction set, by case: bound and target.
_OPTIMAL_MS = {"512x512": (2.0, 1.0), "4608x512": (16.0, 8.0), "ResNet50": (200.0, 100.0)}
_NUMPY_MS = {"ResNet50": (6000.0, 3000.0)}
_HEAP_RATIO = 10.0  # of the case that has the most layers
_BED_KEPT = 0.998
_ALIGNED_KEPT = (0.85, 0.95)


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
    for name, limits in ((contenders.OPTIMAL, _OPTIMAL_MS), (contenders.NUMPY_OPTIMAL, _NUMPY_MS)):
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
    heap = find(results, contenders.HEAP_BED)
    if heap is not None and case == "ResNet50":
        text = f"{case}: {heap.contender} takes {heap.to_optimal:.1f} times as long, at least"
        found.append(Check(f"{text} {_HEAP_RATIO:g}", heap.to_optimal >= _HEAP_RATIO))
    bed, aligned = find(results, contenders.BED), find(results, contenders.ALIGNED)
    if bed is not None:
        text = f"{case}: bed keeps {bed.kept:.3%} of the optimum, at least {_BED_KEPT:.1%}"
        found.append(Check(text, bed.kept >= _BED_KEPT))
    if aligned is not None:
        low, high = _ALIGNED_KEPT
        text = f"{case}: aligned keeps {aligned.kept:.1%}, {low:.0%} to {high:.0%}"
        found.append(Check(text, low <= aligned.kept <= high))
    return found
