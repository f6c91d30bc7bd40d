# SPDX-License-Identifier: Apache-2.0
"""Calibrate: measure the constants of the cost model on the machine at hand.

Single layers of several shapes, pruned to several sparsities in random blocks of every size, run
converted and dense, interleaved. The constants are those that explain the ratios best: of

    dense multiply-adds / speed-up = computed pixels * blocks * block[N] + transpose * activations

by least squares of the relative errors, and for pointwise layers of one pixel likewise.

On a GPU both are the delegate's own kernels, timed by the GPU's clock (profile.py): there
activations keep their layout, and layers of one pixel run densely, so that no blocks pay.
"""

from __future__ import annotations

import gc
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.conversion.converter import convert
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES
from ubp.lanes import from_lanes
from ubp.progress import Bar
from ubp.runtime import Interpreter
from ubp.selection import select_blocks
from ubp.tflite.single_operator import single_convolution, single_fully_connected
from ubp.timing.interleaved import block_timer, interleave
from ubp.timing.layers import time_pair
from ubp.timing.profile import read_profile

# Kernel, input channels, output channels, height and width.
_CONVOLUTIONS = ((1, 64, 128, 56), (1, 256, 256, 28), (1, 512, 512, 14), (3, 128, 128, 14))
_FULLY_CONNECTED = ((256, 512), (1024, 1024), (2048, 512))  # input and output channels
_SPARSITIES = (0.7, 0.9)
_SEED = 0
_MIN_COST = 0.01  # the least that rounding leaves
_NEVER = 1000.0  # the cost of a block where layers run densely, as in delegate/opencl/costs.cc
_GPU_BLOCK = 5  # inferences


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
    with Bar(
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


def calibrate_gpu(rounds: int = 15, progress: bool = True, **delegate_options: Any) -> CostModel:
    """Measure the constants for a GPU; takes some minutes.

    Args:
        rounds: blocks of inferences for each layer.
        progress: show a progress bar on standard error, if that is a terminal.
        delegate_options: as of `Interpreter`: precision, gpu_device, gpu_cache, gpu_tune.

    Raises:
        ValueError: if rounds is below 1, or the delegate refuses an option or finds no GPU.
    """
    options = delegate_options | {"backend": "gpu"}
    cases = list(product(_CONVOLUTIONS, _SPARSITIES, BLOCK_SIZES))
    points = []
    for (kernel, in_channels, channels, size), sparsity, n in Bar(
        cases, desc="calibrate", unit="layer", disable=None if progress else True
    ):
        shape = (kernel, in_channels, channels, size)
        model, weights, blocks = _layer(shape, sparsity, n)
        pixels = size * size
        speedup = _gpu_speedup(model, n, rounds, options)
        computed = math.ceil(pixels / DEFAULT_COSTS.tile) * DEFAULT_COSTS.tile
        points.append(Point(n, pixels * weights / speedup, computed * blocks, 0.0))
    single = dict.fromkeys(BLOCK_SIZES, _NEVER)
    return replace(fit(points, []), single=single, backend="gpu")


def _gpu_speedup(model: bytes, n: int, rounds: int, options: Mapping[str, Any]) -> float:
    """Of the kernels alone: the least time of each, by turns."""
    result = convert(model, block_size=n, min_speedup=0)
    models = {"dense": result.dense, "sparse": result.model}
    common = {**options, "take": "all", "sparse_from_dense": "off"}
    with tempfile.TemporaryDirectory() as directory:
        paths = {name: Path(directory, f"{name}.json") for name in models}
        timers = {
            name: block_timer(Interpreter(data, profile=paths[name], **common), _SEED)
            for name, data in models.items()
        }
        interleave(timers, rounds, _GPU_BLOCK, progress=False)
        timers.clear()
        gc.collect()  # the delegate writes a profile when its interpreter goes
        least = {
            name: sum(step.min_us for step in read_profile(path) if not step.conversion)
            for name, path in paths.items()
        }
    return least["dense"] / least["sparse"]


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
    for n in BLOCK_SIZES if points else ():
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
    _, in_channels, channels, size = shape
    model, weights, blocks = _layer(shape, sparsity, n)
    pixels = size * size
    tile = DEFAULT_COSTS.tile
    return Point(
        n,
        pixels * weights / _speedup(model, n, num_threads, rounds),
        math.ceil(pixels / tile) * tile * blocks,
        pixels * (in_channels + channels),
    )


def _layer(shape: tuple[int, int, int, int], sparsity: float, n: int) -> tuple[bytes, int, int]:
    """The model of one convolution, how many weights it has, and how many blocks."""
    kernel, in_channels, channels, size = shape
    weights, blocks = _pruned((kernel * kernel * in_channels, channels), sparsity, n)
    values = from_lanes(weights, (channels, kernel, kernel, in_channels), 0)
    return single_convolution(values, size, size), weights.size, blocks


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
