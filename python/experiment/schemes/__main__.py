# SPDX-License-Identifier: Apache-2.0
"""What pruning schemes keep at equal latency, on one runtime: `./run experiment schemes`.

Single weights, kernel patterns, block-punched, aligned and unaligned blocks, and removed channels,
each with as many zeros (or as few channels) as make the network so many times as fast as the dense
one in the interpreter, by measurement; pruned at once, and gradually while it trains on.
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
    KERNELS,
    ONE_SHOT,
    REMOVED,
    UNALIGNED,
    UNSTRUCTURED,
    Cell,
    Recipe,
)
from experiment.study.report import CellResult, Report, percent, points
from experiment.study.settings import Settings
from experiment.study.store import Store

REFERENCE = "unaligned/4"
_NETWORK = "vgg"
_DENSE_NAME = "dense"
_ONE_SHOT, _TRAINED = "one-shot", "fine-tuned"
SPEEDS = {_ONE_SHOT: (2,), _TRAINED: (3,)}  # times as fast as the dense network
_STEPS, _RATE = 230, 6e-3
_ANY = 0.8  # the sparsity of recipes whose own is not measured yet

_DENSE = Recipe(UNSTRUCTURED, 1, 0.0)
SCHEMES = {
    "unstructured": Recipe(UNSTRUCTURED, 1, _ANY),
    "patterns/1": Recipe(KERNELS, 1, _ANY),
    "patterns/4": Recipe(KERNELS, 4, _ANY),
    "punched/4x4": Recipe(ALIGNED, 4, _ANY, method="aligned", lanes=4),
    "punched/8x4": Recipe(ALIGNED, 8, _ANY, method="aligned", lanes=4),
    "aligned/4": Recipe(ALIGNED, 4, _ANY, method="aligned"),
    REFERENCE: Recipe(UNALIGNED, 4, _ANY),
    "removed": Recipe(REMOVED, 1, _ANY),
}
_TRAINING: dict[str, Any] = {
    "steps": _STEPS,
    "learning_rate": _RATE,
    "importance": "gradient",
    "rising_share": 0.4,
}
_HEADINGS = ("scheme", "weights gone", "kept", "microseconds", "accuracy", f"- {REFERENCE}", "NLL")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        Cell(
            name=_name(when, speed),
            title=f"{_NETWORK}, {when}, {speed} times as fast as dense",
            network=_NETWORK,
            recipes={_DENSE_NAME: _DENSE, **_recipes(when)},
        )
        for when, speeds in SPEEDS.items()
        for speed in speeds
    ]


def _name(when: str, speed: int) -> str:
    return f"{_NETWORK}-{when}-{speed}x"


def _recipes(when: str) -> dict[str, Recipe]:
    if when == _ONE_SHOT:
        return {name: recipe.but(start=ONE_SHOT) for name, recipe in SCHEMES.items()}
    return {name: recipe.but(**_TRAINING) for name, recipe in SCHEMES.items()}


def _settle(cells: Sequence[Cell], store: Store, settings: Settings) -> list[Cell]:
    speeds = {_name(when, each): float(each) for when in SPEEDS for each in SPEEDS[when]}
    return settled(cells, speeds, _DENSE, store, settings)


def rows(cell: CellResult) -> list[list[str]]:
    """A row of each scheme of a cell."""
    return [
        [
            name,
            f"{100 * cell.mean(name, 'sparsity'):.1f}%" if recipe.sparsity else "-",
            f"{100 * cell.mean(name, 'kept'):.1f}%",
            f"{1000 * cell.milliseconds[name]:.0f}",
            percent(cell.mean(name, "accuracy")),
            "-" if name == REFERENCE else points(cell.difference(name, REFERENCE, "accuracy")),
            f"{cell.mean(name, 'nll'):.3f}",
        ]
        for name, recipe in cell.recipes.items()
    ]


def _missing(cell: CellResult) -> list[str]:
    """Schemes of the cell that are never so fast, or always faster, but for those not asked for."""
    (written,) = [each for each in cells() if each.name == cell.name]
    return [name for name in written.recipes if name not in cell.recipes]


def _tables(report: Report) -> Iterator[Table]:
    for cell in report.cells:
        yield terminal_table(_HEADINGS, [rows(cell)], cell.title)


def _values(report: Report) -> dict[str, Any]:
    return {
        "headings": _HEADINGS,
        "rows": rows,
        "missing": _missing,
        "reference": REFERENCE,
        "steps": _STEPS,
        "rate": _RATE,
        "enlargement": FULL_EFFORT.enlargement,
    }


def draw(path: Path, report: Report) -> None:
    """A panel of each cell, a dot of each scheme's accuracy with its range over the seeds."""
    figure = Figure(figsize=(2 + 3.2 * len(report.cells), 3.4), layout="constrained")
    names = list(dict.fromkeys(name for cell in report.cells for name in cell.recipes))
    panels = figure.subplots(1, len(report.cells), squeeze=False)[0]
    for index, (axes, cell) in enumerate(zip(panels, report.cells, strict=True)):
        for place, name in enumerate(names):
            if name not in cell.recipes:
                continue
            values = [100 * value for value in cell.values(name, "accuracy")]
            axes.plot([min(values), max(values)], [place, place], color=picture.LINES)
            axes.plot(
                sum(values) / len(values),
                place,
                "o",
                markersize=5,
                color=picture.SERIES[0 if name == REFERENCE else 1],
            )
        axes.set_yticks(range(len(names)), names if index == 0 else [""] * len(names))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_title(cell.title.removeprefix(f"{_NETWORK}, "), fontsize=10)
        axes.grid(axis="x", color=picture.GRID)
        axes.spines[["top", "right"]].set_visible(False)
    seeds = count_of(len(report.seeds), "seed")
    figure.supxlabel(f"accuracy, %; mean and range of {seeds}", fontsize=10)
    picture.save(figure, path)


_EXPERIMENT = Experiment(
    name="schemes",
    description="Prune a small network by eight schemes, with as many zeros as make it equally "
    "fast in the interpreter, at once and gradually, and compare accuracy in pairs.",
    cells=cells(),
    values=_values,
    tables=_tables,
    draw=draw,
    reference=REFERENCE,
    settle=_settle,
)


if __name__ == "__main__":
    sys.exit(main())
