# SPDX-License-Identifier: Apache-2.0
"""The picture of results: which weights are kept, and how much faster every layer runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import ubp
from bench.harness.picture import SERIES
from demo.layers import Speedups, layer_label
from demo.settings import BLOCK_SIZE, SPARSITY
from ubp.conversion.find import find_layers
from ubp.tflite import flatbuffer

_COLOURS = dict(zip(("unaligned", "aligned", "unstructured"), SERIES, strict=False))
_REMOVED = "#F0F0F0"
_GRID = "#B0B0B0"
_TITLES = {
    "unaligned": f"unaligned: blocks of {BLOCK_SIZE} start at any channel",
    "aligned": f"aligned: blocks start at multiples of {BLOCK_SIZE}",
    "unstructured": "unstructured: single weights",
}
_LANES_SHOWN, _CHANNELS_SHOWN = 16, 48
_BAR = 0.8  # thickness of all of a layer's bars together, where 1 leaves no gap between layers
_INCHES = (17.0, 13.0)
_DOTS_PER_INCH = 110


@dataclass(frozen=True)
class KeptWeights:
    """One layer's masks.

    label: which layer.
    masks: bool [lanes, channels] by the pattern's name; True: weight kept.
    """

    label: str
    masks: dict[str, npt.NDArray[np.bool_]]


def kept_weights(
    networks: dict[str, ubp.ConversionResult], layers: tuple[int, ...]
) -> list[KeptWeights]:
    """The masks of some layers, as they are in the files before conversion.

    Args:
        networks: by the pattern's name; they differ only in their weights.
        layers: their indices in the report of the conversion.
    """
    found = {
        name: find_layers(flatbuffer.parse(result.dense, name)) for name, result in networks.items()
    }
    kept = []
    for index in layers:
        masks = {}
        for name, each in found.items():
            candidate = each[index].candidate
            if candidate is None:
                raise ValueError(f"layer {index} of '{name}' cannot be drawn: not convertible.")
            masks[name] = candidate.weights != 0
        kept.append(KeptWeights(layer_label(next(iter(found.values()))[index]), masks))
    return kept


def draw(path: Path, kept: list[KeptWeights], charts: dict[str, list[Speedups]]) -> None:
    """Write the picture as a PNG file, overwriting it.

    Args:
        path: of the file.
        kept: one row of mask images each.
        charts: one bar chart each, by its title; the whole network's bars come first.
    """
    figure = Figure(figsize=_INCHES, layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.06))
    FigureCanvasAgg(figure)  # draws into memory, needs no screen
    figure.suptitle(
        f"Pruned to {SPARSITY:.0%} zeros, converted, and run in the standard interpreter",
        fontsize=20,
        weight="bold",
    )
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(5, 8))[:, 0]
    upper.suptitle("What is kept: the first weights of two layers", fontsize=16)
    _draw_masks(upper, kept)
    lower.suptitle("What it gains over the dense network in XNNPACK, one thread", fontsize=16)
    grid = lower.subplots(1, len(charts), squeeze=False)
    for axes, (title, layers) in zip(grid[0], charts.items(), strict=True):
        _draw_speedups(axes, title, layers)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def _draw_masks(figure: Any, kept: list[KeptWeights]) -> None:
    names = list(kept[0].masks)
    grid = figure.subplots(len(kept), len(names), squeeze=False)
    for row, layer in zip(grid, kept, strict=True):
        for axes, name in zip(row, names, strict=True):
            _draw_mask(axes, layer.masks[name], _COLOURS[name])
        row[0].set_ylabel(f"{layer.label}\nlanes", fontsize=12)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(_TITLES[name], fontsize=13)
    for axes in grid[-1]:
        axes.set_xlabel("output channels", fontsize=12)


def _draw_mask(axes: Any, mask: npt.NDArray[np.bool_], colour: str) -> None:
    corner = mask[:_LANES_SHOWN, :_CHANNELS_SHOWN]
    lanes, channels = corner.shape
    axes.pcolormesh(corner, cmap=ListedColormap([_REMOVED, colour]), vmin=0, vmax=1)
    axes.set_xticks(range(0, channels + 1, BLOCK_SIZE))
    axes.set_xticklabels(
        [str(tick) if tick % (4 * BLOCK_SIZE) == 0 else "" for tick in axes.get_xticks()]
    )
    axes.set_yticks(range(0, lanes + 1, 4))
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.hlines(range(1, lanes), 0, channels, color="white", linewidth=0.8)
    axes.set(aspect="equal", xlim=(0, channels), ylim=(lanes, 0))


def _draw_speedups(axes: Any, title: str, layers: list[Speedups]) -> None:
    names = list(dict.fromkeys(name for layer in layers for name in layer.times))
    thickness = _BAR / len(names)
    for position, name in enumerate(names):
        drawn = [(row, t.times[name]) for row, t in enumerate(layers) if name in t.times]
        offset = (position - (len(names) - 1) / 2) * thickness
        bars = axes.barh(
            [row + offset for row, _ in drawn],
            [times for _, times in drawn],
            height=thickness,
            color=_COLOURS[name],
            label=name,
        )
        # Opaque: the line of the dense network would strike out what lies on it.
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=10, bbox=paper)
    axes.axvline(1, color="black", linewidth=1.2, linestyle="--", label="dense, XNNPACK")
    axes.set_yticks(range(len(layers)), [layer.label for layer in layers], fontsize=11)
    axes.get_yticklabels()[0].set_weight("bold")
    axes.set_ylim(len(layers) - 0.5, -0.5)
    axes.set_xlabel("times as fast", fontsize=12)
    axes.set_title(title, fontsize=13)
    axes.margins(x=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=4, frameon=False, fontsize=11
    )
