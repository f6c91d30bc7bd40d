# SPDX-License-Identifier: Apache-2.0
"""Small .tflite files with layers to prune, and samples for them."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.tflite import flatbuffer
from ubp.tflite_pruning.layers import Graph

RELU, RELU6 = 1, 3


class Drawn:
    """A graph whose constants are drawn."""

    def __init__(self, seed: int = 0) -> None:
        self.model = ModelBuilder()
        self.graph: SubgraphBuilder = self.model.subgraph()
        self.rng = np.random.default_rng(seed)

    def weights(self, name: str, *shape: int) -> int:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        values = self.rng.normal(size=shape) * scale
        return self.graph.constant(values.astype(np.float32), name)

    def bias(self, channels: int, name: str = "bias") -> int:
        return self.graph.constant(self.rng.normal(size=channels).astype(np.float32) / 5, name)

    def conv(self, x: int, name: str, channels: int, kernel: int, **options: object) -> int:
        shape = (channels, kernel, kernel, self.graph.shape(x)[3])
        return self.graph.conv(
            x, self.weights(name, *shape), self.bias(channels, f"{name}/bias"), **options
        )

    def depthwise(self, x: int, name: str, kernel: int, **options: object) -> int:
        channels = self.graph.shape(x)[3]
        return self.graph.conv(
            x,
            self.weights(name, 1, kernel, kernel, channels),
            self.bias(channels, f"{name}/bias"),
            depthwise=True,
            **options,
        )

    def add(self, a: int, b: int) -> int:
        output = self.graph.tensor(self.graph.shape(a), "sum")
        code, kind = schema.BuiltinOperator.ADD, schema.BuiltinOptions.AddOptions
        return self.graph.operator(code, [a, b], output, schema.AddOptionsT(), kind)


def residual(seed: int = 0, size: int = 12) -> bytes:
    """Stem, an inverted residual with a depthwise convolution, and two heads."""
    drawn = Drawn(seed)
    x = drawn.graph.input([1, size, size, 3])
    stem = drawn.conv(x, "stem", 16, 3, activation=RELU, stride=2)
    wide = drawn.conv(stem, "expand", 48, 1, activation=RELU6)
    deep = drawn.depthwise(wide, "depthwise", 3, activation=RELU6)
    narrow = drawn.conv(deep, "project", 16, 1)
    after = drawn.conv(drawn.add(stem, narrow), "after", 32, 3, activation=RELU)
    drawn.graph.output(drawn.conv(after, "boxes", 8, 1))
    drawn.graph.output(drawn.conv(after, "scores", 4, 3))
    return drawn.model.build()


def pictures(count: int = 120, size: int = 12, seed: int = 5) -> np.ndarray:
    """Smooth pictures [count, size, size, 3]: neighbours are alike, channels, too."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(count, size // 3, size // 3, 2))
    smooth = coarse.repeat(3, 1).repeat(3, 2)
    smooth = (smooth + np.roll(smooth, 1, 1) + np.roll(smooth, 1, 2)) / 2
    mixed = smooth @ np.array([[1.2, -0.4, 0.6], [0.3, 0.9, -1.1]]) + 0.1 * rng.normal(
        size=(count, size, size, 3)
    )
    return mixed.astype(np.float32)


def graph_of(data: bytes) -> Graph:
    return Graph(flatbuffer.parse(data, "model"), 0, {})


def constant(data: bytes, name: str) -> np.ndarray:
    """A float constant of the main graph by its name."""
    tree = flatbuffer.parse(data, "model")
    (tensor,) = [t for t in tree.subgraphs[0].tensors if flatbuffer.text(t.name) == name]
    dtype = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.FLOAT16: "<f2"}[tensor.type]
    values = np.frombuffer(tree.buffers[tensor.buffer].data, dtype)
    return values.reshape(tensor.shape)
