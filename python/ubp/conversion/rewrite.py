"""Rewrite: put the custom operators into the object tree and drop the weights nobody uses any more.

No tensor is renumbered: operators are changed in place and tensors are only added, so that
signatures, metadata and whatever else refers to tensors by index stay valid. A dense weights tensor
that lost its last user keeps its place and name, without data; the operators that decoded it go.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.find import PACKED_SUFFIX, Layer
from ubp.conversion.pack import PackedOperator
from ubp.tflite import flatbuffer
from ubp.tflite.unused import remove_unused


def replace_operators(model: schema.ModelT, packed: list[tuple[Layer, PackedOperator]]) -> None:
    """Replace each layer's operator, in place.

    Layers that share weights and pack to the same bytes share the packed tensor (in one subgraph)
    or its buffer (across subgraphs).
    """
    buffers: dict[bytes, int] = {}
    tensors: dict[tuple[int, int, bytes], int] = {}
    released: list[tuple[int, int]] = []
    # An operator's number holds as long as none is taken away.
    operators = [model.subgraphs[layer.subgraph].operators[layer.operator] for layer, _ in packed]
    for operator, (layer, new) in zip(operators, packed, strict=True):
        subgraph = model.subgraphs[layer.subgraph]
        activation, weights, *bias = flatbuffer.indices(operator.inputs)
        if new.packed not in buffers:
            buffers[new.packed] = _add_buffer(model, new.packed)
        key = (layer.subgraph, weights, new.packed)
        if key not in tensors:
            tensors[key] = _add_tensor(subgraph, weights, buffers[new.packed], len(new.packed))
        inputs = [activation, tensors[key], *(bias or [-1])]
        operator.opcodeIndex = _custom_code(model, new.op)
        operator.inputs = np.array(inputs, np.int32)
        operator.builtinOptionsType = schema.BuiltinOptions.NONE
        operator.builtinOptions = None
        operator.customOptions = np.frombuffer(new.custom_options, np.uint8)
        operator.customOptionsFormat = schema.CustomOptionsFormat.FLEXBUFFERS
        released.append((layer.subgraph, weights))
        if layer.candidate is not None and layer.candidate.bias is not None:
            released += _store_bias(model, layer.subgraph, bias[0], layer.candidate.bias)
    remove_unused(model, released)


def _store_bias(
    model: schema.ModelT, subgraph_index: int, bias: int, values: npt.NDArray[np.float32]
) -> list[tuple[int, int]]:
    """Make a bias that operators decode a stored constant, which is what ours takes.

    Returns:
        The tensor that it was decoded from.
    """
    subgraph = model.subgraphs[subgraph_index]
    producer = flatbuffer.producers(subgraph).get(bias)
    if producer is None:
        return []
    subgraph.operators.remove(producer)
    subgraph.tensors[bias].buffer = _add_buffer(model, values.tobytes())
    return [(subgraph_index, flatbuffer.indices(producer.inputs)[0])]


def _add_buffer(model: schema.ModelT, data: bytes) -> int:
    model.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
    return len(model.buffers) - 1


def _add_tensor(subgraph: schema.SubGraphT, weights: int, buffer: int, size: int) -> int:
    name = flatbuffer.text(subgraph.tensors[weights].name) + PACKED_SUFFIX
    tensor = schema.TensorT(
        shape=np.array([size], np.int32),
        type=schema.TensorType.UINT8,
        buffer=buffer,
        name=name,
        hasRank=True,
    )
    subgraph.tensors.append(tensor)
    return len(subgraph.tensors) - 1


def _custom_code(model: schema.ModelT, op: str) -> int:
    """The index of a custom operator's code, added if the model does not have it yet."""
    for index, code in enumerate(model.operatorCodes):
        if flatbuffer.code_name(code) == op:
            return index
    custom = schema.BuiltinOperator.CUSTOM
    model.operatorCodes.append(
        schema.OperatorCodeT(deprecatedBuiltinCode=custom, builtinCode=custom, customCode=op)
    )
    return len(model.operatorCodes) - 1
