# SPDX-License-Identifier: Apache-2.0
"""A .tflite file's bytes <-> the schema's object tree (ai_edge_litert's generated classes).

Reading checks what all else relies on: every index in the tree points at something, and data that a
file keeps behind the flatbuffer, as large ones do, is in the tree as all other data is. Writing
puts everything into the flatbuffer and keeps each buffer's data at a multiple of 16 bytes from the
start of the file, as the C++ runtime expects and the generated Python code does not do.

The tree is made by ai_edge_litert.tools.flatbuffer_utils. Its read_model_from_bytearray would also
bring in what is behind the flatbuffer, but is no use for files that nobody vouches for: it takes
what is left where a file is cut off, takes the offset 1, which stands for none, for one, renumbers
the buffers, and fails on a graph without operators. That part is done here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

FILE_IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT = 16
_INSIDE = 1  # offsets up to this say that the data is in the flatbuffer
NO_BUFFER = 0  # the runtime takes the first buffer for "no data", whatever it holds
MAX_FILE_BYTES = 2**31 - 1  # offsets in a flatbuffer are 32-bit and signed

_LAST_DEPRECATED = 127  # the old field of operator codes has 8 bits; codes from here on stand there
_BUILTIN_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()
}

# What the flatbuffers package raises when it reads past the end or decodes nonsense.
_DAMAGED = (AttributeError, IndexError, OverflowError, TypeError, ValueError, struct.error)


def parse(data: bytes, source: str) -> schema.ModelT:
    """Unpack a .tflite file.

    Args:
        data: the whole file.
        source: what to call it in an error.

    Raises:
        ValueError: if it is not a .tflite file, is damaged, or over 2 GB.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{source}: {len(data)} bytes; models over 2 GB are not supported.")
    if data[4:8] != FILE_IDENTIFIER:
        raise ValueError(f"{source}: not a TensorFlow Lite model (no 'TFL3' at byte 4).")
    try:
        model = flatbuffer_utils.convert_bytearray_to_object(data)
    except _DAMAGED as error:
        raise ValueError(f"{source}: damaged or truncated TensorFlow Lite model.") from error
    _check_tree(model, source)
    _inline_appended_data(model, data, source)
    return model


def serialize(model: schema.ModelT) -> bytes:
    """Pack the object tree into a .tflite file.

    Equal vectors of numbers, as the zero points of many channels are, are in the file once.

    Raises:
        ValueError: if the file would exceed 2 GB.
    """
    model.buffers = [_AlignedBufferT(buffer.data) for buffer in model.buffers]
    size = sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)
    builder = _SharingBuilder(min(2 * size + 2**16, MAX_FILE_BYTES))
    try:
        builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    except flatbuffers.builder.BuilderSizeError as error:
        raise ValueError("the model would exceed the 2 GB of a .tflite file.") from error
    return bytes(builder.Output())


def operator_name(model: schema.ModelT, operator: schema.OperatorT) -> str:
    """The schema's name of a built-in operator, such as CONV_2D, or a custom operator's own."""
    return code_name(model.operatorCodes[operator.opcodeIndex])


def code_name(code: schema.OperatorCodeT) -> str:
    """As `operator_name`, of an entry of the model's table of operators."""
    if is_custom(code):
        return text(code.customCode)
    builtin = flatbuffer_utils.get_builtin_code_from_operator_code(code)
    return _BUILTIN_NAMES.get(builtin, f"BUILTIN_{builtin}")


def builtin_code(model: schema.ModelT, builtin: int) -> int:
    """The index of a built-in operator's code, added if the model does not have it yet."""
    for index, code in enumerate(model.operatorCodes):
        if flatbuffer_utils.get_builtin_code_from_operator_code(code) == builtin:
            return index
    model.operatorCodes.append(
        schema.OperatorCodeT(
            deprecatedBuiltinCode=min(builtin, _LAST_DEPRECATED), builtinCode=builtin, version=1
        )
    )
    return len(model.operatorCodes) - 1


