# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables and as a section of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.harness.machine import Machine

SPREAD_HEADINGS = ("take=auto is ... times as fast", "least", "1%", "5%", "median", "95%", "target")
MISS_HEADINGS = ("seed", "operators", "XNNPACK us", "auto", "sparse", "all", "auto takes")
_TO_XNNPACK, _TO_BEST = 0.98, 0.95
_PERCENTILES = (0, 1, 5, 50, 95)
_SHOWN = 20
XNNPACK, AUTO, SPARSE, ALL = "xnnpack", "auto", "sparse", "all"


@dataclass(frozen=True)
class Result:
    """One chain.

    seed: that it was drawn by.
    operators: their names, in order.
    taken: how many of them the delegate took, by the value of its option `take`.
    times_us: of one inference, by XNNPACK alone and by `take`.
    """

    seed: int
    operators: list[str]
    taken: dict[str, int]
    times_us: dict[str, float]

    @property
    def to_xnnpack(self) -> float:
        """How many times as fast take=auto is as XNNPACK alone."""
        return self.times_us[XNNPACK] / self.times_us[AUTO]

    @property
    def to_best(self) -> float:
        """How many times as fast take=auto is as the better of take=sparse and take=all."""
        return min(self.times_us[SPARSE], self.times_us[ALL]) / self.times_us[AUTO]


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    rounds: in each of which every interpreter ran some inferences.
    """

    date: str
    machine: Machine
    rounds: int
    results: list[Result]


def spread_rows(report: Report) -> list[list[str]]:
    """The rows under SPREAD_HEADINGS."""
    return [
        _spread("as XNNPACK", [result.to_xnnpack for result in report.results], _TO_XNNPACK),
        _spread("as the better of sparse and all", [r.to_best for r in report.results], _TO_BEST),
    ]


def is_miss(result: Result) -> bool:
    """Whether the chain misses a target."""
    return result.to_xnnpack < _TO_XNNPACK or result.to_best < _TO_BEST


def misses(report: Report) -> list[Result]:
    """Chains that miss a target, the worst first."""
    missed = [result for result in report.results if is_miss(result)]
    return sorted(missed, key=lambda r: min(r.to_xnnpack / _TO_XNNPACK, r.to_best / _TO_BEST))


def miss_rows(report: Report) -> list[list[str]]:
    """The worst of them under MISS_HEADINGS; speed-ups are to XNNPACK."""
    return [
        [
            str(result.seed),
            _summary(result.operators),
            f"{result.times_us[XNNPACK]:.0f}",
            *(_speedup(result, take) for take in (AUTO, SPARSE, ALL)),
            f"{result.taken[AUTO]} of {len(result.operators)}",
        ]
        for result in misses(report)[:_SHOWN]
    ]


def target(report: Report) -> str:
    """A line on how many chains meet both targets."""
    total = len(report.results)
    missed = len(misses(report))
    return (
        f"{total - missed} of {total} chains: take=auto at least {_TO_XNNPACK}x XNNPACK and at "
        f"least {_TO_BEST}x the better of sparse and all; target: all; "
        f"{'missed' if missed else 'met'}"
    )


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "seeds": [result.seed for result in report.results],
        "target": target(report),
        "spread_headings": SPREAD_HEADINGS,
        "spread_rows": spread_rows(report),
        "missed": len(misses(report)),
        "miss_headings": MISS_HEADINGS,
        "miss_rows": miss_rows(report),
    }


def _spread(name: str, ratios: Sequence[float], least: float) -> list[str]:
    return [name, *(f"{each:.2f}x" for each in np.percentile(ratios, _PERCENTILES)), f"{least}x"]


def _speedup(result: Result, take: str) -> str:
    return f"{result.times_us[XNNPACK] / result.times_us[take]:.2f}x"


def _summary(operators: Sequence[str]) -> str:
    """Such as "5 CONV_2D, 2 ADD": the two commonest."""
    commonest = Counter(operators).most_common(2)
    return ", ".join(f"{count} {name}" for name, count in commonest)
