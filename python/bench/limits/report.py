# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

from bench.harness import picture
from bench.harness.machine import Machine
from bench.harness.statistics import Spread
from bench.limits.model import Limit, Rates, step_limit, weight_bytes
from ubp.timing import DelegateProfile, StepWork

RATE_HEADINGS = ("level", "holds KiB", "load GB/s", "store GB/s", "copy GB/s")
SUMMARY_HEADINGS = ("network", "zeros", "us", "limit us", "time / limit", "p10 - p90", "target")
STEP_HEADINGS = ("step", "us", "limit us", "bound", "of limit", "lost us", "of time")
# Time over limit at most, by network and percent of zeros.
TARGETS = {
    ("MobileNet", 80): 1.4,
    ("MobileNet", 90): 1.5,
    ("MobileNetV2", 80): 1.75,
    ("MobileNetV2", 90): 2.0,
    ("ResNet50", 80): 1.12,
    ("ResNet50", 90): 1.2,
}
_LISTED = 12  # steps of a network on the page
_LONGEST_NAME = 80
_SLOW_SHARE, _LONG_SHARE = 0.5, 0.03  # of the limit at most, of the time at least


@dataclass(frozen=True)
class StepResult:
    """One step of a plan.

    number: in the order of execution, from 1.
    operators: op and layer of those it runs.
    work: what they have to do.
    us: microseconds; the median over the rounds.
    limit: on this machine.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("lost_us",)

    number: int
    operators: list[str]
    work: list[StepWork]
    us: float
    limit: Limit

    @property
    def lost_us(self) -> float:
        """What it takes more than its limit."""
        return self.us - self.limit.us

    @property
    def name(self) -> str:
        """Number, first layer and kinds of work, cut where that is long."""
        kinds = "+".join(work.kind for work in self.work)
        text = f"{self.number} {_layer_of(self.operators)}: {kinds}"
        return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."


def _layer_of(operators: Sequence[str]) -> str:
    """The first one's, of "CONV_2D 'network/network/layer/Relu;more'" "layer"."""
    if not operators:
        return "input"
    path = operators[0].partition("'")[2].rstrip("'").split(";")[0].split("/")
    return next((part for part in path if part != path[0]), path[0])


