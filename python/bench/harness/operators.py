# SPDX-License-Identifier: Apache-2.0
"""Models operator by operator, with random weights: of chains, and of one operator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fuzz.builder import ModelBuilder

_OP, _OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
BLOCK_SIZE = 4
NONE, RELU, RELU6 = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
)
# Functions of one tensor: without options, or with these.
_FUNCTIONS: dict[str, Any] = {
    "LOGISTIC": None,
    "TANH": None,
    "HARD_SWISH": schema.HardSwishOptionsT,
    "LEAKY_RELU": lambda: schema.LeakyReluOptionsT(alpha=0.1),
    "ELU": None,
    "GELU": schema.GeluOptionsT,
    "EXP": schema.ExpOptionsT,
    "ABS": schema.AbsOptionsT,
}


class Chain:
    """A model in the making: every method adds operators behind `x` and returns their output.

    Args:
        shape: of the input, [1, height, width, channels].
        rng: where the weights come from.
    """

    def __init__(self, shape: list[int], rng: np.random.Generator) -> None:
        self.rng = rng
        self.operators: list[str] = []
        self._model = ModelBuilder()
        self._graph = self._model.subgraph()
        self.input = self._graph.input(shape)

    def build(self, output: int) -> bytes:
        """The model as a .tflite file."""
        self._graph.output(output)
        return self._model.build()

    def shape(self, x: int) -> list[int]:
        """Batch, height, width and channels."""
        return self._graph.shape(x)

    def conv(
        self,
        x: int,
        channels: int,
        kernel: int = 1,
        *,
        zeros: float = 0.0,
        stride: int = 1,
        valid: bool = False,
        activation: int = NONE,
    ) -> int:
        """A convolution, a share of whose blocks of 4 output channels is zero."""
        lanes = (kernel, kernel, self.shape(x)[3])
        weights = self._normal((channels, *lanes), 1.0 / math.sqrt(math.prod(lanes)))
        groups = -(-channels // BLOCK_SIZE)
        kept = np.repeat(self.rng.random((groups, *lanes)) >= zeros, BLOCK_SIZE, axis=0)
        weights *= kept[:channels]
        self.operators.append("CONV_2D")
        return self._graph.conv(
            x,
            self._constant(weights),
            self._constant(self._normal((channels,), 0.1)),
            stride=stride,
            valid=valid,
            activation=activation,
        )

    def depthwise(self, x: int, kernel: int = 3, *, stride: int = 1, activation: int = NONE) -> int:
        """A depthwise convolution with SAME padding."""
        channels = self.shape(x)[3]
        self.operators.append("DEPTHWISE_CONV_2D")
        return self._graph.conv(
            x,
            self._constant(self._normal((1, kernel, kernel, channels), 1.0 / kernel)),
            self._constant(self._normal((channels,), 0.1)),
            stride=stride,
            activation=activation,
            depthwise=True,
        )

    def pool(self, x: int, maximum: bool, kernel: int, stride: int) -> int:
        """MAX_POOL_2D or AVERAGE_POOL_2D with SAME padding."""
        shape = self._graph.window(x, kernel, stride, 1, False, self.shape(x)[3])
        options = schema.Pool2DOptionsT(
            padding=schema.Padding.SAME,
            strideH=stride,
            strideW=stride,
            filterHeight=kernel,
            filterWidth=kernel,
        )
        return self._add("MAX_POOL_2D" if maximum else "AVERAGE_POOL_2D", [x], shape, options)

    def pad(self, x: int, before: int, behind: int) -> int:
        """Zeros around height and width."""
        batch, height, width, channels = self.shape(x)
        pads = np.array([[0, 0], [before, behind], [before, behind], [0, 0]], np.int32)
        more = before + behind
        shape = [batch, height + more, width + more, channels]
        return self._add("PAD", [x, self._constant(pads)], shape, schema.PadOptionsT())

    def function(self, name: str, x: int) -> int:
        """An operator on every element: RELU, RELU6 or one of those above."""
        make = _FUNCTIONS.get(name)
        return self._add(name, [x], self.shape(x), make() if make else None)

    def prelu(self, x: int) -> int:
        """With a slope for every channel."""
        slopes = np.abs(self._normal((1, 1, self.shape(x)[3]), 0.1))
        return self._add("PRELU", [x, self._constant(slopes)], self.shape(x))

    def arithmetic(self, name: str, x: int, y: int, activation: int = NONE) -> int:
        """ADD or MUL of two tensors; the second may be [1, 1, 1, channels]."""
        options = {"ADD": schema.AddOptionsT, "MUL": schema.MulOptionsT}[name]()
        options.fusedActivationFunction = activation
        return self._add(name, [x, y], self.shape(x), options)

    def scale(self, x: int) -> int:
        """MUL with a constant for every channel."""
        factors = self._constant(self.rng.uniform(0.5, 1.5, self.shape(x)[3]).astype(np.float32))
        return self._add("MUL", [x, factors], self.shape(x), schema.MulOptionsT())

    def divide(self, x: int) -> int:
        """DIV by a constant."""
        divisor = self._constant(np.full((1,), 1.5, np.float32))
        return self._add("DIV", [x, divisor], self.shape(x), schema.DivOptionsT())

    def concatenate(self, x: int, y: int) -> int:
        """Along the channels."""
        shape = [*self.shape(x)[:3], self.shape(x)[3] + self.shape(y)[3]]
        return self._add("CONCATENATION", [x, y], shape, schema.ConcatenationOptionsT(axis=3))

    def enlarge(self, x: int) -> int:
        """RESIZE_BILINEAR to twice the height and width."""
        batch, height, width, channels = self.shape(x)
        size = self._constant(np.array([2 * height, 2 * width], np.int32))
        options = schema.ResizeBilinearOptionsT(halfPixelCenters=True)
        shape = [batch, 2 * height, 2 * width, channels]
        return self._add("RESIZE_BILINEAR", [x, size], shape, options)

    def transpose(self, x: int) -> int:
        """Height and width change places."""
        batch, height, width, channels = self.shape(x)
        order = self._constant(np.array([0, 2, 1, 3], np.int32))
        shape = [batch, width, height, channels]
        return self._add("TRANSPOSE", [x, order], shape, schema.TransposeOptionsT())

    def mean(self, x: int) -> int:
        """Over height and width, which stay as 1."""
        axes = self._constant(np.array([1, 2], np.int32))
        shape = [self.shape(x)[0], 1, 1, self.shape(x)[3]]
        return self._add("MEAN", [x, axes], shape, schema.ReducerOptionsT(keepDims=True))

    def _add(self, name: str, inputs: list[int], shape: list[int], options: Any = None) -> int:
        output = self._graph.tensor(shape, f"{name.lower()}{len(self.operators)}")
        self.operators.append(name)
        kind = getattr(_OPTIONS, type(options).__name__.removesuffix("T")) if options else 0
        return self._graph.operator(getattr(_OP, name), inputs, output, options, kind)

    def _constant(self, array: np.ndarray) -> int:
        return self._graph.constant(array, "constant")

    def _normal(self, shape: tuple[int, ...], scale: float) -> np.ndarray:
        return (scale * self.rng.standard_normal(shape)).astype(np.float32)
