"""Constants: the float values of a constant tensor, also where the graph decodes them first.

Files with float16 weights hold a DEQUANTIZE for each, files saved with EXPERIMENTAL_SPARSITY a
DENSIFY, and files with both a DENSIFY and then a DEQUANTIZE. All of them compute constants, so that
a layer behind them has constant weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer
from ubp.tflite.sparse_encoding import decode

DECODERS = ("DEQUANTIZE", "DENSIFY")  # operators that compute constants of constants

_DTYPES = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.FLOAT16: "<f2"}
_TYPE_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.TensorType).items() if name.isupper()
}


class NotConstantError(Exception):
    """A tensor without constant float values: the text, put behind "its weights", says why."""


def read_constant(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    producers: Mapping[int, schema.OperatorT],
    index: int,
) -> npt.NDArray[np.float32] | npt.NDArray[np.float16]:
    """What a subgraph's tensor always holds, of the type that the file stores.

    Args:
        model, subgraph: where the tensor is.
        producers: as flatbuffer.producers gives them for the subgraph.
        index: the tensor's.

    Returns:
        An array of the tensor's shape, a view of the file unless it had to be decoded.

    Raises:
        NotConstantError: if the values are not constant, or of another type.
        ValueError: if the tensor does not have the data that its shape asks for.
    """
    source = stored_tensor(model, producers, index)
    if source in producers:
        raise NotConstantError(_origin(model, producers, source))
    values = _stored_values(model, subgraph.tensors[source])
    tensor = subgraph.tensors[index]
    if values.shape != shape_of(tensor):
        raise ValueError(
            f"damaged TensorFlow Lite model: tensor '{flatbuffer.text(tensor.name)}' of shape "
            f"{list(shape_of(tensor))} is decoded from one of shape {list(values.shape)}."
        )
    return values


def stored_tensor(
    model: schema.ModelT, producers: Mapping[int, schema.OperatorT], index: int
) -> int:
    """The tensor that stands before the decoders of `index`; itself where there are none."""
    for _ in DECODERS:  # each at most once, so that a circle in a damaged file ends
        producer = producers.get(index)
        if producer is None or flatbuffer.operator_name(model, producer) not in DECODERS:
            break
        inputs = flatbuffer.indices(producer.inputs)
        if len(inputs) != 1 or inputs[0] == -1:
            break
        index = inputs[0]
    return index


def _origin(model: schema.ModelT, producers: Mapping[int, schema.OperatorT], index: int) -> str:
    """Where a tensor that an operator computes has its values from."""
    op = flatbuffer.operator_name(model, producers[index])
    if op == "TRANSPOSE":  # the converter puts it between a variable and the layer
        inputs = flatbuffer.indices(producers[index].inputs)
        before = producers.get(inputs[0]) if inputs else None
        if before is not None and flatbuffer.operator_name(model, before) == "READ_VARIABLE":
            op = "READ_VARIABLE"
    if op == "READ_VARIABLE":
        return (
            "are a variable, not constant (the model is made for training; for one pruned with "
            "tensorflow-model-optimization call strip_pruning first)"
        )
    return f"are computed by {op}, not constant"


def shape_of(tensor: schema.TensorT) -> tuple[int, ...]:
    """A tensor's shape; a scalar's, and an unknown one, is ()."""
    return tuple(flatbuffer.indices(tensor.shape))


def type_name(tensor: schema.TensorT | None) -> str:
    """The schema's name of a tensor's type, such as FLOAT32."""
    return "missing" if tensor is None else _TYPE_NAMES.get(tensor.type, f"type {tensor.type}")


def _advice(tensor: schema.TensorT) -> str:
    """What to do about a tensor of integers, put behind what is wrong with it."""
    if tensor.quantization is None or tensor.quantization.scale is None:
        return ""
    return " (quantised: convert the model without optimizations)"


def _stored_values(
    model: schema.ModelT, tensor: schema.TensorT
) -> npt.NDArray[np.float32] | npt.NDArray[np.float16]:
    if tensor.externalBuffer:
        raise NotConstantError("are kept in another file (an external buffer)")
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.buffer == flatbuffer.NO_BUFFER:
        raise NotConstantError("are not constant")
    if tensor.type not in _DTYPES:
        raise NotConstantError(f"are {type_name(tensor)}, not FLOAT32 or FLOAT16{_advice(tensor)}")
    name, shape = flatbuffer.text(tensor.name), shape_of(tensor)
    dtype = np.dtype(_DTYPES[tensor.type])
    if min(shape, default=0) >= 0 and len(data) % dtype.itemsize == 0:
        values = np.frombuffer(data, dtype)
        if tensor.sparsity is not None:
            return decode(values, shape, tensor.sparsity, name)
        if values.size == math.prod(shape):
            return values.reshape(shape)
    raise ValueError(
        f"damaged TensorFlow Lite model: tensor '{name}' of shape {list(shape)} has "
        f"{len(data)} bytes."
    )
