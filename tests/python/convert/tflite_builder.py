"""Small .tflite models from NumPy arrays: any shape, sharing and type a test needs; no TensorFlow.

model = ModelBuilder()
graph = model.subgraph()
x = graph.input([1, 8, 8, 4])
graph.output(graph.conv(x, graph.constant(weights, "w")))
data = model.build()
"""

from __future__ import annotations

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

    def tensor(self, shape: list[int], name: str, dtype: str = "float32", buffer: int = 0) -> int:
        tensor = schema.TensorT(shape=list(shape), type=_TYPES[dtype], name=name, buffer=buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def input(self, shape: list[int], dtype: str = "float32") -> int:
        self.graph.inputs.append(self.tensor(shape, f"input{len(self.graph.inputs)}", dtype))
        return self.graph.inputs[-1]

    def output(self, tensor: int) -> None:
        self.graph.outputs.append(tensor)

    def constant(self, array: np.ndarray, name: str, buffer: int | None = None) -> int:
        """A constant of the array's type; `buffer`: an existing one that holds the same bytes."""
        if buffer is None:
            buffer = self.model.buffer(array.tobytes())
        return self.tensor(list(array.shape), name, array.dtype.name, buffer)

    def shape(self, tensor: int) -> list[int]:
        return self.graph.tensors[tensor].shape

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

    def conv(
        self,
        x: int,
        weights: int,
        bias: int = -1,
        *,
        stride: int = 1,
        dilation: int = 1,
        valid: bool = False,
        activation: int = 0,
        name: str = "",
    ) -> int:
        batch, height, width, _ = self.shape(x)
        channels, kernel_h, kernel_w, _ = self.shape(weights)

        def extent(size: int, kernel: int) -> int:
            reach = (kernel - 1) * dilation if valid else 0
            return -(-(size - reach) // stride)

        shape = [batch, extent(height, kernel_h), extent(width, kernel_w), channels]
        options = schema.Conv2DOptionsT(
            padding=int(valid),
            strideW=stride,
            strideH=stride,
            fusedActivationFunction=activation,
            dilationWFactor=dilation,
            dilationHFactor=dilation,
        )
        output = self.tensor(shape, name or f"conv{len(self.graph.operators)}")
        kind = schema.BuiltinOptions.Conv2DOptions
        inputs = [x, weights] if bias == -1 else [x, weights, bias]
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
