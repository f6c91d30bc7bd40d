# SPDX-License-Identifier: Apache-2.0
"""Which recipe comes closest to unstructured pruning: `./run experiment recipes`.

A cell is a way to train. In each, ways to choose blocks are compared with aligned blocks and with
unstructured pruning that are trained alike, so that a better training by itself closes no gap; how
far a recipe comes in the gap of the first cell, PLAIN, counts the training, too. Every recipe but
the unstructured one keeps blocks that are predicted to take the same time: 5% of each layer in
blocks of N = 8, by a latency budget other shares that together take as long, or with N = 4 as many
weights, which take 1% longer by the costs that `ubp.costs` comes with.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table

from bench.harness import picture
from bench.harness.table import count_of, terminal_table
from experiment.study import report as results
from experiment.study.command import Experiment
from experiment.study.recipe import (
    ADMM,
    GRADUAL_SPARSITY,
    REFERENCE,
    REWEIGHTED,
    Cell,
    Recipe,
    recipe_of,
)
from experiment.study.report import CellResult, Report

UPPER = "unstructured"  # the end of the gap that begins at REFERENCE
PLAIN = "vgg-plain"
_BLOCK_SIZE, _STEPS = 8, 460
_FAST: dict[str, Any] = {"learning_rate": 3e-3}
_FASTER: dict[str, Any] = {"learning_rate": 6e-3}
_DISTILLED: dict[str, Any] = {"distillation": 0.5}
_GRADIENT: dict[str, Any] = {"importance": "gradient", "rising_share": 0.4}
_PENALTY: dict[str, Any] = {"frequency": 30, "rising_share": 0.4}

_BUDGET = "optimal+permutation+latency"
_SMALL = "optimal+permutation, N=4"
_SHORT = (UPPER, "aligned", "optimal+permutation")
_ALL = (UPPER, "aligned", "optimal", "optimal+permutation", _BUDGET, _SMALL)
_MARKS = ("|", "s", "v", "o", "D", "P", "X", "^")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        _cell(PLAIN, "learning rate 0.001", _ALL),
        _cell("vgg-fast", "learning rate 0.003", _ALL, **_FAST),
        _cell("vgg-faster", "learning rate 0.006", _SHORT, **_FASTER),
        _cell(
            "vgg-straight",
            "straight-through gradients, learning rate 0.003",
            _SHORT,
            **_FAST,
            gradients="straight_through",
        ),
        _cell(
            "vgg-admm",
            "ADMM, learning rate 0.003",
            _SHORT,
            **_FAST,
            **_PENALTY,
            schedule=ADMM,
        ),
        _cell(
            "vgg-reweighted",
            "reweighted regularisation, learning rate 0.003",
            (*_SHORT, _BUDGET),
            **_FAST,
            **_PENALTY,
            schedule=REWEIGHTED,
        ),
        _cell(
            "vgg-distilled",
            "distillation, learning rate 0.003",
            (*_SHORT, _BUDGET),
            **_FAST,
            **_DISTILLED,
        ),
        _cell(
            "vgg-gradient",
            "importance by gradients, learning rate 0.003",
            (*_SHORT, _BUDGET),
            **_FAST,
            **_GRADIENT,
        ),
        _cell(
            "vgg-gradient-faster",
            "importance by gradients, learning rate 0.006",
            _ALL,
            **_FASTER,
            **_GRADIENT,
        ),
        _cell(
            "vgg-gradient-distilled",
            "importance by gradients, distillation, learning rate 0.006",
            _SHORT,
            **_FASTER,
            **_GRADIENT,
            **_DISTILLED,
        ),
    ]


def plain_cell(report: Report) -> CellResult | None:
    """PLAIN's results, if it was run."""
    return next((cell for cell in report.cells if cell.name == PLAIN), None)


def _cell(name: str, title: str, choices: Sequence[str], **training: Any) -> Cell:
    """Some ways to choose blocks, trained as these fields of `Recipe` say."""
    return Cell(
        name=name,
        title=f"vgg, {GRADUAL_SPARSITY:.0%}, N={_BLOCK_SIZE}, {_STEPS} steps, {title}",
        network="vgg",
        recipes={choice: _recipe(choice).but(**training) for choice in choices},
    )


def _recipe(choice: str) -> Recipe:
    """One way to choose blocks, trained as in PLAIN."""
    permuted = recipe_of("optimal+permutation", _BLOCK_SIZE, GRADUAL_SPARSITY, _STEPS)
    combined = {
        _BUDGET: permuted.but(scope="latency", normalize="lamp"),
        _SMALL: permuted.but(block_size=4),
    }
    return combined.get(choice) or recipe_of(choice, _BLOCK_SIZE, GRADUAL_SPARSITY, _STEPS)


def _tables(report: Report) -> Iterator[Table]:
    plain = plain_cell(report)
    for cell in report.cells:
        rows = results.recipe_rows(cell, plain, UPPER)
        yield terminal_table(results.RECIPE_HEADINGS, [rows], cell.title)


def _values(report: Report) -> dict[str, Any]:
    plain = plain_cell(report)
    return {
        "headings": results.RECIPE_HEADINGS,
        "rows": {cell.name: results.recipe_rows(cell, plain, UPPER) for cell in report.cells},
        "reference": REFERENCE,
        "upper": UPPER,
    }


def draw(path: Path, report: Report) -> None:
    """A row for each way to train, a mark for each way to choose blocks."""
    titles = [cell.title.split(", ") for cell in report.cells]
    columns = zip(*titles, strict=False)
    shared = [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
    recipes = list(dict.fromkeys(name for cell in report.cells for name in cell.recipes))
    figure = Figure(figsize=(10, 1.6 + 0.36 * len(titles)), layout="constrained")
    axes = figure.subplots()
    for index, recipe in enumerate(recipes):
        rows = [row for row, cell in enumerate(report.cells) if recipe in cell.recipes]
        axes.plot(
            [100 * report.cells[row].mean(recipe, "accuracy") for row in rows],
            rows,
            linestyle="",
            marker=_MARKS[index % len(_MARKS)],
            markersize=8,
            markeredgewidth=2 if _MARKS[index % len(_MARKS)] == "|" else 1,
            color=picture.SERIES[index % len(picture.SERIES)],
            label=recipe,
        )
    own = [", ".join(title[len(shared) :]) for title in titles]
    axes.set_yticks(range(len(titles)), own)
    axes.invert_yaxis()
    axes.set_xlabel(f"accuracy, %; mean of {count_of(len(report.seeds), 'seed')}")
    axes.set_title(", ".join(shared), fontsize=10, loc="left")
    axes.grid(color=picture.GRID)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    picture.save(figure, path)


_EXPERIMENT = Experiment(
    name="recipes",
    description="Prune a small network to 95% in blocks of 8, with combinations of permutation, "
    "budgets, importances, regularisation, learning rates and distillation, and report how much of "
    "the gap between aligned blocks and unstructured pruning each closes.",
    cells=cells(),
    values=_values,
    tables=_tables,
    draw=draw,
)


if __name__ == "__main__":
    sys.exit(main())