def is_custom(code: schema.OperatorCodeT) -> bool:
    """Whether an entry of the model's table of operators is a custom operator's."""
    builtin: int = flatbuffer_utils.get_builtin_code_from_operator_code(code)
    return builtin == int(schema.BuiltinOperator.CUSTOM)


def text(value: bytes | str | None) -> str:
    """A string of the object tree, which holds bytes where it was read and str where it was set."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value or ""


def operators(subgraph: schema.SubGraphT) -> list[schema.OperatorT]:
    """A subgraph's operators; a list that the file leaves out is empty."""
    return list(subgraph.operators or [])


def producers(subgraph: schema.SubGraphT) -> dict[int, schema.OperatorT]:
    """The operator that computes a tensor, by the tensor's index."""
    return {
        index: operator for operator in operators(subgraph) for index in indices(operator.outputs)
    }


def indices(vector: Iterable[int] | None) -> list[int]:
    """A vector of tensor indices as Python integers; -1 stands for an optional tensor left out."""
    return [] if vector is None else [int(index) for index in vector]


class _SharingBuilder(flatbuffers.Builder):
    """Makes one of equal vectors of numbers, but for bytes, some of which are aligned otherwise."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._vectors: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # noqa: N802 - flatbuffers' name
        if x.itemsize == 1:
            offset: int = super().CreateNumpyVector(x)
            return offset
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = super().CreateNumpyVector(x)
        return self._vectors[key]


class _AlignedBufferT(schema.BufferT):
    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - the generated code's name
        if self.data is not None:
            builder.Prep(BUFFER_ALIGNMENT, len(self.data))
        offset: int = super().Pack(builder)
        return offset


def _check_tree(model: schema.ModelT, source: str) -> None:
    if not model.subgraphs or not model.buffers:
        raise ValueError(f"{source}: damaged TensorFlow Lite model: no subgraphs or no buffers.")
    for subgraph in model.subgraphs:
        opcodes = [operator.opcodeIndex for operator in operators(subgraph)]
        _check_indices("operator code", opcodes, len(model.operatorCodes or []), source)
        buffers = [tensor.buffer for tensor in subgraph.tensors or []]
        _check_indices("buffer", buffers, len(model.buffers), source)
        for user in (subgraph, *operators(subgraph)):
            used = [i for i in indices(user.inputs) + indices(user.outputs) if i != -1]
            _check_indices("tensor", used, len(subgraph.tensors or []), source)
    for signature in model.signatureDefs or []:
        _check_indices("subgraph", [signature.subgraphIndex], len(model.subgraphs), source)
        maps = [*(signature.inputs or []), *(signature.outputs or [])]
        tensors = len(model.subgraphs[signature.subgraphIndex].tensors or [])
        _check_indices("tensor", [entry.tensorIndex for entry in maps], tensors, source)


def _inline_appended_data(model: schema.ModelT, data: bytes, source: str) -> None:
    """Put what is behind the flatbuffer where the schema has it otherwise."""
    for buffer in model.buffers:
        if buffer.offset > _INSIDE:
            buffer.data = _appended_data(data, buffer.offset, buffer.size, source)
        buffer.offset = buffer.size = 0
    for subgraph in model.subgraphs:
        for operator in operators(subgraph):
            begin, size = operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize
            if begin > _INSIDE:
                operator.customOptions = _appended_data(data, begin, size, source)
            operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0


def _appended_data(data: bytes, begin: int, size: int, source: str) -> npt.NDArray[np.uint8]:
    if begin + size > len(data):
        raise ValueError(
            f"{source}: damaged or truncated TensorFlow Lite model: {size} bytes of data are to be "
            f"at byte {begin}, the file has {len(data)}."
        )
    return np.asarray(memoryview(data)[begin : begin + size])


def _check_indices(kind: str, found: Iterable[int], size: int, source: str) -> None:
    for index in found:
        if not 0 <= index < size:
            raise ValueError(
                f"{source}: damaged TensorFlow Lite model: refers to {kind} {index}, it has {size}."
            )
