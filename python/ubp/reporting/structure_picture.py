# SPDX-License-Identifier: Apache-2.0
"""The picture of a layer's blocks; needs matplotlib, which `block_structure` itself does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ubp.arguments import check_whole, shown
from ubp.extras import extra_needed

if TYPE_CHECKING:
    from ubp.reporting.structure import BlockStructure

with extra_needed("a picture of blocks"):
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

_ZERO, _KEPT, _OUTLINE = "#F0F0F0", "#2A6FBB", "#10263F"
_CELL = 0.11  # inches
_AROUND = 1.0  # inches, for labels


def plot(structure: BlockStructure, axes: Any, lanes: int, channels: int) -> Any:
    """Draw the first lanes and channels of a structure; see `BlockStructure.plot`."""
    if not isinstance(axes, Axes | None):
        raise ValueError(f"axes is {shown(axes)}; expected matplotlib's axes.")
    check_whole("lanes", lanes, 1)
    check_whole("channels", channels, 1)
    shape = structure.nonzero.shape
    lanes, channels = min(lanes, shape[0]), min(channels, shape[1])
    if axes is None:
        inches = (channels * _CELL + _AROUND, lanes * _CELL + _AROUND)
        _, axes = plt.subplots(figsize=inches, layout="constrained")
    axes.imshow(
        structure.nonzero[:lanes, :channels],
        cmap=ListedColormap([_ZERO, _KEPT]),
        vmin=0,
        vmax=1,
        aspect="equal",
        interpolation="nearest",
        extent=(0, channels, lanes, 0),
    )
    blocks = [
        Rectangle((start, lane), structure.block_size, structure.block_lanes)
        for lane, start in zip(structure.lanes.tolist(), structure.starts.tolist(), strict=True)
        if lane < lanes and start < channels
    ]
    axes.add_collection(
        PatchCollection(blocks, facecolor="none", edgecolor=_OUTLINE, linewidth=0.9)
    )
    axes.set(xlim=(0, channels), ylim=(lanes, 0), xlabel="output channel", ylabel="lane")
    size = f"{structure.block_size} x {structure.block_lanes}"
    title = f"{structure.num_blocks} blocks of {size}, {structure.fill:.0%} full"
    axes.set_title(title, loc="left", fontsize="medium")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return axes
