# SPDX-License-Identifier: Apache-2.0
"""What int8 costs and gains in accuracy, at equal latency: `./run experiment int8`.

Sparse networks in float and in int8 are given as many zeros as make them equally fast in the
interpreter, by measurement. Speeds are in times of the same network in int8 without zeros, as
LiteRT runs it: that is what a sparse one competes with.
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
from experiment.study.equal_latency import FULL_EFFORT, settled
from experiment.study.recipe import (
    ALIGNED,
    AWARE,
    FLOAT,
    POST_TRAINING,
    UNALIGNED,
    UNSTRUCTURED,
    Cell,
    Recipe,
)
from experiment.study.report import CellResult, Report, percent, points
from experiment.study.settings import Settings
from experiment.study.store import Store

# How many times as fast as REFERENCE. Float is as fast as int8 only at the lower speeds.
SPEEDS = {"vgg": (1, 2, 4), "mobilenet": (1, 2, 3)}
REFERENCE = "int8-dense"
_STEPS, _RATE, _DENSE_RATE = 200, 6e-3, 1e-3
_ANY = 0.8  # the sparsity of recipes whose own is not measured yet

_DENSE = Recipe(UNSTRUCTURED, 1, 0.0)
_TRAINING: dict[str, Any] = {
    "steps": _STEPS,
    "learning_rate": _RATE,
    "importance": "gradient",
    "rising_share": 0.4,
}
_AS_THEY_ARE = {
    "float-dense": _DENSE,
    REFERENCE: _DENSE.but(quantization=POST_TRAINING),
    "int8-dense+aware": _DENSE.but(quantization=AWARE, steps=_STEPS, learning_rate=_DENSE_RATE),
}
_FLOATS = {
    "float-4x1": Recipe(UNALIGNED, 4, _ANY, **_TRAINING),
    "float-4x1+aligned": Recipe(ALIGNED, 4, _ANY, method="aligned", **_TRAINING),
}
_INT8 = {
    name: recipe
    for size in (2, 4)
    for name, recipe in (
        (f"int8-{size}x4", Recipe(UNALIGNED, size, _ANY, lanes=4, **_TRAINING)),
        (
            f"int8-{size}x4+aligned",
            Recipe(ALIGNED, size, _ANY, lanes=4, method="aligned", **_TRAINING),
        ),
    )
}
_QUESTIONS = (
    ("float-4x1", REFERENCE),
    ("int8-2x4", REFERENCE),
    ("int8-2x4", "float-4x1"),
    ("int8-4x4", "int8-2x4"),
    ("int8-2x4", "int8-2x4+aligned"),
    ("int8-4x4", "int8-4x4+aligned"),
    ("float-4x1", "float-4x1+aligned"),
    ("int8-2x4+aware", "int8-2x4"),
    ("int8-4x4+aware", "int8-4x4"),
    ("int8-dense+aware", REFERENCE),
)
_HEADINGS = ("method", "zeros", "times as fast", "accuracy", f"- {REFERENCE}", "NLL")
_QUESTION_HEADINGS = ("difference", "points")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        Cell(
            name=_name(network, speed),
            title=f"{network}, {_speed(speed)}",
            network=network,
            recipes=_recipes(speed),
        )
        for network, speeds in SPEEDS.items()
        for speed in speeds
    ]


def _name(network: str, speed: int) -> str:
    return f"{network}-int8-{speed}x"


def _speed(speed: int) -> str:
    return "as fast as dense int8" if speed == 1 else f"{speed} times as fast as dense int8"


def _recipes(speed: int) -> dict[str, Recipe]:
    """At 1 sparse int8 needs next to no zeros; above 2 float has too few weights left."""
    if speed == 1:
        return _AS_THEY_ARE | _FLOATS
    post = {name: recipe.but(quantization=POST_TRAINING) for name, recipe in _INT8.items()}
    unaligned = [name for name, recipe in _INT8.items() if recipe.pattern == UNALIGNED]
    dense = {REFERENCE: _AS_THEY_ARE[REFERENCE]}
    if speed == 2:
        return dense | _FLOATS | {name: post[name] for name in unaligned}
    aware = {f"{name}+aware": _INT8[name].but(quantization=AWARE) for name in unaligned}
    return dense | post | aware


def _settle(cells: Sequence[Cell], store: Store, settings: Settings) -> list[Cell]:
    speeds = {_name(network, each): float(each) for network in SPEEDS for each in SPEEDS[network]}
    return settled(cells, speeds, _AS_THEY_ARE[REFERENCE], store, settings)


def rows(cell: CellResult) -> list[list[str]]:
    """A row of each method of a cell."""
    return [
        [
            name,
            f"{100 * recipe.sparsity:.1f}%" if recipe.sparsity else "-",
            f"{cell.milliseconds[REFERENCE] / cell.milliseconds[name]:.2f}",
            percent(cell.mean(name, "accuracy")),
            "-" if name == REFERENCE else points(cell.difference(name, REFERENCE, "accuracy")),
            f"{cell.mean(name, 'nll'):.3f}",
        ]
        for name, recipe in cell.recipes.items()
    ]


def question_rows(cell: CellResult) -> list[list[str]]:
    """A row of each question that a cell answers."""
    return [
        [f"{ours} - {theirs}", points(cell.difference(ours, theirs, "accuracy"))]
        for ours, theirs in _QUESTIONS
        if {ours, theirs} <= cell.recipes.keys()
    ]


def _missing(cell: CellResult) -> list[str]:
    """Methods of the cell that are never so fast, or always faster, but for those not asked for."""
    (written,) = [each for each in cells() if each.name == cell.name]
    return [name for name in written.recipes if name not in cell.recipes]


def _tables(report: Report) -> Iterator[Table]:
    for cell in report.cells:
        yield terminal_table(_HEADINGS, [rows(cell)], cell.title)
        yield terminal_table(_QUESTION_HEADINGS, [question_rows(cell)])


def _values(report: Report) -> dict[str, Any]:
    return {
        "headings": _HEADINGS,
        "rows": rows,
        "question_headings": _QUESTION_HEADINGS,
        "question_rows": question_rows,
        "missing": _missing,
        "reference": REFERENCE,
        "steps": _STEPS,
        "rate": _RATE,
        "dense_rate": _DENSE_RATE,
        "enlargement": FULL_EFFORT.enlargement,
    }


def draw(path: Path, report: Report) -> None:
    """A panel of each cell, a dot of each method's accuracy with its range over the seeds."""
    figure = Figure(figsize=(2 + 3.4 * len(report.cells), 3.6), layout="constrained")
    names = list(dict.fromkeys(name for cell in report.cells for name in cell.recipes))
    panels = figure.subplots(1, len(report.cells), squeeze=False)[0]
    for index, (axes, cell) in enumerate(zip(panels, report.cells, strict=True)):
        for place, name in enumerate(names):
            if name in cell.recipes:
                values = [100 * value for value in cell.values(name, "accuracy")]
                is_float = cell.recipes[name].quantization == FLOAT
                axes.plot(
                    [min(values), max(values)],
                    [place, place],
                    color=picture.LINES,
                    linewidth=1.5,
                )
                axes.plot(
                    sum(values) / len(values),
                    place,
                    "o",
                    markersize=5,
                    color=picture.SERIES[0 if is_float else 1],
                )
        axes.set_yticks(range(len(names)), names if index == 0 else [""] * len(names))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_title(cell.title, fontsize=10)
        axes.grid(axis="x", color=picture.GRID)
        axes.spines[["top", "right"]].set_visible(False)
    seeds = count_of(len(report.seeds), "seed")
    figure.supxlabel(f"accuracy, %; mean and range of {seeds}", fontsize=10)
    picture.save(figure, path)


_EXPERIMENT = Experiment(
    name="int8",
    description="Prune two small networks in float and in int8, with as many zeros as make them "
    "equally fast in the interpreter, quantised after training and trained for it, and compare "
    "their accuracy in pairs.",
    cells=cells(),
    values=_values,
    tables=_tables,
    draw=draw,
    reference=REFERENCE,
    settle=_settle,
)


if __name__ == "__main__":
    sys.exit(main())
