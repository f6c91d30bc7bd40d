# SPDX-License-Identifier: Apache-2.0
"""What goes into the converter comes out of it, whatever the file holds.

Generated graphs get all that a .tflite file may hold besides: further subgraphs, signatures,
metadata, names, quantization, custom operators, buffers in other files, data behind the flatbuffer,
and the zip of TensorFlow Lite Metadata. Converted, everything but the converted operators and their
weights is as it was; converted and unpacked, everything is, but for the precision of weights.
"""

from __future__ import annotations

import copy
import functools
import io
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fuzz.generate import generate
from ubp.conversion import convert
from ubp.conversion.find import PACKED_SUFFIX, find_layers
from ubp.conversion.operator_view import inputs_of
from ubp.conversion.unpacking import unpack
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import DECODERS

# What goes with the last layer that needs it: what decoded its weights, or computed its shape.
MAY_GO = (*DECODERS, "SHAPE", "STRIDED_SLICE", "PACK")
CUSTOM = schema.BuiltinOperator.CUSTOM
TOLERANCES = {"f32": 0.0, "f16": 2.0**-11, "bf16": 2.0**-8}
names = st.binary(max_size=12).filter(lambda name: b"\0" not in name)


@functools.cache
def graph(index: int) -> bytes:
    return generate(14, index).model


