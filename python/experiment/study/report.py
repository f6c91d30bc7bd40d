# SPDX-License-Identifier: Apache-2.0
"""What one experiment finds, as data and as rows of tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.harness.machine import Machine
from bench.harness.statistics import Interval, paired_difference, share_of_gap
from experiment.study.recipe import REFERENCE, Cell, Recipe
from experiment.study.settings import Settings
from experiment.study.store import Outcome, Run, Store

DENSE_HEADINGS = ("dense network", "accuracy", "lowest - highest", "NLL")
HEADINGS = ("method", "accuracy", "- aligned", "- greedy", "NLL", "kept")
RECIPE_HEADINGS = (
    "recipe",
    "accuracy",
    "- aligned",
    "gap closed",
    "95% interval",
    "of plain gap",
    "95% interval",
    "NLL",
    "kept",
)

# Which recipe is compared with which, in the table of questions.
QUESTIONS = (
    ("optimal", "aligned"),
    ("optimal", "greedy"),
    ("optimal", "bed"),
    ("optimal+permutation", "optimal"),
    ("optimal+global", "optimal"),
)


@dataclass(frozen=True)
class CellResult:
    """A cell's outcomes.

    name, title, network: the cell's.
    recipes: the cell's, by name.
    outcomes: of each recipe, in the order of the seeds, by the recipe's name.
    milliseconds: of an inference, by the recipe's name, where the cell has it.
    """

    name: str
    title: str
    network: str
    recipes: dict[str, Recipe]
    outcomes: dict[str, list[Outcome]]
    milliseconds: dict[str, float] = field(default_factory=dict)

    def values(self, recipe: str, measure: str) -> list[float]:
        """A field of the outcomes of one recipe."""
        return [getattr(outcome, measure) for outcome in self.outcomes[recipe]]

    def mean(self, recipe: str, measure: str) -> float:
        """Its mean."""
        values = self.values(recipe, measure)
        return sum(values) / len(values)

    def difference(self, recipe: str, other: str, measure: str) -> Interval:
        """Between two recipes, in pairs of the same seed."""
        return paired_difference(self.values(recipe, measure), self.values(other, measure))


@dataclass(frozen=True)
class Report:
    """One experiment.

    date: when its report was made, ISO 8601, UTC; finished runs may be older.
    settings: of all runs.
    seeds: of which each is a dense network, and what recipes make of it.
    dense: the outcomes of the dense networks in the order of the seeds, by the network's name.
    """

    date: str
    machine: Machine
    settings: Settings
    seeds: list[int]
    dense: dict[str, list[Outcome]]
    cells: list[CellResult]


def gather(
    cells: Sequence[Cell],
    seeds: Sequence[int],
    store: Store,
    settings: Settings,
    date: str,
    machine: Machine,
) -> Report:
    """The report of runs that are all finished."""
    networks = dict.fromkeys(cell.network for cell in cells)
    return Report(
        date=date,
        machine=machine,
        settings=settings,
        seeds=list(seeds),
        dense={network: [store.load(Run(network, seed)) for seed in seeds] for network in networks},
        cells=[
            CellResult(
                cell.name,
                cell.title,
                cell.network,
                dict(cell.recipes),
                {
                    name: [store.load(Run(cell.network, seed, recipe)) for seed in seeds]
                    for name, recipe in cell.recipes.items()
                },
                dict(cell.milliseconds),
            )
            for cell in cells
        ],
    )


# ---- rows --------------------------------------------------------------------------------------


def cell_rows(cell: CellResult) -> list[list[str]]:
    """Under HEADINGS, a row of each method."""
    return [
        [
            name,
            percent(cell.mean(name, "accuracy")),
            _points_apart(cell, name, "aligned"),
            _points_apart(cell, name, "greedy"),
            f"{cell.mean(name, 'nll'):.3f}",
            f"{100 * cell.mean(name, 'kept'):.1f}%",
        ]
        for name in cell.recipes
    ]


def recipe_rows(cell: CellResult, plain: CellResult | None, upper: str) -> list[list[str]]:
    """Under RECIPE_HEADINGS, a row of each recipe.

    Args:
        cell: of the recipes.
        plain: whose gap is the second one, of the same seeds; None if it was not run.
        upper: the recipe at whose accuracy gaps end, in both cells; they begin at REFERENCE.
    """
    return [
        [
            name,
            percent(cell.mean(name, "accuracy")),
            _points_apart(cell, name, REFERENCE),
            *_gap_closed(cell, name, cell, upper),
            *(_gap_closed(cell, name, plain, upper) if plain else ("-", "-")),
            f"{cell.mean(name, 'nll'):.3f}",
            f"{100 * cell.mean(name, 'kept'):.1f}%",
        ]
        for name in cell.recipes
    ]


def question_headings() -> list[str]:
    """Of the table that has the answers of all cells."""
    return ["cell", *(f"{ours} - {theirs}" for ours, theirs in QUESTIONS)]


def question_rows(report: Report) -> list[list[str]]:
    """A row of each cell: differences in accuracy."""
    return [
        [cell.title, *(_points_apart(cell, ours, theirs) for ours, theirs in QUESTIONS)]
        for cell in report.cells
    ]


def dense_rows(report: Report) -> list[list[str]]:
    """The dense networks: name, mean accuracy and its range, mean NLL."""
    rows = []
    for network, outcomes in report.dense.items():
        accuracies = [outcome.accuracy for outcome in outcomes]
        nll = sum(outcome.nll for outcome in outcomes) / len(outcomes)
        mean = sum(accuracies) / len(accuracies)
        span = f"{percent(min(accuracies))} - {percent(max(accuracies))}"
        rows.append([network, percent(mean), span, f"{nll:.3f}"])
    return rows


def _gap_closed(cell: CellResult, name: str, gap: CellResult, upper: str) -> tuple[str, str]:
    """The share of the gap in one cell that a recipe of another, or the same, has closed."""
    is_an_end = cell is gap and name in (REFERENCE, upper)
    if is_an_end or upper not in gap.recipes:
        return "-", "-"
    share = share_of_gap(
        cell.values(name, "accuracy"),
        gap.values(REFERENCE, "accuracy"),
        gap.values(upper, "accuracy"),
    )
    if math.isnan(share.estimate):
        return "-", "-"
    estimate = f"{100 * share.estimate:.0f}%"
    if math.isnan(share.low):
        return estimate, "-"
    return estimate, f"{100 * share.low:.0f} - {100 * share.high:.0f}%"


def _points_apart(cell: CellResult, ours: str, theirs: str) -> str:
    if ours == theirs or not {ours, theirs} <= cell.recipes.keys():
        return "-"
    return points(cell.difference(ours, theirs, "accuracy"))


def percent(share: float) -> str:
    """A share such as an accuracy."""
    return f"{100 * share:.2f}%"


def points(interval: Interval) -> str:
    """A difference of shares in percentage points, with half the width of its interval."""
    if math.isnan(interval.low):
        return f"{100 * interval.estimate:+.2f}"
    half = 50 * (interval.high - interval.low)
    return f"{100 * interval.estimate:+.2f} ± {half:.2f}"
