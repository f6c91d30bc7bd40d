# SPDX-License-Identifier: Apache-2.0
"""The output shape of a TRANSPOSE_CONV: a constant, or computed of the sizes of its input.

Where sizes are open, the standard converter writes

    TRANSPOSE_CONV(PACK(batch, height, width, channels), weights, x)

where each size is a constant, or STRIDED_SLICE(SHAPE(x)) of one axis, multiplied with, added to or
subtracted from constants. That is a line in the size of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.operator_view import OperatorView
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import shape_of

_RANK = 4
_DEEPEST = 8  # operators between a size and the shape; more are not looked at


@dataclass(frozen=True)
class Line:
    """scale * (the size of x along `axis`) + offset; a constant where the scale is 0."""

    scale: int
    offset: int
    axis: int = 0


def read_output_shape(view: OperatorView) -> list[Line | None] | None:
    """The four sizes that come out; None for those that are computed in any other way.

    Returns:
        None altogether if the shape is not a constant of four sizes, nor a PACK of four.
    """
    index = view.inputs.output_shape
    constant = _integers(view, index)
    if constant is not None:
        return [Line(0, size) for size in constant] if len(constant) == _RANK else None
    producer = _producer(view, index, "PACK")
    if producer is None:
        return None
    sizes = flatbuffer.indices(producer.inputs)
    return [_line(view, size, _DEEPEST) for size in sizes] if len(sizes) == _RANK else None


def _line(view: OperatorView, index: int, deepest: int) -> Line | None:
    constant = _integers(view, index)
    if constant is not None:
        return Line(0, constant[0]) if len(constant) == 1 else None
    if deepest == 0 or index not in view.producers:
        return None
    operator = view.producers[index]
    op = flatbuffer.operator_name(view.model, operator)
    if op == "STRIDED_SLICE":
        return _size_of_input(view, operator)
    inputs = flatbuffer.indices(operator.inputs)
    if op not in ("ADD", "SUB", "MUL") or len(inputs) != 2:
        return None
    if operator.builtinOptions is not None and operator.builtinOptions.fusedActivationFunction:
        return None
    left, right = (_line(view, each, deepest - 1) for each in inputs)
    return None if left is None or right is None else _combined(op, left, right)


def _combined(op: str, left: Line, right: Line) -> Line | None:
    if left.scale and right.scale:
        return None
    axis = left.axis if left.scale else right.axis
    if op == "MUL":
        scale = left.scale * right.offset + right.scale * left.offset
        return Line(scale, left.offset * right.offset, axis)
    sign = 1 if op == "ADD" else -1
    return Line(left.scale + sign * right.scale, left.offset + sign * right.offset, axis)


def _size_of_input(view: OperatorView, operator: schema.OperatorT) -> Line | None:
    """Of a STRIDED_SLICE that takes one number out of the shape of the layer's input."""
    options, inputs = operator.builtinOptions, flatbuffer.indices(operator.inputs)
    if len(inputs) < 2 or options is None or options.shrinkAxisMask != 1:
        return None
    if options.beginMask or options.ellipsisMask or options.newAxisMask:
        return None
    whole, begin = _producer(view, inputs[0], "SHAPE"), _integers(view, inputs[1])
    if whole is None or flatbuffer.indices(whole.inputs) != [view.inputs.activation]:
        return None
    if begin is None or len(begin) != 1 or not -_RANK <= begin[0] < _RANK:
        return None
    return Line(1, 0, begin[0] % _RANK)


def _producer(view: OperatorView, index: int, op: str) -> schema.OperatorT | None:
    operator = view.producers.get(index)
    if operator is None or flatbuffer.operator_name(view.model, operator) != op:
        return None
    return operator


def _integers(view: OperatorView, index: int) -> list[int] | None:
    """The values of a constant of 32-bit integers."""
    tensor = view.tensor(index)
    if tensor is None or tensor.type != schema.TensorType.INT32 or index in view.producers:
        return None
    data = view.model.buffers[tensor.buffer].data
    if data is None or tensor.buffer == flatbuffer.NO_BUFFER:
        return None
    size = int(np.prod(shape_of(tensor), dtype=np.int64))
    if len(data) != 4 * size:
        return None
    values: list[int] = np.frombuffer(bytes(data), "<i4").tolist()
    return values


def write_output_shape(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    before: schema.OperatorT,
    activation: int,
    lines: Sequence[Line],
) -> int:
    """Add the output shape of a TRANSPOSE_CONV to a subgraph.

    Args:
        model, subgraph: where it is added.
        before: the operator that it is for; those that compute the shape are put before it.
        activation: the tensor x of the lines.
        lines: the four sizes.

    Returns:
        The shape's tensor.
    """
    return _ShapeWriter(model, subgraph, before).write(activation, lines)


class _ShapeWriter:
    def __init__(
        self, model: schema.ModelT, subgraph: schema.SubGraphT, before: schema.OperatorT
    ) -> None:
        self._model = model
        self._subgraph = subgraph
        self._before = before

    def write(self, activation: int, lines: Sequence[Line]) -> int:
        if not any(line.scale for line in lines):
            return self._constant([line.offset for line in lines], [_RANK])
        options = schema.ShapeOptionsT(outType=schema.TensorType.INT32)
        whole = self._add("SHAPE", "ShapeOptions", options, [activation], [_RANK])
        sizes = [self._size(whole, line) for line in lines]
        packing = schema.PackOptionsT(valuesCount=len(sizes), axis=0)
        return self._add("PACK", "PackOptions", packing, sizes, [_RANK])

    def _size(self, whole: int, line: Line) -> int:
        if not line.scale:
            return self._constant([line.offset], [])
        edges = [self._constant([each], [1]) for each in (line.axis, line.axis + 1, 1)]
        slicing = schema.StridedSliceOptionsT(shrinkAxisMask=1)
        size = self._add("STRIDED_SLICE", "StridedSliceOptions", slicing, [whole, *edges], [])
        if line.scale != 1:
            factor = self._constant([line.scale], [])
            size = self._add("MUL", "MulOptions", schema.MulOptionsT(), [size, factor], [])
        if line.offset:
            term = self._constant([line.offset], [])
            size = self._add("ADD", "AddOptions", schema.AddOptionsT(), [size, term], [])
        return size

    def _add(self, op: str, kind: str, options: Any, inputs: list[int], shape: list[int]) -> int:
        """Add an operator of one output; returns that."""
        output = self._tensor(shape, flatbuffer.NO_BUFFER)
        operator = schema.OperatorT(
            opcodeIndex=flatbuffer.builtin_code(self._model, getattr(schema.BuiltinOperator, op)),
            inputs=np.array(inputs, np.int32),
            outputs=np.array([output], np.int32),
            builtinOptionsType=getattr(schema.BuiltinOptions, kind),
            builtinOptions=options,
        )
        self._subgraph.operators.insert(self._subgraph.operators.index(self._before), operator)
        return output

    def _constant(self, values: list[int], shape: list[int]) -> int:
        data = np.frombuffer(np.array(values, "<i4").tobytes(), np.uint8)
        self._model.buffers.append(schema.BufferT(data=data))
        return self._tensor(shape, len(self._model.buffers) - 1)

    def _tensor(self, shape: list[int], buffer: int) -> int:
        self._subgraph.tensors.append(
            schema.TensorT(
                shape=np.array(shape, np.int32),
                type=schema.TensorType.INT32,
                buffer=buffer,
                name=f"ubp_output_shape_{len(self._subgraph.tensors)}",
                hasRank=True,
            )
        )
        return len(self._subgraph.tensors) - 1
