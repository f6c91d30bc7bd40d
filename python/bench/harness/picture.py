# SPDX-License-Identifier: Apache-2.0
"""What pictures have in common: colours, groups of bars, and how they are saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from bench.harness.machine import Machine
from bench.harness.statistics import Spread

SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe and Ito: for all kinds of eyes
LINES = "#404040"
GRID = "#e0e0e0"
_GROUP_WIDTH = 0.8  # of the bars of one group; 1 leaves no gap


def draw_groups(
    axes: Any, groups: Sequence[Any], series: Mapping[str, Mapping[Any, Spread]], line: float
) -> None:
    """Bars with their 10th and 90th percentiles, side by side in groups.

    Args:
        axes: where they are drawn; the groups are at 0, 1, ...
        groups: their names.
        series: the bars of one colour by their label; of each, the figures by the group's name.
        line: a figure that is marked.
    """
    width = _GROUP_WIDTH / len(series)
    for index, (label, spreads) in enumerate(series.items()):
        offset = (index - (len(series) - 1) / 2) * width
        figures = spreads.values()
        medians = np.array([each.median for each in figures])
        bars = axes.bar(
            [groups.index(group) + offset for group in spreads],
            medians,
            width,
            yerr=np.abs([[each.p10 for each in figures], [each.p90 for each in figures]] - medians),
            color=SERIES[index % len(SERIES)],
            error_kw={"elinewidth": 1, "ecolor": LINES},
            label=label,
        )
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    axes.axhline(line, color=LINES, linewidth=1, linestyle="--")
    axes.spines[["top", "right"]].set_visible(False)


def name_series(figure: Figure, axes: Any) -> None:
    """Say above the picture what the colours of some axes mean."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False)


def name_machine(figure: Figure, machine: Machine, date: str) -> None:
    """Say above the picture, at the right, where and when it was measured."""
    figure.suptitle(f"{machine.processor}, {date[:10]}", fontsize=10, x=0.99, ha="right")


def save(figure: Figure, path: Path) -> None:
    """Save the figure, overwriting the file; its suffix says its format."""
    # Without a date and with fixed names in it, an SVG of the same results is the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ubp"}):
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=100, metadata=metadata)
