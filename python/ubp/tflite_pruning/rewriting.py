# SPDX-License-Identifier: Apache-2.0
"""Rewriting: changed weights and biases into the object tree, of the type that the file has.

No tensor is renumbered, and no operator moves while layers are written. Weights stay where they
are, decoded by the same DEQUANTIZE if they are float16. A bias that something else uses, too,
becomes a tensor of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.operator_view import TRANSPOSE_CONV
from ubp.lanes import from_lanes
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import read_constant, stored_tensor
from ubp.tflite_pruning.layers import DEPTHWISE, FileLayer, Graph, users_of_buffer

_DTYPES: dict[int, np.dtype[np.floating]] = {
    schema.TensorType.FLOAT32: np.dtype("<f4"),
    schema.TensorType.FLOAT16: np.dtype("<f2"),
}
_TRANSPOSED_WITH_BIAS = 3  # the first version of the operator that may have one

Floats = npt.NDArray[np.floating]


def store_plainly(model: schema.ModelT) -> None:
    """Decode constants in TensorFlow Lite's sparse encoding, in place; their DENSIFYs go.

    Raises:
        ValueError: if an encoding contradicts itself.
    """
    for subgraph in model.subgraphs:
        producers = flatbuffer.producers(subgraph)
        for operator in flatbuffer.operators(subgraph):
            (source,) = flatbuffer.indices(operator.inputs)[:1] or (-1,)
            if flatbuffer.operator_name(model, operator) != "DENSIFY" or source in producers:
                continue
            (target,) = flatbuffer.indices(operator.outputs)
            values = read_constant(model, subgraph, producers, target)
            tensor = subgraph.tensors[target]
            tensor.buffer = _add_buffer(model, values)
            tensor.type = subgraph.tensors[source].type
            subgraph.operators.remove(operator)


def write_layer(graph: Graph, layer: FileLayer, weights: Floats, bias: Floats | None) -> None:
    """Change a layer's weights and bias, in place.

    Args:
        graph: where it is.
        layer: one that can be re-fitted.
        weights: [lanes, channels]; of a depthwise convolution [taps, channels].
        bias: [channels]; None leaves it as it is.

    Raises:
        ValueError: if a value is not finite in the file's type.
    """
    view = graph.view(layer.operators[0])
    if layer.op == DEPTHWISE:
        values: Floats = weights.reshape(layer.shape)
    else:
        values = from_lanes(np.ascontiguousarray(weights), layer.shape, 0)
    stored = stored_tensor(graph.model, view.producers, view.inputs.weights)
    _store(graph, layer, stored, values)
    if bias is not None:
        _write_bias(graph, layer, bias)


def _store(graph: Graph, layer: FileLayer, tensor: int, values: Floats) -> None:
    """New values of a constant that nothing else uses."""
    target = graph.subgraph.tensors[tensor]
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values.astype(_DTYPES[target.type]))
    if not np.isfinite(stored).all():
        raise ValueError(
            f"layer '{layer.name}': its re-fitted weights or bias do not fit {stored.dtype.name}; "
            "leave it out with layers, or give other data."
        )
    graph.model.buffers[target.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)


def _write_bias(graph: Graph, layer: FileLayer, bias: Floats) -> None:
    view = graph.view(layer.operators[0])
    old = view.inputs.bias
    own = old != -1 and users_of_buffer(graph.model, view.buffer(old)) == {
        (graph.index, position) for position in layer.operators
    }
    if own:
        _store(graph, layer, stored_tensor(graph.model, view.producers, old), bias)
        return
    name = f"{layer.name}/bias" if old == -1 else _name(graph, old)
    graph.subgraph.tensors.append(
        schema.TensorT(
            shape=np.array([bias.size], np.int32),
            type=schema.TensorType.FLOAT32,
            buffer=_add_buffer(graph.model, np.zeros(bias.size, np.float32)),
            name=name,
            hasRank=True,
        )
    )
    new = len(graph.subgraph.tensors) - 1
    place = 3 if layer.op == TRANSPOSE_CONV else 2
    for position in layer.operators:
        operator = graph.subgraph.operators[position]
        inputs = flatbuffer.indices(operator.inputs)[:place]
        operator.inputs = np.array([*inputs, new], np.int32)
    if layer.op == TRANSPOSE_CONV:
        code = graph.model.operatorCodes[graph.subgraph.operators[layer.operators[0]].opcodeIndex]
        code.version = max(code.version, _TRANSPOSED_WITH_BIAS)
    _store(graph, layer, new, bias)


def _name(graph: Graph, tensor: int) -> str:
    return flatbuffer.text(graph.subgraph.tensors[tensor].name)


def _add_buffer(model: schema.ModelT, values: Floats) -> int:
    data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(schema.BufferT(data=data))
    return len(model.buffers) - 1
