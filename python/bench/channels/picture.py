"""The gains as a picture: every layer of every network, by the method of permuting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.channels.report import METHODS, NetworkResult, Report
from bench.harness import colours

_TITLES = {"chain": "chain", "hill_climb": "hill climb"}
_MARKERS = {"1x1": "o", "3x3": "s", "dense": "D"}
_OTHER_MARKER = "^"


def draw(path: Path, report: Report) -> None:
    """Draw all networks, one panel each, overwriting the file."""
    shown = [result for result in report.networks if result.layers]
    columns = 2 if any(result.trained for result in shown) and len(shown) > 1 else 1
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(8 * columns, 1 + 3.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for axes, result in zip(panels.flat, shown, strict=False):
        _draw_network(axes, result)
    for axes in panels[:, 0]:
        axes.set_ylabel("more importance kept, %")
    figure.suptitle(
        f"Channels permuted: what the optimal unaligned blocks of {report.block_size} keep at "
        f"{report.sparsity:.0%} zeros, over the original order"
    )
    by_label: dict[str, Any] = {}
    for axes in panels.flat:
        handles, labels = axes.get_legend_handles_labels()
        by_label |= dict(zip(labels, handles, strict=True))
    figure.legend(
        handles=list(by_label.values()),
        labels=list(by_label),
        loc="outside lower center",
        ncols=len(METHODS),
        frameon=False,
    )
    figure.savefig(path, dpi=100)


def _draw_network(axes: Any, result: NetworkResult) -> None:
    for method, colour in zip(METHODS, colours.SERIES, strict=False):
        for kernel in dict.fromkeys(layer.kernel for layer in result.layers):
            points = [
                (place, 100 * layer.gain(method))
                for place, layer in enumerate(result.layers)
                if layer.kernel == kernel
            ]
            axes.plot(
                *zip(*points, strict=True),
                _MARKERS.get(kernel, _OTHER_MARKER),
                color=colour,
                markersize=5,
                label=f"{_TITLES[method]}, {kernel}",
            )
    axes.axhline(0, color=colours.LINES, linewidth=1, linestyle="--")
    axes.set_title(result.label, fontsize=11)
    axes.set_xlabel("layer; those that share an order are side by side")
    axes.grid(axis="y", color=colours.GRID, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
