"""The results as rows of tables, and the project's target."""

from __future__ import annotations

from bench.harness.spread import Spread
from bench.training.report import Report, UpdateResult

STEP_HEADINGS = ("training step", "ms", "p10 to p90", "to dense")
UPDATE_HEADINGS = ("method", "scope", "ms", "p10 to p90", "share of training time")
_TARGET_SHARE = 0.05


def step_rows(report: Report) -> list[list[str]]:
    """The rows under STEP_HEADINGS."""
    steps = report.steps
    to_dense = f"{steps.ratio.median:.3f} ({steps.ratio.p10:.3f} to {steps.ratio.p90:.3f})"
    return [
        ["dense", *_milliseconds(steps.dense), "1"],
        ["pruned, without updates", *_milliseconds(steps.pruned), to_dense],
    ]


def update_row(report: Report, update: UpdateResult) -> list[str]:
    """One row under UPDATE_HEADINGS."""
    share = f"{report.share(update):.2%}"
    return [update.method, update.scope, *_milliseconds(update.seconds), share]


def target(report: Report) -> str:
    """A line on what the updates took of the steps that were trained."""
    steps = report.steps
    verdict = "met" if steps.callback_share < _TARGET_SHARE else "missed"
    return (
        f"UpdatePruning took {steps.callback_share:.2%} of {steps.steps} training steps with an "
        f"update every {report.frequency} ({steps.updates} of them); target: below "
        f"{_TARGET_SHARE:.0%}; {verdict}"
    )


def _milliseconds(seconds: Spread) -> list[str]:
    low, median, high = (
        f"{1000 * each:.1f}" for each in (seconds.p10, seconds.median, seconds.p90)
    )
    return [median, f"{low} to {high}"]
