# SPDX-License-Identifier: Apache-2.0
"""The weights of a quantised file against those of the float file of the same model.

Both files are the converter's and have the same operators in the same order, with batch
normalisation folded in, which moves no zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.quantization.result import QuantizedWeights
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import shape_of

# Operators with weights -> the place of these among the inputs.
_WEIGHTS = {
    "CONV_2D": 1,
    "CONV_3D": 1,
    "DEPTHWISE_CONV_2D": 1,
    "FULLY_CONNECTED": 1,
    "TRANSPOSE_CONV": 1,
}
_DTYPES = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.INT8: "i1"}
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True)
class _Weights:
    """Constant weights of an operator; `is_zero` says which are, in the shape of the tensor."""

    name: str
    op: str
    dtype: str
    is_zero: npt.NDArray[np.bool_]


def compare_weights(
    dense: schema.ModelT, quantized: schema.ModelT, source: str
) -> list[QuantizedWeights]:
    """What became of the zeros of each operator's weights.

    Args:
        dense, quantized: the float file and that with int8.
        source: what to call the model in an error.

    Raises:
        ValueError: if a zero of the model is none of the file, or the files do not compare.
    """
    before, after = _weights_of(dense), _weights_of(quantized)
    if [(each.op, each.is_zero.shape) for each in before] != [
        (each.op, each.is_zero.shape) for each in after
    ]:
        raise ValueError(
            f"{source}: TensorFlow's converter makes other operators of the float model than of "
            "the quantised one, so that it cannot be told whether zeros stay zeros; please report "
            "it with the model."
        )
    rows = []
    for one, other in zip(before, after, strict=True):
        lost = int(np.count_nonzero(one.is_zero & ~other.is_zero))
        if lost:
            raise ValueError(
                f"{source}: {lost} zeros of the weights '{other.name}' are not zero in the file; "
                "please report it with the model."
            )
        zeros, size = int(np.count_nonzero(one.is_zero)), one.is_zero.size
        fresh = int(np.count_nonzero(other.is_zero)) - zeros
        shape = other.is_zero.shape
        rows.append(QuantizedWeights(other.name, other.op, shape, other.dtype, zeros, fresh, size))
    return rows


def float_operators(model: schema.ModelT) -> list[str]:
    """The operators that take or give floats, as "MUL (name of the result)"."""
    found = []
    for subgraph in model.subgraphs:
        for operator in flatbuffer.operators(subgraph):
            name = flatbuffer.operator_name(model, operator)
            used = [*flatbuffer.indices(operator.inputs), *flatbuffer.indices(operator.outputs)]
            tensors = [subgraph.tensors[index] for index in used if index != -1]
            if name not in _CONVERSIONS and any(_is_float(tensor) for tensor in tensors):
                result = subgraph.tensors[flatbuffer.indices(operator.outputs)[0]]
                found.append(f"{name} ({flatbuffer.text(result.name).partition(';')[0]})")
    return found


def _weights_of(model: schema.ModelT) -> list[_Weights]:
    found = []
    for subgraph in model.subgraphs:
        producers = flatbuffer.producers(subgraph)
        for operator in flatbuffer.operators(subgraph):
            op = flatbuffer.operator_name(model, operator)
            if op not in _WEIGHTS:
                continue
            index = flatbuffer.indices(operator.inputs)[_WEIGHTS[op]]
            tensor = subgraph.tensors[_stored(model, producers, index)]
            values = _values(model, tensor)
            if values is not None:
                name = flatbuffer.text(tensor.name)
                found.append(_Weights(name, op, values.dtype.name, _is_zero(values, tensor)))
    return found


def _stored(model: schema.ModelT, producers: Mapping[int, schema.OperatorT], index: int) -> int:
    """The tensor that stands before QUANTIZE and DEQUANTIZE, as tfmot's training leaves them."""
    for _ in _CONVERSIONS:  # each at most once
        producer = producers.get(index)
        if producer is None or flatbuffer.operator_name(model, producer) not in _CONVERSIONS:
            break
        (index,) = flatbuffer.indices(producer.inputs)
    return index


def _values(model: schema.ModelT, tensor: schema.TensorT) -> npt.NDArray[Any] | None:
    """A constant of the two types; None for another tensor."""
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type not in _DTYPES:
        return None
    values = np.frombuffer(data, _DTYPES[tensor.type])
    shape = shape_of(tensor)
    return values.reshape(shape) if values.size == math.prod(shape) else None


def _is_zero(values: npt.NDArray[Any], tensor: schema.TensorT) -> npt.NDArray[np.bool_]:
    quantization = tensor.quantization
    if values.dtype.kind == "f" or quantization is None or quantization.zeroPoint is None:
        points = np.zeros(1)
    else:
        points = np.asarray(quantization.zeroPoint)
    shape = [1] * values.ndim
    if points.size > 1:
        shape[quantization.quantizedDimension] = points.size
    is_zero: npt.NDArray[np.bool_] = np.equal(values, points.reshape(shape))
    return is_zero


def _is_float(tensor: schema.TensorT) -> bool:
    floats = (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32, schema.TensorType.FLOAT64)
    return tensor.type in floats
