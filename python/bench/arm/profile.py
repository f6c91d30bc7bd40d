# SPDX-License-Identifier: Apache-2.0
"""Profiles of processors that are not here: what `ubp profile` would measure, from LLVM's models.

A layer is divided into tiles of pixels as the delegate divides it, one of a single pixel is one
tile of it, and every tile goes through all start channels and all blocks:

    cycles of a tile = (channels + N - 1) * cycles of a channel + blocks * cycles of a block

A dense layer takes as many cycles as its multiply-adds alone at the best rate of any loop: no dense
kernel takes fewer. Nothing else counts: not memory and caches, not changes of layout, not the zeros
around planes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.arm.report import VECTOR_PIXELS, Report, TileResult
from ubp.costs import LayerShape
from ubp.format import BLOCK_SIZES
from ubp.latency import Device, LatencyModel, Point
from ubp.selection import max_num_blocks
from ubp.timing.grid import latency_model_of


class _Core(NamedTuple):
    """A processor as phones and servers have it.

    family: of kernels that the delegate takes there.
    ghz: its clock.
    """

    family: str
    ghz: float


CORES = {
    "neoverse-n1": _Core("neon", 3.0),
    "neoverse-v1": _Core("neon", 2.6),
    "cortex-a510": _Core("neon_in_order", 1.8),
    "cortex-a55": _Core("neon_in_order", 1.8),
}

# What the grid is made of, as that of `ubp profile` is.
_KERNELS, _CHANNELS, _SIDES = (1, 3), (32, 96, 256, 512), (7, 14, 28, 56)
_ONE_PIXEL_CHANNELS = (64, 256, 1024)
_MOST_WEIGHTS = 1_200_000
_DENSITIES = (0.01, 0.6)
_EVERY_HELD_OUT = 3  # one shape of so many


def profile_of(report: Report, processor: str) -> LatencyModel:
    """The profile of a processor.

    Args:
        report: of the benchmark.
        processor: one of CORES.

    Raises:
        ValueError: if the report has no kernels that the delegate takes there.
    """
    core = CORES[processor]
    times = LayerCycles(report.tiles, core.family, processor)
    rng = np.random.default_rng(0)
    points = []
    for number, shape in enumerate(_shapes()):
        held_out = number % _EVERY_HELD_OUT == 1
        us = times.dense(shape) / (1e3 * core.ghz)
        points.append(Point(shape, None, 0, us, held_out))
        matrix = (shape.lanes, shape.channels)
        for n in BLOCK_SIZES:
            density = float(np.exp(rng.uniform(*np.log(_DENSITIES))))
            most = max_num_blocks(matrix, n)
            blocks = min(max(round(density * shape.weights / n), 1), most)
            us = times.sparse(shape, n, blocks) / (1e3 * core.ghz)
            points.append(Point(shape, n, blocks, us, held_out))
    name = f"{processor}, computed by llvm-mca of {report.llvm} at {core.ghz:g} GHz, not measured"
    device = Device(name, "aarch64", core.family, 1, report.library, report.date)
    return latency_model_of(points, device)


def write_profiles(report: Report, folder: Path) -> list[Path]:
    """Write the profiles of all processors; files of their names are overwritten.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for processor in CORES:
        paths.append(folder / f"{processor}.json")
        profile_of(report, processor).save(paths[-1], overwrite=True)
    return paths


def _shapes() -> Iterator[LayerShape]:
    for kernel, in_channels, channels, side in product(_KERNELS, _CHANNELS, _CHANNELS, _SIDES):
        pixels = float(side * side)
        shape = LayerShape.of_convolution(in_channels, channels, (kernel, kernel), pixels, pixels)
        if shape.weights <= _MOST_WEIGHTS:
            yield shape
    for in_channels, channels in product(_ONE_PIXEL_CHANNELS, repeat=2):
        yield LayerShape.of_convolution(in_channels, channels)


class LayerCycles:
    """Cycles of layers.

    Args:
        tiles: of a report.
        family: of kernels.
        processor: of which there are cycles.

    Raises:
        ValueError: if there are no kernels of that family.
    """

    def __init__(self, tiles: list[TileResult], family: str, processor: str) -> None:
        self._processor = processor
        self._tiles = {
            (tile.block_size, tile.pixels): tile for tile in tiles if tile.family == family
        }
        if not self._tiles:
            raise ValueError(f"there are no kernels '{family}' in the report.")
        self._multiply_adds = max(
            n * pixels / tile.bounds[processor] for (n, pixels), tile in self._tiles.items()
        )

    def dense(self, shape: LayerShape) -> float:
        """Of a dense layer."""
        return shape.out_pixels * shape.weights / self._multiply_adds

    def sparse(self, shape: LayerShape, block_size: int, num_blocks: int) -> float:
        """Of a layer with so many blocks; those of more channels than kernels have run as several
        of fewer."""
        n = min(block_size, max(n for n, _ in self._tiles))
        blocks = num_blocks * block_size // n
        return sum(
            (shape.channels + n - 1) * tile.channel_cycles[self._processor]
            + blocks * tile.cycles[self._processor]
            for tile in self._divided(shape, n)
        )

    def _divided(self, shape: LayerShape, n: int) -> Iterator[TileResult]:
        """The tiles of a layer's pixels, as delegate/cpu/operators/tiling.cc has them."""
        if shape.is_one_pixel:
            yield self._tiles[n, 1]
            return
        largest = max(pixels for size, pixels in self._tiles if size == n) // VECTOR_PIXELS
        vectors = math.ceil(shape.out_pixels / VECTOR_PIXELS)
        count = math.ceil(vectors / largest)
        for index in range(count):
            size = vectors * (index + 1) // count - vectors * index // count
            yield self._tiles[n, size * VECTOR_PIXELS]
