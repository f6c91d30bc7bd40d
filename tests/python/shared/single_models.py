# SPDX-License-Identifier: Apache-2.0
"""Models of one convolution, and weights for them, which tests of several packages convert."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.builder import ModelBuilder
from ubp.lanes import to_lanes


def sparse_weights(rng: np.random.Generator, shape: tuple[int, ...], n: int = 4) -> np.ndarray:
    """Float32 weights [channels, ...], about 80% zero, in unaligned blocks of n channels."""
    weights = rng.normal(size=shape).astype(np.float32)
    lanes, channels = to_lanes(weights, 0).shape
    keep = np.zeros((channels, lanes), np.bool_)
    for lane in range(lanes):
        for start in rng.choice(channels - n + 1, max(1, channels // (5 * n)), replace=False):
            keep[start : start + n, lane] = True
    return weights * keep.reshape(shape)


def one_conv(weights: np.ndarray, bias: np.ndarray | None = None, **options: Any) -> bytes:
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 14, 14, weights.shape[3]])
    bias_index = -1 if bias is None else graph.constant(bias, "bias")
    graph.output(graph.conv(x, graph.constant(weights, "weights"), bias_index, **options))
    return model.build()
