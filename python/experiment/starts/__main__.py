# SPDX-License-Identifier: Apache-2.0
"""What training should begin with: `./run experiment starts`.

A network that `ubp.prune_without_training` made is trained on with its masks, for as many steps as
gradual pruning has; so is one that is pruned at once, by magnitude. Each number of steps is a
training of its own, whose learning rate falls to 0 within these steps.
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
from experiment.study.recipe import DENSE, ONE_SHOT, REBUILT, UNALIGNED, Cell, Recipe
from experiment.study.report import CellResult, Report, percent, points

STEPS = (0, 50, 100, 200, 500)
_BLOCK_SIZE = 4
_NETWORKS = ("vgg", "mobilenet")
_SPARSITIES = {95: 0.8, 80: 0.5}  # in percent; and where a rising one starts, of a rebuilt network
# Learning rates, by trial on another seed: little training moves a dense network far enough only
# at a high rate, at which it spoils a rebuilt one.
_RATE, _REBUILT_RATE = 6e-3, 3e-3
_FEW_STEPS, _FEW_STEPS_RATES = 100, {"vgg": 1.2e-2, "mobilenet": 6e-3}

_GLOBAL: dict[str, Any] = {"scope": "global", "normalize": "lamp"}
_GRADUAL: dict[str, Any] = {"start": DENSE, "importance": "gradient", "rising_share": 0.4}
STARTS: dict[str, dict[str, Any]] = {  # fields of `Recipe`
    "one-shot": {"start": ONE_SHOT},
    "gradual": _GRADUAL,
    "gradual+global": _GRADUAL | _GLOBAL,
    "rebuilt": {"start": REBUILT},
    "rebuilt+global": {"start": REBUILT} | _GLOBAL,
    "masks+global": {"start": REBUILT, "dense_weights": True} | _GLOBAL,
    "rebuilt+gradual+global": _GRADUAL | {"start": REBUILT} | _GLOBAL,
}
_TRAINED = ("masks+global", "rebuilt+gradual+global")  # what is nothing by itself
_QUESTIONS = (
    ("rebuilt", "one-shot"),
    ("rebuilt", "gradual"),
    ("rebuilt+global", "gradual+global"),
    ("rebuilt+gradual+global", "gradual+global"),
)
_REFERENCE = "one-shot/0"
_HEADINGS = ["start", *(f"{steps} steps" for steps in STEPS)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        Cell(
            name=f"{network}-{sparsity}",
            title=f"{network}, {sparsity}%, N={_BLOCK_SIZE}",
            network=network,
            recipes={
                _name(start, steps): _recipe(network, start, sparsity, steps)
                for start in STARTS
                for steps in STEPS
                if steps or start not in _TRAINED
            },
        )
        for sparsity in _SPARSITIES
        for network in _NETWORKS
    ]


def _name(start: str, steps: int) -> str:
    return f"{start}/{steps}"


def _recipe(network: str, start: str, sparsity: int, steps: int) -> Recipe:
    recipe = Recipe(UNALIGNED, _BLOCK_SIZE, sparsity / 100, **STARTS[start])
    if not steps:  # then gradual pruning is pruning at once
        return recipe.untrained.but(start=ONE_SHOT) if recipe.start == DENSE else recipe
    if start == "rebuilt+gradual+global":
        recipe = recipe.but(start_sparsity=_SPARSITIES[sparsity])
    rate = _RATE
    if steps <= _FEW_STEPS:
        is_rebuilt = recipe.start == REBUILT and not recipe.dense_weights
        rate = _REBUILT_RATE if is_rebuilt else _FEW_STEPS_RATES[network]
    return recipe.but(steps=steps, learning_rate=rate)


def _accuracies(cell: CellResult, start: str) -> dict[int, float]:
    """By the number of steps, of those that were run."""
    names = {steps: _name(start, steps) for steps in STEPS}
    return {
        steps: cell.mean(name, "accuracy") for steps, name in names.items() if name in cell.recipes
    }


def accuracy_rows(cell: CellResult) -> list[list[str]]:
    """A row of each start: accuracy after each number of steps."""
    curves = {start: _accuracies(cell, start) for start in STARTS}
    return [
        [start, *(percent(curve[steps]) if steps in curve else "-" for steps in STEPS)]
        for start, curve in curves.items()
        if curve
    ]


def question_rows(cell: CellResult) -> list[list[str]]:
    """A row of each question: the difference after each number of steps, and how long it is one."""
    rows = []
    for ours, theirs in _QUESTIONS:
        differences = {
            steps: cell.difference(_name(ours, steps), _name(theirs, steps), "accuracy")
            for steps in STEPS
            if {_name(ours, steps), _name(theirs, steps)} <= cell.recipes.keys()
        }
        if differences:
            ahead = [steps for steps, each in differences.items() if each.low > 0]
            cells = [points(differences[n]) if n in differences else "-" for n in STEPS]
            rows.append([f"{ours} - {theirs}", *cells, str(max(ahead, default="-"))])
    return rows


def _tables(report: Report) -> Iterator[Table]:
    for cell in report.cells:
        yield terminal_table(_HEADINGS, [accuracy_rows(cell)], cell.title)
        yield terminal_table([*_HEADINGS, "ahead up to"], [question_rows(cell)])


def _values(report: Report) -> dict[str, Any]:
    return {
        "headings": _HEADINGS,
        "question_headings": [*_HEADINGS, "ahead up to"],
        "accuracy_rows": accuracy_rows,
        "question_rows": question_rows,
        "rate": _RATE,
        "rebuilt_rate": _REBUILT_RATE,
        "few_steps": _FEW_STEPS,
        "few_steps_rates": _FEW_STEPS_RATES,
        "rising_from": _SPARSITIES,
    }


def draw(path: Path, report: Report) -> None:
    """A panel of each cell, a line of each start over the steps, which are placed by their rank."""
    figure = Figure(figsize=(2 + 4 * len(report.cells), 4.2), layout="constrained")
    panels = figure.subplots(1, len(report.cells), squeeze=False)[0]
    for axes, cell in zip(panels, report.cells, strict=True):
        for index, start in enumerate(STARTS):
            curve = _accuracies(cell, start)
            if curve:
                axes.plot(
                    [STEPS.index(steps) for steps in curve],
                    [100 * accuracy for accuracy in curve.values()],
                    marker="o",
                    markersize=4,
                    linestyle="-" if index < len(picture.SERIES) else "--",
                    color=picture.SERIES[index % len(picture.SERIES)],
                    label=start,
                )
        axes.set_xticks(range(len(STEPS)), [str(steps) for steps in STEPS])
        axes.set_title(cell.title, fontsize=10)
        axes.grid(color=picture.GRID)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("accuracy, %")
    seeds = count_of(len(report.seeds), "seed")
    figure.supxlabel(f"steps of training; mean of {seeds}", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    picture.save(figure, path)


_EXPERIMENT = Experiment(
    name="starts",
    description="Prune two small networks to 80 and 95% by ubp.prune_without_training, at once and "
    "gradually, train them for 0 to 500 steps, and compare their accuracy in pairs.",
    cells=cells(),
    values=_values,
    tables=_tables,
    draw=draw,
    reference=_REFERENCE,
)


if __name__ == "__main__":
    sys.exit(main())
