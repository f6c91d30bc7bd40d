# SPDX-License-Identifier: Apache-2.0
"""Rewrite: put the custom operators into the object tree and drop the weights nobody uses any more.

No tensor is renumbered: operators are changed in place and tensors are only added, so that
signatures, metadata and whatever else refers to tensors by index stay valid. A dense weights tensor
that lost its last user keeps its place and name, without data; the operators that decoded it go, as
do those that computed the output shape of a transposed convolution, and the scales of int8 tensors
that follow from the packed ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.channel_scales import drop_bias_scales, drop_weight_scales
from ubp.conversion.find import PACKED_SUFFIX, Layer
from ubp.conversion.operator_view import LayerInputs, inputs_of
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
    biases: dict[tuple[int, int, int], int] = {}
    released: list[tuple[int, int]] = []
    quantized: list[tuple[Layer, LayerInputs]] = []
    # An operator's number holds as long as none is taken away.
    operators = [model.subgraphs[layer.subgraph].operators[layer.operator] for layer, _ in packed]
    for operator, (layer, new) in zip(operators, packed, strict=True):
        subgraph = model.subgraphs[layer.subgraph]
        old = inputs_of(layer.op, operator)
        if new.packed not in buffers:
            buffers[new.packed] = _add_buffer(model, new.packed)
        key = (layer.subgraph, old.weights, new.packed)
        if key not in tensors:
            shape = [len(new.packed)]
            tensors[key] = _add_tensor(
                subgraph, old.weights, buffers[new.packed], shape, schema.TensorType.UINT8
            )
        bias = _bias(model, layer, old.bias, biases)
        if layer.candidate is not None and layer.candidate.scales is not None:
            quantized.append((layer, old))
        inputs = [old.activation, tensors[key], bias]
        operator.opcodeIndex = _custom_code(model, new.op)
        operator.inputs = np.array(inputs, np.int32)
        operator.builtinOptionsType = schema.BuiltinOptions.NONE
        operator.builtinOptions = None
        operator.customOptions = np.frombuffer(new.custom_options, np.uint8)
        operator.customOptionsFormat = schema.CustomOptionsFormat.FLEXBUFFERS
        released += [(layer.subgraph, each) for each in (old.weights, old.output_shape)]
        if bias != old.bias:
            released.append((layer.subgraph, old.bias))
        elif layer.candidate is not None and layer.candidate.bias is not None:
            released += _store_bias(model, layer.subgraph, bias, layer.candidate.bias)
    released = [(index, tensor) for index, tensor in released if tensor != -1]
    remove_unused(model, released)
    for layer, old in quantized:
        _drop_scales(model, layer, old)


def _drop_scales(model: schema.ModelT, layer: Layer, old: LayerInputs) -> None:
    """Leave out what unpacking makes again; `old`: the tensors of the ordinary operator."""
    assert layer.candidate is not None and layer.candidate.scales is not None
    subgraph, scales = model.subgraphs[layer.subgraph], layer.candidate.scales
    weights = subgraph.tensors[old.weights]
    if weights.type == schema.TensorType.INT8:
        drop_weight_scales(weights, scales)
    if layer.is_int8 and old.bias != -1:
        drop_bias_scales(subgraph, old.activation, old.bias, scales)


def _bias(
    model: schema.ModelT, layer: Layer, old: int, biases: dict[tuple[int, int, int], int]
) -> int:
    """The tensor of a layer's bias; a new one where the pixels of blocks repeat the old one.

    biases: those that were added, by subgraph, old tensor and size.
    """
    candidate = layer.candidate
    subgraph = model.subgraphs[layer.subgraph]
    if candidate is None or candidate.bias is None or candidate.bias.size == layer.shape[0]:
        return old
    key = (layer.subgraph, old, candidate.bias.size)
    if key not in biases:
        buffer = _add_buffer(model, candidate.bias.tobytes())
        biases[key] = _add_tensor(
            subgraph, old, buffer, [candidate.bias.size], schema.TensorType.FLOAT32
        )
    return biases[key]


def _store_bias(
    model: schema.ModelT, subgraph_index: int, bias: int, values: npt.NDArray[Any]
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


def _add_tensor(
    subgraph: schema.SubGraphT, old: int, buffer: int, shape: list[int], kind: int
) -> int:
    """A constant that stands for an old one."""
    name = flatbuffer.text(subgraph.tensors[old].name) + PACKED_SUFFIX
    tensor = schema.TensorT(
        shape=np.array(shape, np.int32),
        type=kind,
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
