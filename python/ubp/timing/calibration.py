"""Calibrate: measure the constants of the cost model on the machine at hand.

Single layers of several shapes, pruned to several sparsities in random blocks of every size, run
converted and dense, interleaved. The constants are those that explain the ratios best: of

    dense multiply-adds / speed-up = computed pixels * blocks * block[N] + transpose * activations

by least squares of the relative errors, and for pointwise layers of one pixel likewise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ubp.conversion.converter import convert
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES
from ubp.lanes import from_lanes
from ubp.selection import select_blocks
from ubp.tflite.single_operator import single_convolution, single_fully_connected
from ubp.timing.layers import time_pair

# Kernel, input channels, output channels, height and width.
_CONVOLUTIONS = ((1, 64, 128, 56), (1, 256, 256, 28), (1, 512, 512, 14), (3, 128, 128, 14))
_FULLY_CONNECTED = ((256, 512), (1024, 1024), (2048, 512))  # input and output channels
_SPARSITIES = (0.7, 0.9)
_SEED = 0
_MIN_COST = 0.01  # the least that rounding leaves


@dataclass(frozen=True)
class Point:
    """One measured layer: what the dense one costs, over the speed-up, and what that is made of.

    cost: in multiply-adds of the dense kernel.
    blocks: how many blocks are applied, each once per computed pixel.
    activations: values that change their layout; or for one pixel, that are read and written.
    """

    block_size: int
    cost: float
    blocks: float
    activations: float


def calibrate(rounds: int = 15, num_threads: int = 1, progress: bool = True) -> CostModel:
    """Measure the cost model's constants; takes about half a minute.

    Args:
        rounds: blocks of inferences for each layer, see ubp.benchmark.
        num_threads: of both interpreters.
        progress: show a progress bar on standard error, if that is a terminal.

    Raises:
        ValueError: if rounds is below 1.
    """
    prunings = list(product(_SPARSITIES, BLOCK_SIZES))
    convolutions, single = [], []
    with tqdm(
        total=(len(_CONVOLUTIONS) + len(_FULLY_CONNECTED)) * len(prunings),
        desc="calibrate",
        unit="layer",
        disable=None if progress else True,
    ) as bar:
        for convolution, (sparsity, n) in product(_CONVOLUTIONS, prunings):
            convolutions.append(_convolution(convolution, sparsity, n, num_threads, rounds))
            bar.update()
        for matrix, (sparsity, n) in product(_FULLY_CONNECTED, prunings):
            single.append(_fully_connected(matrix, sparsity, n, num_threads, rounds))
            bar.update()
    return fit(convolutions, single)


def fit(convolutions: list[Point], single: list[Point]) -> CostModel:
    """The constants that explain the measurements best; nothing is free."""
    rows = np.zeros((len(convolutions), len(BLOCK_SIZES) + 1))
    for row, point in zip(rows, convolutions, strict=True):
        row[BLOCK_SIZES.index(point.block_size)] = point.blocks / point.cost
        row[-1] = point.activations / point.cost
    solution = np.maximum(np.linalg.lstsq(rows, np.ones(len(rows)), rcond=None)[0], _MIN_COST)
    block = dict(zip(BLOCK_SIZES, (round(float(cost), 2) for cost in solution), strict=False))
    return CostModel(block, _fit_single(single), round(float(solution[-1]), 2), DEFAULT_COSTS.tile)


def _fit_single(points: list[Point]) -> dict[int, float]:
    costs = {}
    for n in BLOCK_SIZES:
        measured = [
            (point.cost - point.activations) / point.blocks
            for point in points
            if point.block_size == n
        ]
        costs[n] = round(max(float(np.median(measured)), _MIN_COST), 2)
    return costs


def _convolution(
    shape: tuple[int, int, int, int], sparsity: float, n: int, num_threads: int, rounds: int
) -> Point:
    kernel, in_channels, channels, size = shape
    weights, blocks = _pruned((kernel * kernel * in_channels, channels), sparsity, n)
    model = single_convolution(
        from_lanes(weights, (channels, kernel, kernel, in_channels), 0), size, size
    )
    pixels = size * size
    tile = DEFAULT_COSTS.tile
    return Point(
        n,
        pixels * weights.size / _speedup(model, n, num_threads, rounds),
        math.ceil(pixels / tile) * tile * blocks,
        pixels * (in_channels + channels),
    )


def _fully_connected(
    shape: tuple[int, int], sparsity: float, n: int, num_threads: int, rounds: int
) -> Point:
    weights, blocks = _pruned(shape, sparsity, n)
    activations = sum(shape)
    speedup = _speedup(single_fully_connected(weights.T), n, num_threads, rounds)
    return Point(n, (weights.size + activations) / speedup, blocks, activations)


def _pruned(shape: tuple[int, int], sparsity: float, n: int) -> tuple[npt.NDArray[np.float32], int]:
    """Random weights [lanes, channels] with blocks at random places, and how many blocks."""
    weights = np.random.default_rng(_SEED).standard_normal(shape, np.float32)
    selection = select_blocks(np.abs(weights), block_size=n, sparsity=sparsity)
    return weights * selection.mask(), len(selection)


def _speedup(model: bytes, n: int, num_threads: int, rounds: int) -> float:
    result = convert(model, block_size=n, min_speedup=0)
    return time_pair(result.dense, result.model, num_threads, rounds)
