# SPDX-License-Identifier: Apache-2.0
"""One operator with weights, and the parts of the model that its layer consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import (
    NotConstantError,
    QuantizedConstant,
    read_constant,
    read_integers,
    read_quantized,
    shape_of,
    stored_tensor,
)

TRANSPOSE_CONV = "TRANSPOSE_CONV"
_LEFT_OUT = -1
_Read = TypeVar("_Read")


class UnsupportedError(Exception):
    """Raised while a candidate is examined: the sentence says why it stays an ordinary operator."""


class LayerInputs(NamedTuple):
    """The tensors that a layer reads, by their index; -1 where there is none."""

    activation: int
    weights: int
    bias: int
    output_shape: int  # of TRANSPOSE_CONV


def inputs_of(op: str, operator: schema.OperatorT) -> LayerInputs:
    """The inputs of an operator with weights, built-in or ours."""
    inputs = flatbuffer.indices(operator.inputs)
    inputs += [_LEFT_OUT] * (4 - len(inputs))
    if op == TRANSPOSE_CONV:
        output_shape, weights, activation, bias = inputs[:4]
        return LayerInputs(activation, weights, bias, output_shape)
    activation, weights, bias = inputs[:3]
    return LayerInputs(activation, weights, bias, _LEFT_OUT)


@dataclass(frozen=True)
class OperatorView:
    """One operator and the parts of the model that its layer consists of.

    index: of the subgraph.
    op: the operator's name.
    producers: as flatbuffer.producers gives them for the subgraph.
    shapes: of tensors, by subgraph and index, where they differ from those of the file.
    """

    model: schema.ModelT
    index: int
    operator: schema.OperatorT
    op: str
    producers: dict[int, schema.OperatorT]
    shapes: Mapping[tuple[int, int], tuple[int, ...]]

    @property
    def subgraph(self) -> schema.SubGraphT:
        return self.model.subgraphs[self.index]

    @property
    def inputs(self) -> LayerInputs:
        return inputs_of(self.op, self.operator)

    @property
    def output(self) -> int:
        """The operator's only output; -1 where it has none or several."""
        outputs = flatbuffer.indices(self.operator.outputs)
        return outputs[0] if len(outputs) == 1 else _LEFT_OUT

    def tensor(self, index: int) -> schema.TensorT | None:
        """A tensor, or None where it is left out."""
        return None if index == _LEFT_OUT else self.subgraph.tensors[index]

    def buffer(self, index: int) -> int:
        """Where the file has a tensor's data, decoded or not."""
        source = stored_tensor(self.model, self.producers, index)
        buffer: int = self.subgraph.tensors[source].buffer
        return buffer

    def shape(self, tensor: int) -> tuple[int, ...]:
        """A tensor's shape when the model runs; sizes that are not known are 1."""
        shape = self.shapes.get((self.index, tensor), shape_of(self.subgraph.tensors[tensor]))
        return tuple(max(size, 1) for size in shape)

    def pixels(self, tensor: int) -> int:
        """How many values per channel a tensor of the subgraph has."""
        return int(np.prod(self.shape(tensor)[:-1], dtype=np.int64))

    def constant(self, index: int, role: str) -> npt.NDArray[Any]:
        """A constant tensor, float32 or float16, in its shape."""
        return self._read(read_constant, index, role)

    def integers(self, index: int, role: str) -> npt.NDArray[np.int32]:
        """A constant tensor of int32 in its shape."""
        return self._read(read_integers, index, role)

    def quantized(self, index: int, role: str) -> QuantizedConstant | None:
        """A constant tensor that is stored as int8; None where it is stored as something else."""
        return self._read(read_quantized, index, role)

    def _read(self, read: Callable[..., _Read], index: int, role: str) -> _Read:
        if index == _LEFT_OUT:
            raise UnsupportedError(f"it has no {role}")
        try:
            return read(self.model, self.subgraph, self.producers, index)
        except NotConstantError as reason:
            raise UnsupportedError(f"its {role} {reason}") from reason
