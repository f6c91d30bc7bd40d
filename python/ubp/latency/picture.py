# SPDX-License-Identifier: Apache-2.0
"""The picture of a latency model; needs matplotlib, which nothing else in ubp.latency does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ubp.arguments import shown
from ubp.extras import extra_needed

with extra_needed("a picture of a latency model"):
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

if TYPE_CHECKING:
    from ubp.latency.model import LatencyModel

_GREY, _GRID = "#707070", "#E0E0E0"
_LAYERS, _NETWORK = "#2A78D6", "#C2571A"
_INCHES = (6.4, 6.0)


def plot(model: LatencyModel, axes: Any) -> Any:
    """Draw predicted over measured times into `axes`, or a new figure's.

    Raises:
        ValueError: if `axes` are none, or nothing was held out.
    """
    if not isinstance(axes, Axes | None):
        raise ValueError(f"axes is {shown(axes)}; expected matplotlib's axes.")
    layers = [
        (point.us, model.of_layer(point.shape, point.block_size, point.num_blocks))
        for point in model.points
        if point.held_out
    ]
    trials = () if model.network is None else model.network.trials
    networks = [(each.us, model.of_model(each.settings)) for each in trials if each.held_out]
    if not layers + networks:
        raise ValueError("the latency model has no held-out points to draw.")
    if axes is None:
        _, axes = plt.subplots(figsize=_INCHES, layout="constrained")
    for points, colour, label in ((layers, _LAYERS, "layers"), (networks, _NETWORK, "network")):
        if points:
            axes.plot(*zip(*points, strict=True), "o", color=colour, alpha=0.7, label=label)
    ends = [min(min(each) for each in layers + networks), max(map(max, layers + networks))]
    axes.plot(ends, ends, color=_GREY, linewidth=1, linestyle=(0, (4, 4)))
    axes.set(xscale="log", yscale="log", xlabel="measured, us", ylabel="predicted, us")
    axes.set_title("Held-out points", loc="left")
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return axes
