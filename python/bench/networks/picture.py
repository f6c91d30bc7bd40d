"""The speed-ups as a picture: one panel per network, one bar per sparsity and number of threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.harness import colours
from bench.networks.report import Report, Result

_GROUP_WIDTH = 0.8  # of the bars of one sparsity; 1 leaves no gap


def draw(path: Path, report: Report) -> None:
    """Draw what was measured, overwriting the file."""
    networks = list(dict.fromkeys(result.network for result in report.results))
    threads = sorted({result.threads for result in report.results})
    figure = Figure(figsize=(1.5 + 4 * len(networks), 4.5), layout="constrained")
    panels = figure.subplots(1, len(networks), squeeze=False)[0]
    for axes, network in zip(panels, networks, strict=True):
        own = [result for result in report.results if result.network == network]
        _draw_network(axes, own, threads)
        axes.set_title(f"{network}, {own[0].input_size}x{own[0].input_size}", fontsize=12)
    panels[0].set_ylabel("times as fast as dense XNNPACK")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False)
    figure.suptitle(
        f"{report.machine.processor}, {report.date[:10]}", fontsize=10, x=0.99, ha="right"
    )
    figure.savefig(path, dpi=100)


def _draw_network(axes: Any, results: list[Result], threads: list[int]) -> None:
    sparsities = sorted({result.sparsity for result in results})
    width = _GROUP_WIDTH / len(threads)
    for index, count in enumerate(threads):
        own = [result for result in results if result.threads == count]
        offset = (index - (len(threads) - 1) / 2) * width
        spreads = [result.speedup for result in own]
        medians = np.array([spread.median for spread in spreads])
        bars = axes.bar(
            [sparsities.index(result.sparsity) + offset for result in own],
            medians,
            width,
            yerr=np.abs([[s.p10 for s in spreads], [s.p90 for s in spreads]] - medians),
            color=colours.SERIES[index % len(colours.SERIES)],
            error_kw={"elinewidth": 1, "ecolor": colours.LINES},
            label=f"{count} thread{'s' if count > 1 else ''}",
        )
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    axes.axhline(1, color=colours.LINES, linewidth=1, linestyle="--")
    axes.set_xticks(range(len(sparsities)), [f"{sparsity}%" for sparsity in sparsities])
    axes.set_xlabel("zeros in the pruned layers")
    axes.spines[["top", "right"]].set_visible(False)
