# SPDX-License-Identifier: Apache-2.0
"""Which blocks to keep, by what it costs in accuracy: `./run experiment accuracy`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table

from bench.harness import picture
from bench.harness.statistics import Interval
from bench.harness.table import count_of, terminal_table
from experiment.study import report as results
from experiment.study.command import Experiment
from experiment.study.recipe import GRADUAL_SPARSITY, METHODS, REFERENCE, Cell, recipe_of
from experiment.study.report import CellResult, Report

_COLUMNS = 3  # of panels


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        _one_shot("vgg", 8, 70),
        _one_shot("vgg", 8, 80),
        _one_shot("vgg", 4, 80),
        _one_shot("vgg", 2, 80, lanes=4),
        _one_shot("vgg", 4, 80, lanes=4),
        _gradual("vgg", 8, 230),
        _gradual("vgg", 8, 460),
        _gradual("vgg", 4, 230),
        _gradual("vgg", 2, 230, lanes=4),
        _gradual("vgg", 4, 230, lanes=4),
        _one_shot("mobilenet", 8, 80),
        _gradual("mobilenet", 8, 230),
    ]


def _one_shot(network: str, block_size: int, percent: int, lanes: int = 1) -> Cell:
    return Cell(
        name=f"{network}-oneshot{percent}-n{_block(block_size, lanes)}",
        title=f"{network}, one-shot, {percent}%, N={_block(block_size, lanes)}",
        network=network,
        recipes={name: recipe_of(name, block_size, percent / 100, lanes=lanes) for name in METHODS},
    )


def _gradual(network: str, block_size: int, steps: int, lanes: int = 1) -> Cell:
    block = _block(block_size, lanes)
    return Cell(
        name=f"{network}-gradual{steps}-n{block}",
        title=f"{network}, gradual, {GRADUAL_SPARSITY:.0%}, N={block}, {steps} steps",
        network=network,
        recipes={
            name: recipe_of(name, block_size, GRADUAL_SPARSITY, steps, lanes) for name in METHODS
        },
    )


def _block(block_size: int, lanes: int) -> str:
    return f"{block_size}" if lanes == 1 else f"{block_size}x{lanes}"


def _tables(report: Report) -> Iterator[Table]:
    yield terminal_table(results.DENSE_HEADINGS, [results.dense_rows(report)])
    for cell in report.cells:
        yield terminal_table(results.HEADINGS, [results.cell_rows(cell)], cell.title)
    title = "Differences in accuracy, points ± half of the 95% interval"
    yield terminal_table(results.question_headings(), [results.question_rows(report)], title)


def _values(report: Report) -> dict[str, Any]:
    return {
        "question_headings": results.question_headings(),
        "question_rows": results.question_rows(report),
        "dense_headings": results.DENSE_HEADINGS,
        "dense_rows": results.dense_rows(report),
        "headings": results.HEADINGS,
        "cell_rows": results.cell_rows,
    }


def draw(path: Path, report: Report) -> None:
    """A panel of each cell, a dot of each method with its interval."""
    columns = min(_COLUMNS, len(report.cells))
    rows = math.ceil(len(report.cells) / columns)
    longest = max(len(cell.recipes) for cell in report.cells)
    figure = Figure(
        figsize=(2 + 3.6 * columns, 0.6 + rows * (0.9 + 0.24 * longest)), layout="constrained"
    )
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for index, axes in enumerate(panels):
        if index < len(report.cells):
            _draw_cell(axes, report.cells[index], has_names=index % columns == 0)
        else:
            axes.set_visible(False)
    seeds = count_of(len(report.seeds), "seed")
    figure.supxlabel(
        f"accuracy minus that of {REFERENCE} blocks, points; mean of {seeds}, 95% interval",
        fontsize=10,
    )
    picture.save(figure, path)


def _draw_cell(axes: Any, cell: CellResult, has_names: bool) -> None:
    names = [name for name in cell.recipes if name != REFERENCE]
    for place, name in enumerate(names):
        interval = cell.difference(name, REFERENCE, "accuracy")
        axes.errorbar(
            100 * interval.estimate,
            place,
            xerr=_reach(interval),
            fmt="o",
            markersize=4,
            elinewidth=1.5,
            capsize=2,
            color=picture.SERIES[0] if interval.excludes_zero else picture.LINES,
        )
    axes.axvline(0, color=picture.LINES, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(names)), names if has_names else [""] * len(names))
    axes.invert_yaxis()
    axes.set_title(cell.title, fontsize=10)
    axes.grid(axis="x", color=picture.GRID)
    axes.spines[["top", "right"]].set_visible(False)


def _reach(interval: Interval) -> list[list[float]] | None:
    """Of the interval to both sides, as matplotlib takes it, in points."""
    if math.isnan(interval.low):
        return None
    return [
        [100 * (interval.estimate - interval.low)],
        [100 * (interval.high - interval.estimate)],
    ]


_EXPERIMENT = Experiment(
    name="accuracy",
    description="Prune two small networks on a hard, generated task in eight ways, twelve times "
    "each, at once and gradually, and compare their accuracy in pairs.",
    cells=cells(),
    values=_values,
    tables=_tables,
    draw=draw,
)


if __name__ == "__main__":
    sys.exit(main())
