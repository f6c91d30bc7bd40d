"""Rewrite: put the custom operators into the object tree and drop the weights nobody uses any more.

Nothing is renumbered: operators are changed in place and tensors are only added, so that
signatures, metadata and whatever else refers to tensors by index stay valid. A dense weights tensor
that lost its last user keeps its place and name, without data.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.convert import flatbuffer
from ubp.convert.find import PACKED_SUFFIX, Layer
from ubp.convert.pack import PackedOperator


def replace_operators(model: schema.ModelT, packed: list[tuple[Layer, PackedOperator]]) -> None:
    """Replace each layer's operator, in place.

    Layers that share weights and pack to the same bytes share the packed tensor (in one subgraph)
    or its buffer (across subgraphs).
    """
    buffers: dict[bytes, int] = {}
    tensors: dict[tuple[int, int, bytes], int] = {}
    released: set[int] = set()
    for layer, new in packed:
        subgraph = model.subgraphs[layer.subgraph]
        operator = subgraph.operators[layer.operator]
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
        released.add(subgraph.tensors[weights].buffer)
        _release_tensor(model, layer.subgraph, weights)
    _empty_buffers(model, released)


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


def _release_tensor(model: schema.ModelT, subgraph_index: int, tensor: int) -> None:
    """Take a tensor's data away unless an operator, the subgraph or a signature still uses it."""
    subgraph = model.subgraphs[subgraph_index]
    used = set(flatbuffer.indices(subgraph.inputs)) | set(flatbuffer.indices(subgraph.outputs))
    for operator in flatbuffer.operators(subgraph):
        used.update(flatbuffer.indices(operator.inputs))
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == subgraph_index:
            maps = [*(signature.inputs or []), *(signature.outputs or [])]
            used.update(entry.tensorIndex for entry in maps)
    if tensor not in used:
        subgraph.tensors[tensor].buffer = flatbuffer.NO_BUFFER


def _empty_buffers(model: schema.ModelT, released: set[int]) -> None:
    """Empty those of the released buffers that neither a tensor nor metadata refers to."""
    used = {tensor.buffer for subgraph in model.subgraphs for tensor in subgraph.tensors or []}
    used.update(entry.buffer for entry in model.metadata or [])
    used.update(flatbuffer.indices(model.metadataBuffer))
    for index in released - used:
        model.buffers[index].data = None