def write(tree: schema.ModelT) -> bytes:
    """A file by the schema's own code, not the converter's."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class File(NamedTuple):
    """A model, and what it was made of."""

    recipe: str
    data: bytes
    archive: bool

    def __repr__(self) -> str:
        return self.recipe


@st.composite
def files(draw: st.DrawFn) -> File:
    """A generated graph and any of what files may hold besides."""
    index = draw(st.integers(0, 199))
    tree = flatbuffer.parse(graph(index), "graph")
    additions = draw(st.lists(st.sampled_from(ADDITIONS), unique_by=id))
    for add in additions:
        add(draw, tree)
    behind, archive = draw(st.booleans()), draw(st.booleans())
    data = _with_data_behind(draw, tree) if behind else write(tree)
    data = _with_archive(draw, data) if archive else data
    names = [add.__name__ for add in additions]
    return File(f"graph {index}, {names}, behind {behind}, archive {archive}", data, archive)


def _add_subgraph(draw: st.DrawFn, tree: schema.ModelT) -> None:
    """One that shares all weights with the first."""
    tree.subgraphs.append(copy.deepcopy(tree.subgraphs[0]))
    tree.subgraphs[-1].name = draw(names)


def _add_signatures(draw: st.DrawFn, tree: schema.ModelT) -> None:
    for index, subgraph in enumerate(tree.subgraphs):
        maps = [
            [schema.TensorMapT(name=draw(names), tensorIndex=tensor) for tensor in tensors]
            for tensors in map(flatbuffer.indices, (subgraph.inputs, subgraph.outputs))
        ]
        signature = schema.SignatureDefT(*maps, signatureKey=draw(names), subgraphIndex=index)
        tree.signatureDefs = [*(tree.signatureDefs or []), signature]


def _add_metadata(draw: st.DrawFn, tree: schema.ModelT) -> None:
    tree.description = draw(names)
    weights = [layer.buffer for layer in find_layers(tree) if layer.buffer]
    buffer = draw(st.sampled_from([*weights, len(tree.buffers)]))
    if buffer == len(tree.buffers):
        tree.buffers.append(schema.BufferT(np.frombuffer(draw(st.binary(min_size=1)), np.uint8)))
    tree.metadata = [schema.MetadataT(name=draw(names), buffer=buffer)]
    tree.metadataBuffer = [buffer]


def _rename_tensors(draw: st.DrawFn, tree: schema.ModelT) -> None:
    """Also to the same name, and to one that looks like ours."""
    for tensor in tree.subgraphs[0].tensors:
        tensor.name = draw(st.one_of(names, st.just(b"w"), st.just(f"w{PACKED_SUFFIX}".encode())))


def _add_details(draw: st.DrawFn, tree: schema.ModelT) -> None:
    for tensor in tree.subgraphs[0].tensors:
        if tensor.buffer == flatbuffer.NO_BUFFER and draw(st.booleans()):
            tensor.shapeSignature = np.array([-1, *flatbuffer.indices(tensor.shape)[1:]], np.int32)
            tensor.quantization = schema.QuantizationParametersT(min=[-1.0], max=[2.0])


def _add_custom_operator(draw: st.DrawFn, tree: schema.ModelT) -> None:
    tree.operatorCodes.append(
        schema.OperatorCodeT(CUSTOM, draw(names) or b"own", draw(st.integers(1, 9)), CUSTOM)
    )
    subgraph = tree.subgraphs[0]
    subgraph.operators.append(
        schema.OperatorT(
            opcodeIndex=len(tree.operatorCodes) - 1,
            inputs=[subgraph.outputs[0], -1],
            outputs=[],
            customOptions=np.frombuffer(draw(st.binary(min_size=1)), np.uint8),
            mutatingVariableInputs=[True, False],
        )
    )


def _add_external_buffer(draw: st.DrawFn, tree: schema.ModelT) -> None:
    tree.externalBufferGroups = [schema.ExternalBufferGroupT(name=draw(names))]
    tree.externalBuffers = [schema.ExternalBufferT(id=7, group=0, offset=4096, length=64)]
    tensor = schema.TensorT(shape=[4, 4], name=draw(names), externalBuffer=7)
    tree.subgraphs[0].tensors.append(tensor)


Addition = Callable[[st.DrawFn, schema.ModelT], None]
ADDITIONS: list[Addition] = [
    _add_subgraph,
    _add_signatures,
    _add_metadata,
    _rename_tensors,
    _add_details,
    _add_custom_operator,
    _add_external_buffer,
]


def _with_data_behind(draw: st.DrawFn, tree: schema.ModelT) -> bytes:
    """Some buffers and options of custom operators are behind the flatbuffer."""
    moved = [
        (buffer, "data", "offset", "size")
        for buffer in tree.buffers[1:]
        if buffer.data is not None and draw(st.booleans())
    ] + [
        (operator, "customOptions", "largeCustomOptionsOffset", "largeCustomOptionsSize")
        for subgraph in tree.subgraphs
        for operator in subgraph.operators
        if operator.customOptions is not None and draw(st.booleans())
    ]
    content = b""
    places = []
    for owner, data, offset, size in moved:
        places.append((owner, offset, len(content)))
        content += bytes(getattr(owner, data))
        setattr(owner, size, len(getattr(owner, data)))
        setattr(owner, data, None)
    begin = 2**24
    for _ in range(2):  # the offsets have a size of their own once they are not 0
        for owner, offset, at in places:
            setattr(owner, offset, begin + at)
        begin = len(write(tree))
    return write(tree) + content


def _with_archive(draw: st.DrawFn, data: bytes) -> bytes:
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a", draw(st.sampled_from([0, 8]))) as archive:
        for index in range(draw(st.integers(0, 3))):
            archive.writestr(f"{index}.txt", draw(st.binary()))
    return stream.getvalue()


def archive_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def plain(value: Any) -> Any:
    """An object of the tree as lists, dictionaries, numbers and bytes."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "__dict__"):
        return {name: plain(each) for name, each in vars(value).items()}
    return value


def contents(model: schema.ModelT, index: int) -> bytes:
    data = model.buffers[index].data
    return b"" if data is None else bytes(data)


def outside(model: schema.ModelT, buffers: int) -> Any:
    """All but subgraphs, codes and buffers, and what metadata refers to."""
    rest = {
        name: plain(value)
        for name, value in vars(model).items()
        if name not in ("subgraphs", "operatorCodes", "buffers")
    }
    return rest, [contents(model, entry.buffer) for entry in model.metadata or []]


def operator_of(model: schema.ModelT, operator: schema.OperatorT) -> Any:
    code = plain(model.operatorCodes[operator.opcodeIndex])
    return code, {**plain(operator), "opcodeIndex": None}


def tensor_of(tensor: schema.TensorT) -> Any:
    return {**plain(tensor), "buffer": None, "sparsity": None}


