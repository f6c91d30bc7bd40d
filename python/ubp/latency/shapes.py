# SPDX-License-Identifier: Apache-2.0
"""Layers of any shape: what they take alone, from points measured on a grid.

Two steps. A sum of terms that a layer's time is made of, each at least 0, by least squares of the
relative errors over the points:

    of several pixels   1, values in, values out, blocks, blocks * pixels of each N
    of one pixel        1, values in and out, blocks of each N
    dense               1, values in, values out, weights, multiply-adds; and multiply-adds with the
                        channels in whole panels, as XNNPACK computes them: of 16 in pointwise
                        layers, of 32 in others

Then a Gaussian process over the logarithms of shape, N and density takes in what these leave: its
mean is the logarithm of their error (Rasmussen and Williams, "Gaussian Processes for Machine
Learning", 2006, equation 2.25), its length scale the one of _SCALES whose leave-one-out errors are
least (their section 5.4.2). Far from the points nothing is left of it, and the terms stand alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.costs import LayerShape
from ubp.format import BLOCK_SIZES
from ubp.latency.in_place import nonnegative

Reals = npt.NDArray[np.float64]

TILE = 16  # pixels that are computed together at least
_PANEL, _PANEL_OF_WINDOW = 16, 32  # channels that XNNPACK computes together
_SCALES = (0.7, 1.0, 1.5, 2.5, 4.0, 6.0)  # of length, in factors of e
_NOISE = 0.06  # relative, of a point


@dataclass(frozen=True)
class Point:
    """A layer alone, measured.

    shape: of the layer.
    block_size, num_blocks: of its blocks; None and 0 where it ran dense.
    us: microseconds, the least.
    held_out: nothing was fitted to it.
    """

    shape: LayerShape
    block_size: int | None
    num_blocks: int
    us: float
    held_out: bool = False


class ShapeTimes:
    """Predictions for layers of any shape.

    Args:
        points: those to fit to; held-out ones are passed over.

    Raises:
        ValueError: if there are too few of some kind to fit anything to.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self._surfaces: dict[tuple[bool, bool], _Surface] = {}
        kinds: dict[tuple[bool, bool], list[Point]] = {}
        for point in points:
            if not point.held_out:
                kinds.setdefault(_kind(point.shape, point.block_size), []).append(point)
        for kind, own in kinds.items():
            terms = np.array([_terms(p.shape, p.block_size, p.num_blocks) for p in own])
            places = np.array([_place(p.shape, p.block_size, p.num_blocks) for p in own])
            self._surfaces[kind] = _Surface.fit(terms, places, np.array([p.us for p in own]))

    def us(self, shape: LayerShape, block_size: int | None, num_blocks: int) -> float | None:
        """Microseconds of a layer; None where no layer of its kind was measured.

        Args:
            shape: of the layer.
            block_size, num_blocks: None and 0 of a dense one.
        """
        surface = self._surfaces.get(_kind(shape, block_size))
        if surface is None:
            return None
        return surface.us(
            _terms(shape, block_size, num_blocks), _place(shape, block_size, num_blocks)
        )


@dataclass(frozen=True, eq=False)
class _Surface:
    """What was fitted to the points of one kind.

    factors: float64 [terms].
    places: float64 [points, coordinates].
    weights: float64 [points], of the process.
    scale: of length.
    """

    factors: Reals
    places: Reals
    weights: Reals
    scale: float
    variance: float

    @staticmethod
    def fit(terms: Reals, places: Reals, times: Reals) -> _Surface:
        factors = nonnegative(terms / times[:, np.newaxis], np.ones(len(times)))
        left = np.log(times) - np.log(np.maximum(terms @ factors, 1e-9))
        variance = max(float(np.var(left)), 1e-6)
        best: tuple[float, float, Reals] | None = None
        for scale in _SCALES:
            covariance = variance * _kernel(places, places, scale)
            inverse = np.linalg.inv(covariance + _NOISE**2 * np.eye(len(times)))
            weights = inverse @ left
            error = float(np.mean(np.abs(weights / np.diag(inverse))))  # of each, left out
            if best is None or error < best[0]:
                best = (error, scale, weights)
        assert best is not None
        return _Surface(factors, places, best[2], best[1], variance)

    def us(self, terms: Reals, place: Reals) -> float:
        near = self.variance * _kernel(place[np.newaxis], self.places, self.scale)[0]
        base = max(float(terms @ self.factors), 1e-9)
        return base * math.exp(float(near @ self.weights))


def _kind(shape: LayerShape, block_size: int | None) -> tuple[bool, bool]:
    """Whether it has one pixel, and whether it is dense."""
    return shape.is_one_pixel, block_size is None


def _kernel(first: Reals, second: Reals, scale: float) -> Reals:
    squares = ((first[:, np.newaxis] - second[np.newaxis]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-squares / (2.0 * scale**2)))


def _terms(shape: LayerShape, block_size: int | None, num_blocks: int) -> Reals:
    """The values whose sum, each times a factor, is the time."""
    inputs, outputs = shape.in_pixels * shape.in_channels, shape.out_pixels * shape.channels
    if block_size is None:
        panel = _PANEL if shape.is_pointwise else _PANEL_OF_WINDOW
        whole = shape.out_pixels * shape.lanes * math.ceil(shape.channels / panel) * panel
        panels = [whole, 0.0] if shape.is_pointwise else [0.0, whole]
        work = shape.out_pixels * shape.weights
        return np.array([1.0, work, shape.weights, inputs, outputs, *panels])
    by_size = np.zeros(len(BLOCK_SIZES))
    place = BLOCK_SIZES.index(block_size)
    if shape.is_one_pixel:
        by_size[place] = num_blocks
        return np.array([1.0, inputs + outputs, *by_size])
    by_size[place] = math.ceil(shape.out_pixels / TILE) * TILE * num_blocks
    return np.array([1.0, num_blocks, inputs, outputs, *by_size])


def _place(shape: LayerShape, block_size: int | None, num_blocks: int) -> Reals:
    """Coordinates, in which neighbours behave alike."""
    logs = [
        math.log(shape.lanes),
        math.log(shape.channels),
        math.log(max(shape.out_pixels, 1.0)),
        math.log(shape.lanes / shape.in_channels),
        math.log(max(shape.in_pixels / max(shape.out_pixels, 1.0), 0.1)),
    ]
    if block_size is not None:
        density = num_blocks * block_size / (shape.lanes * shape.channels)
        logs += [math.log(max(density, 1e-6)), 2.0 * math.log(block_size)]
    return np.array(logs)
