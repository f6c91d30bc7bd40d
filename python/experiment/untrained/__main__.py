# SPDX-License-Identifier: Apache-2.0
"""What pruning without training costs in accuracy: `./run experiment untrained`.

`ubp.prune_without_training`, with some of the training pictures and no labels, against pruning at
once by magnitude, at many sparsities, in blocks of 4 and 8 and in single weights.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table

from bench.harness import picture
from bench.harness.table import count_of, terminal_table
from experiment.study.command import Experiment
from experiment.study.recipe import ONE_SHOT, REBUILT, Cell, Recipe, recipe_of
from experiment.study.report import CellResult, Report, percent, points

_NETWORKS = ("vgg", "mobilenet")
_SPARSITIES = (50, 60, 70, 80, 90, 95)  # in percent
_BLOCK_SIZES = (4, 8)
_PICTURES = (64, 256, 1024)  # beside those that a recipe has by default
_CHOICES = {
    "rebuilt": "optimal",
    "rebuilt+aligned": "aligned",
    "rebuilt+permutation": "optimal+permutation",
}
_SINGLE = "single"
_REFERENCE = "one-shot/4"
_QUESTIONS = (
    ("rebuilt/4", "one-shot/4"),
    ("rebuilt/8", "one-shot/8"),
    ("rebuilt/4", "rebuilt+aligned/4"),
    ("rebuilt/8", "rebuilt+aligned/8"),
    ("rebuilt+permutation/4", "rebuilt/4"),
    ("rebuilt+permutation/8", "rebuilt/8"),
    (f"rebuilt/{_SINGLE}", "rebuilt/4"),
    ("rebuilt/4/1024", "rebuilt/4/64"),
)
_DRAWN = ("one-shot/4", "rebuilt/4", "rebuilt/8", f"rebuilt/{_SINGLE}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        Cell(
            name=f"{network}-untrained{sparsity}",
            title=f"{network}, {sparsity}%",
            network=network,
            recipes=_recipes(sparsity / 100),
        )
        for network in _NETWORKS
        for sparsity in _SPARSITIES
    ]


def _recipes(sparsity: float) -> dict[str, Recipe]:
    recipes: dict[str, Recipe] = {}
    for size in _BLOCK_SIZES:
        recipes[f"one-shot/{size}"] = recipe_of("optimal", size, sparsity).but(start=ONE_SHOT)
        for name, method in _CHOICES.items():
            recipes[f"{name}/{size}"] = recipe_of(method, size, sparsity).but(start=REBUILT)
    single = recipe_of("unstructured", 1, sparsity)
    recipes[f"one-shot/{_SINGLE}"] = single.but(start=ONE_SHOT)
    recipes[f"rebuilt/{_SINGLE}"] = single.but(start=REBUILT)
    for pictures in _PICTURES:
        recipes[f"rebuilt/4/{pictures}"] = recipes["rebuilt/4"].but(pictures=pictures)
    return recipes


def accuracy_headings(cells: Sequence[CellResult]) -> list[str]:
    """Of the table of a network's cells."""
    return ["method", *(_percent_of(cell) for cell in cells)]


def accuracy_rows(cells: Sequence[CellResult]) -> list[list[str]]:
    """A row of each method: accuracy in each of a network's cells."""
    names = dict.fromkeys(name for cell in cells for name in cell.recipes)
    return [
        [
            name,
            *(
                percent(cell.mean(name, "accuracy")) if name in cell.recipes else "-"
                for cell in cells
            ),
        ]
        for name in names
    ]


def question_rows(cells: Sequence[CellResult]) -> list[list[str]]:
    """A row of each question that cells of a network answer: differences in accuracy."""
    rows = []
    for ours, theirs in _QUESTIONS:
        answers = [
            points(cell.difference(ours, theirs, "accuracy"))
            if {ours, theirs} <= cell.recipes.keys()
            else "-"
            for cell in cells
        ]
        if set(answers) != {"-"}:
            rows.append([f"{ours} - {theirs}", *answers])
    return rows


def networks(report: Report) -> dict[str, list[CellResult]]:
    """The cells of each network."""
    return {
        network: [cell for cell in report.cells if cell.network == network]
        for network in report.dense
    }


def _percent_of(cell: CellResult) -> str:
    return f"{next(iter(cell.recipes.values())).sparsity:.0%}"


def _tables(report: Report) -> Iterator[Table]:
    for network, cells in networks(report).items():
        headings = accuracy_headings(cells)
        yield terminal_table(headings, [accuracy_rows(cells)], network)
        yield terminal_table(["difference", *headings[1:]], [question_rows(cells)])


def _values(report: Report) -> dict[str, Any]:
    return {
        "networks": networks(report),
        "accuracy_headings": accuracy_headings,
        "accuracy_rows": accuracy_rows,
        "question_rows": question_rows,
    }


def draw(path: Path, report: Report) -> None:
    """A panel of each network, a line of each of some methods over the sparsity."""
    panels = networks(report)
    figure = Figure(figsize=(2 + 4 * len(panels), 4), layout="constrained")
    for axes, (network, cells) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for name, color in zip(_DRAWN, picture.SERIES, strict=True):
            drawn = [cell for cell in cells if name in cell.recipes]
            axes.plot(
                [100 * cell.recipes[name].sparsity for cell in drawn],
                [100 * cell.mean(name, "accuracy") for cell in drawn],
                marker="o",
                markersize=4,
                color=color,
                label=name,
            )
        axes.set_title(network, fontsize=10)
        axes.grid(color=picture.GRID)
        axes.spines[["top", "right"]].set_visible(False)
    seeds = count_of(len(report.seeds), "seed")
    figure.supylabel("accuracy, %", fontsize=10)
    figure.supxlabel(f"zeros, %; mean of {seeds}", fontsize=10)
    picture.name_series(figure, figure.axes[0])
    picture.save(figure, path)


_EXPERIMENT = Experiment(
    name="untrained",
    description="Prune two small networks to 50 to 95% by ubp.prune_without_training and at once, "
    "in blocks of 4 and 8 and in single weights, with 64 to 1024 pictures, and compare their "
    "accuracy in pairs.",
    cells=cells(),
    values=_values,
    tables=_tables,
    draw=draw,
    reference=_REFERENCE,
)


if __name__ == "__main__":
    sys.exit(main())
