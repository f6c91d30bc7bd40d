# SPDX-License-Identifier: Apache-2.0
"""The device measured: `measure_device`, for layers of any shape.

Single layers of random shapes, kernels 1x1 and 3x3, and some of one pixel, run dense in the
standard interpreter and with blocks of every N in ours, each with a density of its own; some more
run dense only. All of them have their turn, again and again; the least steady time of each counts.
A third of the shapes are held out: they say how far predictions for other layers are off.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ubp.arguments import check_counts, check_number, check_whole
from ubp.conversion.converter import convert
from ubp.costs import DEFAULT_COSTS, CostModel, LayerShape
from ubp.format import BLOCK_SIZES
from ubp.lanes import from_lanes
from ubp.latency import Device, LatencyModel, Point
from ubp.progress import Bar
from ubp.selection import max_num_blocks, select_blocks
from ubp.tflite.single_operator import single_convolution, single_fully_connected
from ubp.timing.calibration import Point as CalibrationPoint
from ubp.timing.calibration import fit
from ubp.timing.interleaved import BlockTimer
from ubp.timing.place import Place, ThisMachine
from ubp.timing.runs import least_us

SECONDS = 110.0
SHAPES = 36
_MORE_DENSE, _ONE_PIXEL = 0.6, 0.7  # shapes of these kinds, for each of the first
_EVERY_HELD_OUT = 3  # one shape of so many
_CHANNELS, _SIDES = (32, 512), (7, 14, 28, 56)
_DENSITIES = (0.03, 0.6)
_MOST_WEIGHTS, _MOST_WORK = 1_200_000, 1.3e8  # of a layer; multiply-adds
_ROUND_MS = 4.0  # of one layer in one round
_MOST_RUNS = 100
_TILE = DEFAULT_COSTS.tile
_LEAST_ROUNDS = 3


class _Layer(NamedTuple):
    """A layer to measure.

    kernel, side: height and width, of the kernel and of the input.
    held_out: nothing is to be fitted to it.
    sizes: N to measure beside the dense layer.
    """

    shape: LayerShape
    kernel: int
    side: int
    held_out: bool
    sizes: tuple[int, ...]


def measure_device(
    *,
    num_threads: int = 1,
    seconds: float = SECONDS,
    shapes: int = SHAPES,
    seed: int = 0,
    progress: bool = True,
    place: Place | None = None,
    **delegate_options: Any,
) -> LatencyModel:
    """Measure how long layers alone take on a device, dense and with blocks of each N.

    Args:
        num_threads: of the interpreters and the delegate.
        seconds: to measure for, beside about half a minute of preparation.
        shapes: of convolutions with blocks, 3 or more; the more, the better are predictions.
        seed: of the shapes, densities and inputs.
        progress: show a progress bar on standard error, if that is a terminal.
        place: where the layers run; this machine by default.
        delegate_options: as of `ubp.Interpreter`.

    Raises:
        ValueError: if an argument is not as described.
        RuntimeError: as of `ubp.Interpreter`.
    """
    check_counts(num_threads=num_threads)
    check_whole("seed", seed, 0)
    check_whole("shapes", shapes, 3)
    check_number("seconds", seconds, "a number above 0", lambda value: 0 < value < np.inf)
    rng = np.random.default_rng(seed)
    layers = [
        *_convolutions(rng, shapes, BLOCK_SIZES),
        *_convolutions(rng, round(_MORE_DENSE * shapes), ()),
        *_fully_connected(rng, max(round(_ONE_PIXEL * shapes), 3)),
    ]
    points: list[Point] = []
    timers: list[BlockTimer] = []
    hidden = None if progress else True
    with (place or ThisMachine()).open(num_threads, seed, **delegate_options) as runs:
        for layer in Bar(layers, "prepare", unit="shape", disable=hidden):
            for point, data in _prepared(layer, rng):
                points.append(point)
                timers.append(runs.timer(data, delegated=point.block_size is not None))
        least = least_us(timers, _rounds(seconds, hidden), _ROUND_MS, _MOST_RUNS)
        device = runs.device()
    measured = tuple(
        Point(point.shape, point.block_size, point.num_blocks, us, point.held_out)
        for point, us in zip(points, least, strict=True)
    )
    return latency_model_of(measured, device)


def latency_model_of(points: Sequence[Point], device: Device) -> LatencyModel:
    """What points say of a device.

    Args:
        points: of every shape a dense one, and some of every N, of one pixel and of several; not
            all of them held out.
        device: that they are of.
    """
    costs = _constants(points)
    return LatencyModel(costs, _unit_us(points, costs), device, tuple(points))


def _convolutions(rng: np.random.Generator, count: int, sizes: tuple[int, ...]) -> Iterator[_Layer]:
    number = 0
    while number < count:
        kernel = 1 if rng.random() < 0.65 else 3
        side = int(rng.choice(_SIDES))
        in_channels, channels = (_multiple_of_8(rng) for _ in range(2))
        shape = LayerShape.of_convolution(
            in_channels, channels, (kernel, kernel), float(side**2), float(side**2)
        )
        if shape.weights > _MOST_WEIGHTS or shape.weights * side**2 > _MOST_WORK:
            continue
        yield _Layer(shape, kernel, side, number % _EVERY_HELD_OUT == 1, sizes)
        number += 1


def _fully_connected(rng: np.random.Generator, count: int) -> Iterator[_Layer]:
    for number in range(count):
        sizes = (2 * _multiple_of_8(rng), 2 * _multiple_of_8(rng))
        shape = LayerShape.of_convolution(*sizes)
        yield _Layer(shape, 1, 1, number % _EVERY_HELD_OUT == 1, BLOCK_SIZES)


def _multiple_of_8(rng: np.random.Generator) -> int:
    return 8 * round(float(np.exp(rng.uniform(*np.log(_CHANNELS)))) / 8)


def _prepared(layer: _Layer, rng: np.random.Generator) -> Iterator[tuple[Point, bytes]]:
    """The layer dense, and converted with blocks of each N."""
    shape = layer.shape
    matrix = (shape.lanes, shape.channels)
    weights = rng.standard_normal(matrix, np.float32)
    yield Point(shape, None, 0, 0.0, layer.held_out), _model(layer, weights)
    importance = np.abs(weights)
    for n in layer.sizes:
        density = float(np.exp(rng.uniform(*np.log(_DENSITIES))))
        blocks = int(np.clip(round(density * weights.size / n), 1, max_num_blocks(matrix, n)))
        mask = select_blocks(importance, n, num_blocks=blocks).mask()
        result = convert(_model(layer, weights * mask), block_size=n, min_speedup=0)
        yield Point(shape, n, blocks, 0.0, layer.held_out), result.model


def _model(layer: _Layer, weights: np.ndarray) -> bytes:
    if layer.shape.is_one_pixel:
        return single_fully_connected(np.ascontiguousarray(weights.T))
    kernel, shape = layer.kernel, layer.shape
    values = from_lanes(weights, (shape.channels, kernel, kernel, shape.in_channels), 0)
    return single_convolution(values, layer.side, layer.side)


def _rounds(seconds: float, hidden: bool | None) -> Iterator[int]:
    """Numbers of rounds until the time is over, with a bar of it."""
    begin, number = time.perf_counter(), 0
    with Bar(total=round(seconds), desc="measure", unit="s", disable=hidden) as bar:
        while number < _LEAST_ROUNDS or time.perf_counter() - begin < seconds:
            yield number
            number += 1
            bar.update(min(round(time.perf_counter() - begin), bar.total) - bar.n)


def _constants(points: Sequence[Point]) -> CostModel:
    """The constants that explain the ratios of the points best, as `ubp calibrate` has them."""
    dense_us = {point.shape: point.us for point in points if point.block_size is None}
    several: list[CalibrationPoint] = []
    single: list[CalibrationPoint] = []
    for point in points:
        if point.block_size is None or point.held_out:
            continue
        shape, share = point.shape, point.us / dense_us[point.shape]
        values: float
        if shape.is_one_pixel:
            values = shape.lanes + shape.channels
            cost = (shape.weights + values) * share
            single.append(CalibrationPoint(point.block_size, cost, point.num_blocks, values))
            continue
        tiles = math.ceil(shape.out_pixels / _TILE) * _TILE
        values = shape.in_pixels * shape.in_channels + shape.out_pixels * shape.channels
        cost = shape.out_pixels * shape.weights * share
        several.append(CalibrationPoint(point.block_size, cost, tiles * point.num_blocks, values))
    return fit(several, single)


def _unit_us(points: Sequence[Point], costs: CostModel) -> float:
    """Microseconds of a multiply-add of the dense kernel, of layers of several pixels."""
    ratios = [
        point.us / costs.dense(point.shape)
        for point in points
        if point.block_size is None and not point.held_out and not point.shape.is_one_pixel
    ]
    return float(np.median(ratios))
