# SPDX-License-Identifier: Apache-2.0
"""Small .tflite models from NumPy arrays: any shape, sharing and type one needs; no TensorFlow.

model = ModelBuilder()
graph = model.subgraph()
x = graph.input([1, 8, 8, 4])
graph.output(graph.conv(x, graph.constant(weights, "w")))
data = model.build()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
}
# height and width, or one number for both
Pair = int | tuple[int, int]


def as_pair(value: Pair) -> tuple[int, int]:
    """(height, width)."""
    return (value, value) if isinstance(value, int) else value


def window_extent(size: int, kernel: int, stride: int, dilation: int, valid: bool) -> int:
    """How often a sliding window fits: of VALID padding, or of SAME. Negative: it does not."""
    reach = (kernel - 1) * dilation if valid else 0
    return -(-(size - reach) // stride)


class ModelBuilder:
    """A model in the making; `build` writes it with the schema's code, not with the converter's."""

    def __init__(self) -> None:
        self.tree = schema.ModelT(
            version=3, operatorCodes=[], subgraphs=[], buffers=[schema.BufferT()]
        )

    def subgraph(self, name: str = "main") -> SubgraphBuilder:
        graph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[], name=name)
        self.tree.subgraphs.append(graph)
        return SubgraphBuilder(self, graph)

    def buffer(self, data: bytes) -> int:
        self.tree.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self.tree.buffers) - 1

    def metadata(self, name: str, data: bytes) -> None:
        entry = schema.MetadataT(name=name, buffer=self.buffer(data))
        self.tree.metadata = [*(self.tree.metadata or []), entry]

    def signature(self, key: str, inputs: dict[str, int], outputs: dict[str, int]) -> None:
        maps = [
            [schema.TensorMapT(name=name, tensorIndex=index) for name, index in tensors.items()]
            for tensors in (inputs, outputs)
        ]
        signature = schema.SignatureDefT(inputs=maps[0], outputs=maps[1], signatureKey=key)
        self.tree.signatureDefs = [*(self.tree.signatureDefs or []), signature]

    def opcode(self, code: int) -> int:
        known = [entry.builtinCode for entry in self.tree.operatorCodes]
        if code not in known:
            entry = schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127))
            self.tree.operatorCodes.append(entry)
            known.append(code)
        return known.index(code)

    def build(self) -> bytes:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.tree.Pack(builder), b"TFL3")
        return bytes(builder.Output())


class SubgraphBuilder:
    """Adds tensors and operators; tensors are named by their index in the subgraph."""

    def __init__(self, model: ModelBuilder, graph: schema.SubGraphT) -> None:
        self.model = model
        self.graph = graph

    def tensor(
        self, shape: Sequence[int], name: str, dtype: str = "float32", buffer: int = 0
    ) -> int:
        tensor = schema.TensorT(shape=list(shape), type=_TYPES[dtype], name=name, buffer=buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def input(self, shape: Sequence[int], dtype: str = "float32") -> int:
        tensor = self.tensor(shape, f"input{len(self.graph.inputs)}", dtype)
        self.graph.inputs.append(tensor)
        return tensor

    def output(self, tensor: int) -> None:
        self.graph.outputs.append(tensor)

    def constant(self, array: np.ndarray, name: str, buffer: int | None = None) -> int:
        """A constant of the array's type; `buffer`: an existing one that holds the same bytes."""
        if buffer is None:
            buffer = self.model.buffer(array.tobytes())
        return self.tensor(list(array.shape), name, array.dtype.name, buffer)

    def shape(self, tensor: int) -> list[int]:
        shape: list[int] = self.graph.tensors[tensor].shape
        return shape

    def operator(
        self, code: int, inputs: list[int], output: int, options: Any = None, kind: int = 0
    ) -> int:
        operator = schema.OperatorT(
            opcodeIndex=self.model.opcode(code),
            inputs=inputs,
            outputs=[output],
            builtinOptions=options,
            builtinOptionsType=kind,
        )
        self.graph.operators.append(operator)
        return output

    def window(
        self, x: int, kernel: Pair, stride: Pair, dilation: Pair, valid: bool, channels: int
    ) -> list[int]:
        """The shape of what a window that slides over [batch, height, width, ...] gives."""
        shape = self.shape(x)
        steps = zip(shape[1:3], as_pair(kernel), as_pair(stride), as_pair(dilation), strict=True)
        return [shape[0], *(window_extent(*step, valid) for step in steps), channels]

    def conv(
        self,
        x: int,
        weights: int,
        bias: int = -1,
        *,
        stride: Pair = 1,
        dilation: Pair = 1,
        valid: bool = False,
        activation: int = 0,
        name: str = "",
        depthwise: bool = False,
    ) -> int:
        """A CONV_2D, or a DEPTHWISE_CONV_2D with one filter for each channel."""
        channels = self.shape(weights)[3 if depthwise else 0]
        kernel = (self.shape(weights)[1], self.shape(weights)[2])
        shape = self.window(x, kernel, stride, dilation, valid, channels)
        common = {
            "padding": int(valid),
            "strideH": as_pair(stride)[0],
            "strideW": as_pair(stride)[1],
            "fusedActivationFunction": activation,
            "dilationHFactor": as_pair(dilation)[0],
            "dilationWFactor": as_pair(dilation)[1],
        }
        output = self.tensor(shape, name or f"conv{len(self.graph.operators)}")
        inputs = [x, weights] if bias == -1 else [x, weights, bias]
        if depthwise:
            options = schema.DepthwiseConv2DOptionsT(**common, depthMultiplier=1)
            kind = schema.BuiltinOptions.DepthwiseConv2DOptions
            code = schema.BuiltinOperator.DEPTHWISE_CONV_2D
            return self.operator(code, inputs, output, options, kind)
        options = schema.Conv2DOptionsT(**common)
        kind = schema.BuiltinOptions.Conv2DOptions
        return self.operator(schema.BuiltinOperator.CONV_2D, inputs, output, options, kind)

    def fully_connected(
        self,
        x: int,
        weights: int,
        bias: int = -1,
        *,
        activation: int = 0,
        keep_num_dims: bool = False,
    ) -> int:
        channels, features = self.shape(weights)
        rows = int(np.prod(self.shape(x))) // features
        shape = [*self.shape(x)[:-1], channels] if keep_num_dims else [rows, channels]
        options = schema.FullyConnectedOptionsT(
            fusedActivationFunction=activation, keepNumDims=keep_num_dims
        )
        output = self.tensor(shape, f"dense{len(self.graph.operators)}")
        kind = schema.BuiltinOptions.FullyConnectedOptions
        code = schema.BuiltinOperator.FULLY_CONNECTED
        return self.operator(code, [x, weights, bias], output, options, kind)
