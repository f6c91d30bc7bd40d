"""The recipes as a picture: a row for each way to train, a mark for each way to choose blocks."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from matplotlib.figure import Figure

from bench.harness import colours
from experiment.study.picture import save
from experiment.study.report import Report

_MARKS = ("|", "s", "v", "o", "D", "P", "X", "^")


def draw(path: Path, report: Report) -> None:
    """Draw the mean accuracies, overwriting the file; its suffix says its format."""
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
            color=colours.SERIES[index % len(colours.SERIES)],
            label=recipe,
        )
    own = [", ".join(title[len(shared) :]) for title in titles]
    axes.set_yticks(range(len(titles)), own)
    axes.invert_yaxis()
    axes.set_xlabel(f"accuracy, %; mean of {len(report.seeds)} seeds")
    axes.set_title(", ".join(shared), fontsize=10, loc="left")
    axes.grid(color=colours.GRID)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    save(figure, path)
