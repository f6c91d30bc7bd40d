# SPDX-License-Identifier: Apache-2.0
"""Constants: what a constant tensor holds, also where the graph decodes it first.

Files with float16 weights hold a DEQUANTIZE for each, files saved with EXPERIMENTAL_SPARSITY a
DENSIFY, and files with both a DENSIFY and then a DEQUANTIZE. All of them compute constants, so that
a layer behind them has constant weights. So do those that store weights as int8 and compute in
float.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer
from ubp.tflite.sparse_encoding import decode

DECODERS = ("DEQUANTIZE", "DENSIFY")  # operators that compute constants of constants

_FLOATS = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.FLOAT16: "<f2"}
_BIASES = {schema.TensorType.INT32: "<i4"}
_INT8 = {schema.TensorType.INT8: "i1"}
_TYPE_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.TensorType).items() if name.isupper()
}


class NotConstantError(Exception):
    """A tensor without such constant values: the text, put behind "its weights", says why."""


@dataclass(frozen=True)
class QuantizedConstant:
    """Constant int8 weights, symmetric: each stands for its number times a scale.

    values: int8, of the tensor's shape.
    scales: float32, one for each index of the first axis, finite and above 0.
    """

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]


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
    return _read(model, subgraph, producers, index, _FLOATS)


def read_integers(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    producers: Mapping[int, schema.OperatorT],
    index: int,
) -> npt.NDArray[np.int32]:
    """As `read_constant`, of a tensor of INT32, such as the bias of an int8 layer."""
    return _read(model, subgraph, producers, index, _BIASES)


def read_quantized(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    producers: Mapping[int, schema.OperatorT],
    index: int,
) -> QuantizedConstant | None:
    """As `read_constant`, of weights that the file stores as INT8; None where it does not.

    Raises:
        NotConstantError: if the values are not constant, or not just multiples of scales of the
            first axis.
        ValueError: if a tensor does not have the data that its shape asks for.
    """
    source = subgraph.tensors[stored_tensor(model, producers, index)]
    if source.type != schema.TensorType.INT8:
        return None
    values = _read(model, subgraph, producers, index, _INT8)
    quantization = source.quantization
    scales = None if quantization is None else quantization.scale
    channels = values.shape[0] if values.ndim else 1
    if scales is None or len(scales) not in (1, channels):
        raise NotConstantError("are INT8 without scales that suit them")
    if len(scales) > 1 and quantization.quantizedDimension != 0:
        raise NotConstantError("are INT8 with scales that are not of the output channels")
    if quantization.zeroPoint is not None and np.any(quantization.zeroPoint):
        raise NotConstantError("are INT8 with zero points other than 0")
    of_channels = np.broadcast_to(np.asarray(scales, np.float32), channels)
    wrong = np.flatnonzero(~(np.isfinite(of_channels) & (of_channels > 0)))
    if wrong.size:
        raise NotConstantError(
            f"are INT8 with the scale {of_channels[wrong[0]]:g} for channel {wrong[0]}"
        )
    return QuantizedConstant(values, np.ascontiguousarray(of_channels))


def _read(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    producers: Mapping[int, schema.OperatorT],
    index: int,
    dtypes: Mapping[int, str],
) -> npt.NDArray[Any]:
    """A constant that is stored as one of these types."""
    source = stored_tensor(model, producers, index)
    if source in producers:
        raise NotConstantError(_origin(model, producers, source))
    values = _stored_values(model, subgraph.tensors[source], dtypes)
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
    return " (quantised: convert the model to int8, or without optimizations)"


def _stored_values(
    model: schema.ModelT, tensor: schema.TensorT, dtypes: Mapping[int, str]
) -> npt.NDArray[Any]:
    if tensor.externalBuffer:
        raise NotConstantError("are kept in another file (an external buffer)")
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.buffer == flatbuffer.NO_BUFFER:
        raise NotConstantError("are not constant")
    if tensor.type not in dtypes:
        expected = " or ".join(_TYPE_NAMES[code] for code in dtypes)
        raise NotConstantError(f"are {type_name(tensor)}, not {expected}{_advice(tensor)}")
    name, shape = flatbuffer.text(tensor.name), shape_of(tensor)
    dtype = np.dtype(dtypes[tensor.type])
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
