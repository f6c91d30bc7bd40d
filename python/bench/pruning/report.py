# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables and as a section of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bench.harness.machine import Machine
from bench.harness.statistics import Spread

STEP_HEADINGS = ("training step", "ms", "p10 to p90", "to dense")
UPDATE_HEADINGS = ("method", "scope", "ms", "p10 to p90", "share of training time")
_TARGET_SHARE = 0.05


@dataclass(frozen=True)
class UpdateResult:
    """An update of all masks.

    seconds: that it takes.
    share: the part of training time that one such update takes every `frequency` steps.
    """

    method: str
    scope: str
    seconds: Spread
    share: float


@dataclass(frozen=True)
class StepResult:
    """Training steps of the dense and of the pruned model, a group of each in turn.

    steps: of either model.
    dense, pruned: seconds of a step, without callbacks, by group.
    ratio: pruned over dense, of neighbouring groups.
    updates: how many fell into the steps.
    callback_seconds: that `UpdatePruning` took in all steps together, updates included.
    pruned_seconds: that all steps of the pruned model took together, without it.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("callback_share",)

    steps: int
    dense: Spread
    pruned: Spread
    ratio: Spread
    updates: int
    callback_seconds: float
    pruned_seconds: float

    @property
    def callback_share(self) -> float:
        """The part of training time that `UpdatePruning` took."""
        return self.callback_seconds / (self.callback_seconds + self.pruned_seconds)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    alpha, size, batch: MobileNet's width, the height and width of its images, images of a step.
    kernels, weights: that are pruned.
    frequency: steps from an update to the next.
    """

    date: str
    machine: Machine
    alpha: float
    size: int
    batch: int
    kernels: int
    weights: int
    block_size: int
    sparsity: float
    frequency: int
    steps: StepResult
    updates: list[UpdateResult]


def step_rows(report: Report) -> list[list[str]]:
    """The rows under STEP_HEADINGS."""
    steps = report.steps
    to_dense = f"{steps.ratio.median:.3f} ({steps.ratio.p10:.3f} to {steps.ratio.p90:.3f})"
    return [
        ["dense", *_milliseconds(steps.dense), "1"],
        ["pruned, without updates", *_milliseconds(steps.pruned), to_dense],
    ]


def update_row(update: UpdateResult) -> list[str]:
    """One row under UPDATE_HEADINGS."""
    return [update.method, update.scope, *_milliseconds(update.seconds), f"{update.share:.2%}"]


def target(report: Report) -> str:
    """A line on what the updates took of the steps that were trained."""
    steps = report.steps
    verdict = "met" if steps.callback_share < _TARGET_SHARE else "missed"
    return (
        f"UpdatePruning took {steps.callback_share:.2%} of {steps.steps} training steps with an "
        f"update every {report.frequency} ({steps.updates} of them); target: below "
        f"{_TARGET_SHARE:.0%}; {verdict}"
    )


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "target": target(report),
        "step_headings": STEP_HEADINGS,
        "step_rows": step_rows(report),
        "update_headings": UPDATE_HEADINGS,
        "update_rows": [update_row(update) for update in report.updates],
    }


def _milliseconds(seconds: Spread) -> list[str]:
    low, median, high = (
        f"{1000 * each:.1f}" for each in (seconds.p10, seconds.median, seconds.p90)
    )
    return [median, f"{low} to {high}"]