@dataclass(frozen=True)
class Result:
    """One network at one sparsity.

    sparsity: percent.
    time_over_limit: of all steps together, the rounds' ratios.
    inference_ms: as its caller sees it, the median over the rounds of each one's mean.
    """

    network: str
    sparsity: int
    time_over_limit: Spread
    inference_ms: float
    steps: list[StepResult]

    @property
    def us(self) -> float:
        """Microseconds of all steps together."""
        return sum(step.us for step in self.steps)

    @property
    def limit_us(self) -> float:
        """The sum of the limits."""
        return sum(step.limit.us for step in self.steps)

    @property
    def title(self) -> str:
        """Network and sparsity."""
        return f"{self.network}, {self.sparsity}% zeros"

    def by_loss(self) -> list[StepResult]:
        """The steps, those first that lose most."""
        return sorted(self.steps, key=lambda step: step.lost_us, reverse=True)

    def slow_steps(self) -> list[StepResult]:
        """Those that take a good part of the time and are far from their limit."""
        return [
            step
            for step in self.by_loss()
            if step.us > _LONG_SHARE * self.us and step.limit.us < _SLOW_SHARE * step.us
        ]


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    kernel: the delegate's.
    block_size, seed: of the pruning and of the random weights.
    inferences: of each round, in a row.
    rates: of a core, the highest of the rounds.
    """

    date: str
    machine: Machine
    kernel: str
    block_size: int
    seed: int
    rounds: int
    inferences: int
    rates: Rates
    results: list[Result]


def result_of(
    network: str, sparsity: int, profiles: Sequence[DelegateProfile], rates: Rates
) -> Result:
    """What some rounds say.

    Args:
        profiles: of each round.
        rates: of the machine.
    """
    works = [step.work for step in profiles[0].steps]
    weights = weight_bytes(works)
    limits = [step_limit(work, rates, weights) for work in works]
    times = np.array([[step.min_us for step in profile.steps] for profile in profiles])
    steps = [
        StepResult(
            number=index + 1,
            operators=[*step.operators],
            work=[*step.work],
            us=float(np.median(times[:, index])),
            limit=limits[index],
        )
        for index, step in enumerate(profiles[0].steps)
    ]
    return Result(
        network=network,
        sparsity=sparsity,
        time_over_limit=Spread.of(times.sum(axis=1) / sum(limit.us for limit in limits)),
        inference_ms=float(np.median([profile.mean_ms for profile in profiles])),
        steps=steps,
    )


def rate_rows(rates: Rates) -> list[list[str]]:
    """Under RATE_HEADINGS."""
    return [
        [
            level.name,
            "" if level.size is None else f"{level.size // 1024}",
            *(f"{rate:.1f}" for rate in (level.load, level.store, level.copy)),
        ]
        for level in rates.levels
    ]


def summary_cells(result: Result) -> list[str]:
    """One row under SUMMARY_HEADINGS."""
    ratio = result.time_over_limit
    target = TARGETS.get((result.network, result.sparsity))
    verdict = "met" if target is not None and ratio.median <= target else "missed"
    return [
        result.network,
        f"{result.sparsity}%",
        f"{result.us:.0f}",
        f"{result.limit_us:.0f}",
        f"{ratio.median:.2f}",
        f"{ratio.p10:.2f} - {ratio.p90:.2f}",
        "" if target is None else f"{target:.2f}: {verdict}",
    ]


def step_rows(result: Result, steps: Iterable[StepResult]) -> list[list[str]]:
    """Under STEP_HEADINGS."""
    return [_step_cells(step.name, [step], step.limit.bound, result) for step in steps]


def listed_rows(result: Result) -> list[list[str]]:
    """Those steps that lose most, and all others together."""
    steps = result.by_loss()
    rows = step_rows(result, steps[:_LISTED])
    rest = steps[_LISTED:]
    if rest:
        rows.append(_step_cells(f"the other {len(rest)}", rest, "", result))
    return rows


def _step_cells(name: str, steps: Sequence[StepResult], bound: str, result: Result) -> list[str]:
    us = sum(step.us for step in steps)
    limit = sum(step.limit.us for step in steps)
    return [
        name,
        f"{us:.1f}",
        f"{limit:.1f}",
        bound,
        f"{limit / us:.0%}" if us else "",
        f"{us - limit:.1f}",
        f"{us / result.us:.1%}",
    ]


def slow_line(result: Result) -> str:
    """Which steps matter and are far from their limit."""
    names = [step.name for step in result.slow_steps()]
    what = f"over {_LONG_SHARE:.0%} of the time and below {_SLOW_SHARE:.0%} of the limit"
    return f"{result.title}: {what}: {'; '.join(names) or 'no step'}"


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "rate_headings": RATE_HEADINGS,
        "rate_rows": rate_rows(report.rates),
        "summary_headings": SUMMARY_HEADINGS,
        "summary_rows": [summary_cells(result) for result in report.results],
        "step_headings": STEP_HEADINGS,
        "step_tables": {result.title: listed_rows(result) for result in report.results},
        "slow_lines": [slow_line(result) for result in report.results],
    }


def draw(path: Path, report: Report) -> None:
    """Time and limit of each step in the order of execution, a picture for each network."""
    results = report.results
    figure = Figure(figsize=(12, 0.6 + 2.6 * len(results)), layout="constrained")
    panels = np.ravel(figure.subplots(len(results), 1))
    for axes, result in zip(panels, results, strict=True):
        numbers = np.array([step.number for step in result.steps])
        times = [step.us for step in result.steps]
        limits = [step.limit.us for step in result.steps]
        axes.bar(numbers - 0.2, times, 0.4, color=picture.SERIES[0], label="time")
        axes.bar(numbers + 0.2, limits, 0.4, color=picture.SERIES[1], label="limit")
        axes.set_title(f"{result.title}: {result.time_over_limit.median:.2f} times the limit")
        axes.set_ylabel("us")
        axes.set_xlim(0.3, len(numbers) + 0.7)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("steps in the order of execution")
    picture.name_series(figure, panels[0])
    picture.name_machine(figure, report.machine, report.date)
    picture.save(figure, path)