FUZZ = settings(
    max_examples=400,
    phases=[Phase.generate],  # files hardly get smaller, and their bytes say nothing
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@given(file=files(), weights=st.sampled_from(["f32", "f16", "bf16"]))
@FUZZ
def test_what_goes_in_comes_out(file: File, weights: str) -> None:
    data = file.data
    before = flatbuffer.parse(data, "before")
    result = convert(data, weights=weights, min_speedup=0)
    assert result.dense == data
    if not any(layer.taken for layer in result.report):
        assert result.model == data
        return
    taken = {
        (layer.subgraph, layer.operator)
        for layer, report in zip(find_layers(before), result.report, strict=True)
        if report.taken
    }
    check_converted(before, flatbuffer.parse(result.model, "after"), taken)
    restored = unpack(result.model)
    check_unpacked(before, flatbuffer.parse(restored, "restored"), taken, TOLERANCES[weights])
    if file.archive:
        assert archive_of(data) == archive_of(result.model) == archive_of(restored)


def check_converted(
    before: schema.ModelT, after: schema.ModelT, taken: set[tuple[int, int]]
) -> None:
    assert outside(after, 0) == outside(before, 0)
    for index, (old, new) in enumerate(zip(before.subgraphs, after.subgraphs, strict=True)):
        check_frame(old, new)
        remaining = iter(new.operators)
        for place, operator in enumerate(old.operators):
            if flatbuffer.operator_name(before, operator) in MAY_GO:
                continue
            found = next(
                each for each in remaining if flatbuffer.operator_name(after, each) not in MAY_GO
            )
            if (index, place) not in taken:
                assert operator_of(after, found) == operator_of(before, operator)
            else:
                assert flatbuffer.indices(found.outputs) == flatbuffer.indices(operator.outputs)
                name = flatbuffer.operator_name(before, operator)
                activation = inputs_of(name, operator).activation
                assert inputs_of("", found).activation == activation
        used = {i for each in new.operators for i in flatbuffer.indices(each.inputs)}
        for tensor in used & set(range(len(old.tensors))):
            data = contents(before, old.tensors[tensor].buffer)
            if data:
                assert contents(after, new.tensors[tensor].buffer) == data


def check_frame(old: schema.SubGraphT, new: schema.SubGraphT) -> None:
    """All of a subgraph but operators and data."""
    kept = new.tensors[: len(old.tensors)]
    assert [*map(tensor_of, kept)] == [*map(tensor_of, old.tensors)]
    for name in ("name", "inputs", "outputs", "debugMetadataIndex"):
        assert plain(getattr(new, name)) == plain(getattr(old, name))


def check_unpacked(
    before: schema.ModelT,
    after: schema.ModelT,
    taken: set[tuple[int, int]],
    tolerance: float,
) -> None:
    assert outside(after, 0) == outside(before, 0)
    for index, (old, new) in enumerate(zip(before.subgraphs, after.subgraphs, strict=True)):
        check_frame(old, new)
        remaining = [
            each for each in new.operators if flatbuffer.operator_name(after, each) not in MAY_GO
        ]
        originals = [
            (place, each)
            for place, each in enumerate(old.operators)
            if flatbuffer.operator_name(before, each) not in MAY_GO
        ]
        for (place, operator), found in zip(originals, remaining, strict=True):
            name = flatbuffer.operator_name(before, operator)
            assert flatbuffer.operator_name(after, found) == name
            if (index, place) not in taken:
                assert operator_of(after, found) == operator_of(before, operator)
                continue
            options = [vars(each.builtinOptions) for each in (operator, found)]
            for option in options:
                option.pop("quantizedBiasType", None)
                option.pop("asymmetricQuantizeInputs", None)
                if name == "TRANSPOSE_CONV":  # the paddings may be the same
                    option.pop("padding")
            assert options[0] == options[1]
            check_weights((before, old, operator), (after, new, found), tolerance)


def check_weights(old: Any, new: Any, tolerance: float) -> None:
    """Weights that are stored as float32 are equal but for the type's rounding."""
    (before, subgraph, operator), (after, restored, found) = old, new
    stored = subgraph.tensors[operator.inputs[1]]
    if stored.type != schema.TensorType.FLOAT32 or not contents(before, stored.buffer):
        return  # decoded by an operator, which is not brought back
    if stored.sparsity is not None:
        return
    tensor = restored.tensors[found.inputs[1]]
    assert plain(tensor.shape) == plain(stored.shape)
    expected = np.frombuffer(contents(before, stored.buffer), np.float32)
    actual = np.frombuffer(contents(after, tensor.buffer), np.float32)
    if tolerance == 0:
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=2.0**-24)
