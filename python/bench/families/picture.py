"""The speed-ups as a picture: a group of bars per network, a bar per pruning, a row per threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.families.report import REQUIRED_SPEEDUP, Report, Result
from bench.harness import colours
from bench.harness.table import count_of

_GROUP_WIDTH = 0.8  # of the bars of one network; 1 leaves no gap


def draw(path: Path, report: Report) -> None:
    """Draw what was measured, overwriting the file."""
    names = list(dict.fromkeys(result.application for result in report.results))
    threads = sorted({result.threads for result in report.results})
    size = (2.5 + 1.1 * len(names), 0.8 + 3.4 * len(threads))
    figure = Figure(figsize=size, layout="constrained")
    rows = figure.subplots(len(threads), 1, squeeze=False, sharex=True)[:, 0]
    for axes, count in zip(rows, threads, strict=True):
        own = [result for result in report.results if result.threads == count]
        _draw_row(axes, own, names)
        axes.set_ylabel(f"times as fast as XNNPACK\n{count_of(count, 'thread')}")
    rows[-1].set_xticks(range(len(names)), names, rotation=30, ha="right")
    handles, labels = rows[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False)
    figure.suptitle(
        f"{report.machine.processor}, {report.date[:10]}", fontsize=10, x=0.99, ha="right"
    )
    figure.savefig(path, dpi=100)


def _draw_row(axes: Any, results: list[Result], names: list[str]) -> None:
    prunings = list(dict.fromkeys(result.pruning for result in results))
    width = _GROUP_WIDTH / len(prunings)
    for index, pruning in enumerate(prunings):
        own = [result for result in results if result.pruning == pruning]
        offset = (index - (len(prunings) - 1) / 2) * width
        spreads = [result.speedup for result in own]
        medians = np.array([spread.median for spread in spreads])
        bars = axes.bar(
            [names.index(result.application) + offset for result in own],
            medians,
            width,
            yerr=np.abs([[s.p10 for s in spreads], [s.p90 for s in spreads]] - medians),
            color=colours.SERIES[index % len(colours.SERIES)],
            error_kw={"elinewidth": 1, "ecolor": colours.LINES},
            label=f"{pruning} zeros",
        )
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    axes.axhline(REQUIRED_SPEEDUP, color=colours.LINES, linewidth=1, linestyle="--")
    axes.spines[["top", "right"]].set_visible(False)
