"""The results as a picture: a panel of each cell, a dot of each method with its interval."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from bench.harness import colours
from experiment.study.recipe import REFERENCE
from experiment.study.report import CellResult, Report
from experiment.study.statistics import Interval

_COLUMNS = 3


def draw(path: Path, report: Report) -> None:
    """Draw the differences in accuracy, overwriting the file; its suffix says its format."""
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
    count = len(report.seeds)
    figure.supxlabel(
        f"accuracy minus that of {REFERENCE} blocks, points; mean of {count} seeds, 95% interval",
        fontsize=10,
    )
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Save the figure, overwriting the file; its suffix says its format."""
    # Without a date and with fixed names in it, an SVG of the same results is the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ubp"}):
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=100, metadata=metadata)


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
            color=colours.SERIES[0] if interval.excludes_zero else colours.LINES,
        )
    axes.axvline(0, color=colours.LINES, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(names)), names if has_names else [""] * len(names))
    axes.invert_yaxis()
    axes.set_title(cell.title, fontsize=10)
    axes.grid(axis="x", color=colours.GRID)
    axes.spines[["top", "right"]].set_visible(False)


def _reach(interval: Interval) -> list[list[float]] | None:
    """Of the interval to both sides, as matplotlib takes it, in points."""
    if math.isnan(interval.low):
        return None
    return [
        [100 * (interval.estimate - interval.low)],
        [100 * (interval.high - interval.estimate)],
    ]
