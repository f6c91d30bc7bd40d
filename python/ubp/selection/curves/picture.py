# SPDX-License-Identifier: Apache-2.0
"""The picture of trade-off curves; needs matplotlib, which nothing else in ubp.selection does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ubp.arguments import shown
from ubp.extras import extra_needed
from ubp.selection.curves.trade_off import TradeoffCurve
from ubp.selection.network.select import GlobalSelection

with extra_needed("a picture of trade-off curves"):
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.ticker import PercentFormatter

_NAMED = 8  # up to so many layers are named in a legend; more are told apart by a colour bar
_SHADES = [0.9 * step / 255 for step in range(256)]  # the yellow end is hard to see on white
_MAP = LinearSegmentedColormap.from_list("layers", plt.get_cmap("viridis")(_SHADES))
_GREY, _GRID = "#707070", "#E0E0E0"
_INCHES = (8.0, 5.6)


def plot(curves: Sequence[TradeoffCurve], axes: Any, selection: GlobalSelection | None) -> Any:
    """Draw a line for each layer into `axes`, or a new figure's; mark what `selection` has chosen.

    Returns:
        The axes.

    Raises:
        ValueError: if `axes` are none, or `selection` is none of as many layers.
    """
    if not isinstance(axes, Axes | None):
        raise ValueError(f"axes is {shown(axes)}; expected matplotlib's axes.")
    if not isinstance(selection, GlobalSelection | None):
        raise ValueError(f"selection is {shown(selection)}; expected a GlobalSelection.")
    if selection is not None and len(selection) != len(curves):
        raise ValueError(
            f"selection is of {len(selection)} layers; expected the {len(curves)} of the curves."
        )
    if axes is None:
        _, axes = plt.subplots(figsize=_INCHES, layout="constrained")
    order = Normalize(0, max(len(curves) - 1, 1))
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=(0, (4, 4)), label="at random")
    for index, curve in enumerate(curves):
        colour = _MAP(order(index))
        axes.plot(curve.density, curve.kept, color=colour, linewidth=1.3, label=curve.name)
        if selection is not None and curve.total > 0.0:
            chosen = selection[index]
            density = len(chosen) * chosen.block_weights / (chosen.shape[0] * chosen.shape[1])
            place = (density, chosen.score / curve.total)
            axes.plot(*place, "o", color=colour, markeredgecolor="white", markersize=7, zorder=3)
    _label(axes, curves, order)
    return axes


def _label(axes: Any, curves: Sequence[TradeoffCurve], order: Normalize) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="weights kept", ylabel="importance kept")
    axes.set_title("What each layer keeps of its importance at its best", loc="left")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) <= _NAMED:
        axes.legend(loc="lower right", frameon=False)
        return
    bar = axes.figure.colorbar(ScalarMappable(order, _MAP), ax=axes, pad=0.02, aspect=40)
    bar.set_ticks([0, len(curves) - 1], labels=[curves[0].name, curves[-1].name])
    bar.outline.set_visible(False)
