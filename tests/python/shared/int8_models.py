# SPDX-License-Identifier: Apache-2.0
"""Models of one quantised layer, which tests of several packages convert."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.lanes import to_lanes


def quads_of_blocks(
    rng: np.random.Generator, shape: tuple[int, ...], n: int = 2, density: float = 0.2
) -> np.ndarray:
    """Int8 weights [channels, ..., in_channels] whose non-zeros are blocks of n channels x 4 lanes.

    The blocks begin at any channel and do not overlap; of the places for them, about `density`.
    """
    lanes, channels = to_lanes(np.empty(shape, np.int8), 0).shape
    keep = np.zeros((channels, lanes // 4), np.bool_)
    for group in range(lanes // 4):
        start = int(rng.integers(0, n))
        while start + n <= channels:
            taken = rng.random() < density
            keep[start : start + n, group] |= taken
            start += n if taken else int(rng.integers(1, n + 1))
    weights = rng.integers(1, 128, (channels, lanes)) * rng.choice([-1, 1], (channels, lanes))
    return (weights * keep.repeat(4, axis=1)).astype(np.int8).reshape(shape)


def quantize_tensor(
    graph: SubgraphBuilder, tensor: int, scale: Any, zero_point: Any = 0, axis: int = 0
) -> None:
    """Give a tensor scales and zero points, of an axis where they are several."""
    scales = np.atleast_1d(np.asarray(scale, np.float32))
    zeros = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape)
    graph.graph.tensors[tensor].quantization = schema.QuantizationParametersT(
        scale=scales, zeroPoint=zeros, quantizedDimension=axis
    )


class Int8Layers:
    """A quantised network in the making: each layer reads the one before it.

    Scales are such that outputs neither saturate everywhere nor vanish.
    """

    def __init__(
        self, shape: list[int], rng: np.random.Generator, activations: str = "int8"
    ) -> None:
        self.model, self.rng, self.activations = ModelBuilder(), rng, activations
        self.graph = self.model.subgraph()
        self.last = self.graph.input(shape, activations)
        self._scale = 0.05
        if activations == "int8":
            quantize_tensor(self.graph, self.last, self._scale, 3)

    def conv(self, weights: np.ndarray, **options: Any) -> None:
        self._layer(weights, self.graph.conv, options)

    def dense(self, weights: np.ndarray, **options: Any) -> None:
        self._layer(weights, self.graph.fully_connected, options)

    def build(self) -> bytes:
        self.graph.output(self.last)
        return self.model.build()

    def _layer(self, weights: np.ndarray, add: Any, options: dict[str, Any]) -> None:
        graph, channels = self.graph, weights.shape[0]
        per_channel = options.pop("per_channel", True)
        number = len(graph.graph.operators)
        scales = self.rng.uniform(0.002, 0.02, channels if per_channel else 1).astype(np.float32)
        filters = graph.constant(weights, f"weights{number}")
        quantize_tensor(graph, filters, scales)
        if self.activations == "int8":
            bias = graph.constant(
                self.rng.integers(-2000, 2000, channels).astype(np.int32), f"bias{number}"
            )
            quantize_tensor(graph, bias, np.float32(self._scale) * scales)
        else:
            bias = graph.constant(
                self.rng.normal(size=channels).astype(np.float32), f"bias{number}"
            )
        self.last = add(self.last, filters, bias, **options)
        if self.activations == "int8":
            tensor = graph.graph.tensors[self.last]
            tensor.type = schema.TensorType.INT8
            sums = np.abs(weights.astype(np.float64)).reshape(channels, -1).sum(axis=1)
            self._scale = float(np.median(sums * scales) * self._scale / 3) or 0.1
            quantize_tensor(graph, self.last, self._scale, -5)
