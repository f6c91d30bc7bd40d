# SPDX-License-Identifier: Apache-2.0
"""The picture of a mapping; needs matplotlib, which nothing else in ubp.mapping does."""

from __future__ import annotations

from typing import Any

from ubp.arguments import shown
from ubp.extras import extra_needed
from ubp.mapping.scheme_mapping import SchemeMapping

with extra_needed("a picture of a mapping"):
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

_COLOURS = {None: "#9AA0A6", 1: "#5E3C99", 2: "#2A78D6", 4: "#1B9E77", 8: "#E6AB02", 16: "#C2571A"}
_FIXED, _GRID = "#E0E0E0", "#E0E0E0"
_INCHES = (9.0, 3.2)


def plot(mapping: SchemeMapping, axes: Any) -> Any:
    """Draw the times of layers before and after, in the order of the model, one behind the other.

    Raises:
        ValueError: if `axes` are none.
    """
    if not isinstance(axes, Axes | None):
        raise ValueError(f"axes is {shown(axes)}; expected matplotlib's axes.")
    if axes is None:
        _, axes = plt.subplots(figsize=_INCHES, layout="constrained")
    unit = 1e3 if mapping.is_timed else 1e6
    for row, is_after in enumerate((False, True)):
        begin = mapping.fixed_us / unit
        axes.barh(row, begin, color=_FIXED, label="fixed" if is_after else None)
        for each in mapping.schemes:
            length = (each.us if is_after else each.dense_us) / unit
            colour = _COLOURS[each.block_size if is_after else None]
            axes.barh(row, length, left=begin, color=colour, edgecolor="white", linewidth=0.4)
            begin += length
    present = {each.block_size for each in mapping.schemes} | {None}
    for size in sorted(present, key=lambda n: n or 0):
        axes.barh(0, 0, color=_COLOURS[size], label="dense" if size is None else f"N={size}")
    axes.axvline(mapping.budget_us / unit, color="black", linewidth=1, linestyle=(0, (4, 4)))
    axes.set_yticks([0, 1], labels=["dense", "mapped"])
    axes.set_xlabel("milliseconds" if mapping.is_timed else "million multiply-adds")
    axes.set_title(f"{mapping.model}: {mapping.speedup:.2f}x", loc="left")
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    return axes
