# SPDX-License-Identifier: Apache-2.0
"""Predictions for layers of any shape, from synthetic points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ubp.costs import LayerShape
from ubp.latency.errors import rank_correlation, summarise
from ubp.latency.shapes import Point, ShapeTimes

COST = {1: 2.9, 2: 1.7, 4: 1.2, 8: 1.2, 16: 1.2}


def true_us(shape: LayerShape, n: int | None, blocks: int) -> float:
    """Not of the form that is fitted: cache misses where weights are many."""
    values = shape.in_pixels * shape.in_channels + shape.out_pixels * shape.channels
    slower = 1.0 + 0.25 / (1.0 + math.exp(-(math.log(shape.weights) - 12.0)))
    if n is None:
        return slower * 2e-5 * shape.out_pixels * shape.weights + 1e-4 * values + 2.0
    work = shape.out_pixels * blocks * n * COST[n] * 2e-5
    return slower * work + 3e-4 * values + 3.0


def points(rng: np.random.Generator, count: int, held_out: bool) -> list[Point]:
    found = []
    for _ in range(count):
        side = float(rng.choice([7, 14, 28]))
        channels = [int(2 ** rng.uniform(5, 9)) for _ in range(2)]
        kernel = (1, 1) if rng.random() < 0.6 else (3, 3)
        shape = LayerShape.of_convolution(*channels, kernel, side**2, side**2)
        n = None if rng.random() < 0.2 else int(rng.choice([1, 2, 4, 8, 16]))
        blocks = 0 if n is None else round(float(rng.uniform(0.03, 0.5)) * shape.weights / n)
        us = true_us(shape, n, blocks) * float(rng.uniform(1.0, 1.03))
        found.append(Point(shape, n, blocks, us, held_out))
    return found


def test_held_out_layers_are_predicted() -> None:
    rng = np.random.default_rng(0)
    fitted, others = points(rng, 200, False), points(rng, 80, True)
    times = ShapeTimes([*fitted, *others])
    found = [times.us(p.shape, p.block_size, p.num_blocks) for p in others]
    summary = summarise([us or 0.0 for us in found], [p.us for p in others])
    assert summary is not None
    assert summary.median < 0.04 and summary.p90 < 0.12
    assert summary.rank_correlation is not None and summary.rank_correlation > 0.99


def test_a_kind_that_was_not_measured_has_no_times() -> None:
    times = ShapeTimes(points(np.random.default_rng(0), 40, False))
    one_pixel = LayerShape.of_convolution(64, 64)
    assert times.us(one_pixel, 4, 100) is None and times.us(one_pixel, None, 0) is None


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 900]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 1, 2, 2], [1, 2, 1, 2]) == pytest.approx(0.0)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
