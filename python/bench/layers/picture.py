"""The layers as a picture: speed-up, share of the peak, and time against aligned blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from bench.harness import colours
from bench.layers.report import LayerResult, Report

# Label of the axis, the figure of a layer, and where a line is drawn.
_PANELS: tuple[tuple[str, Callable[[LayerResult], float | None], float], ...] = (
    ("times as fast as\ndense XNNPACK", lambda result: result.speedup, 1),
    ("% of the peak of\nmultiply-adds", lambda result: 100 * result.peak_share, 100),
    ("time over that of\naligned blocks", lambda result: result.to_aligned, 1),
)


def draw(path: Path, report: Report, shown: list[LayerResult]) -> None:
    """Draw the results of one setting, `report.select`ed, overwriting the file."""
    names = list(dict.fromkeys(result.layer.name for result in shown))
    families = list(dict.fromkeys(result.family for result in shown))
    figure = Figure(figsize=(3 + 0.24 * len(names), 10), layout="constrained")
    panels = figure.subplots(len(_PANELS), 1, sharex=True)
    for axes, (label, value_of, line) in zip(panels, _PANELS, strict=True):
        for family, colour in zip(families, colours.SERIES, strict=False):
            own = [result for result in shown if result.family == family]
            points = [
                (names.index(result.layer.name), value)
                for result in own
                if (value := value_of(result)) is not None
            ]
            axes.plot(
                *zip(*points, strict=True) if points else ([], []), "o", color=colour, label=family
            )
        axes.axhline(line, color=colours.LINES, linewidth=1, linestyle="--")
        axes.set_ylabel(label)
        axes.grid(axis="x", color=colours.GRID, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=0)
    panels[1].set_ylim(0, 105)
    panels[-1].set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    first = shown[0]
    figure.suptitle(
        f"N={first.block_size}, {first.sparsity}% zeros, threads: {first.threads}; "
        f"{report.machine.processor}, {report.date[:10]}",
        fontsize=10,
    )
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=100)
