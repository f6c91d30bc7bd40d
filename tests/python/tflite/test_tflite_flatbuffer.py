# SPDX-License-Identifier: Apache-2.0
"""ubp.tflite.flatbuffer: what is written can be read, and is aligned; damage is one sentence."""

import struct

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.builder import ModelBuilder
from ubp.tflite.flatbuffer import operator_name, parse, serialize


def small_model() -> bytes:
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 4, 4, 3])
    weights = graph.constant(np.ones((5, 1, 1, 3), np.float32), "weights")
    graph.output(graph.conv(x, weights, graph.constant(np.ones(5, np.float32), "bias")))
    model.metadata("author's notes", b"seventeen bytes..")
    model.signature("serve", {"x": x}, {"y": graph.graph.outputs[0]})
    model.tree.description = "a description"
    return model.build()


def buffer_offsets(data: bytes) -> list[int]:
    """The position in the file of each non-empty buffer's data."""
    model = schema.Model.GetRootAs(data)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    fields = [(buffer._tab, buffer._tab.Offset(4)) for buffer in buffers]
    return [table.Vector(offset) for table, offset in fields if offset]


def test_the_tree_survives_and_buffers_are_aligned() -> None:
    data = small_model()
    once = serialize(parse(data, "model"))
    offsets = buffer_offsets(once)
    assert len(offsets) == 3
    assert all(offset % 16 == 0 for offset in offsets)
    tree = parse(once, "model")
    assert tree.description == b"a description"
    assert [entry.name for entry in tree.metadata] == [b"author's notes"]
    assert bytes(tree.buffers[tree.metadata[0].buffer].data) == b"seventeen bytes.."
    assert tree.signatureDefs[0].signatureKey == b"serve"
    assert operator_name(tree, tree.subgraphs[0].operators[0]) == "CONV_2D"
    assert serialize(tree) == once


def test_equal_vectors_of_numbers_are_written_once() -> None:
    channels, count = 1000, 8
    tree = parse(small_model(), "model")
    graph = tree.subgraphs[0]
    scales = [np.linspace(1, 2 + i // 4, channels, dtype=np.float32) for i in range(count)]
    for scale in scales:
        quantization = schema.QuantizationParametersT(
            scale=scale, zeroPoint=np.zeros(channels, np.int64)
        )
        graph.tensors.append(schema.TensorT(name="more", quantization=quantization))
    data = serialize(tree)
    again = parse(data, "again").subgraphs[0].tensors[-count:]
    for tensor, scale in zip(again, scales, strict=True):
        np.testing.assert_array_equal(tensor.quantization.scale, scale)
        np.testing.assert_array_equal(tensor.quantization.zeroPoint, np.zeros(channels))
    assert 0 < len(data) - len(small_model()) - (8 + 2 * 4) * channels < 200 * count


@pytest.mark.parametrize("data", [b"", b"TFL3", b"PK\x03\x04 this is a zip file", bytes(1000)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"x\.tflite: not a TensorFlow Lite model"):
        parse(data, "x.tflite")


@given(st.data())
@settings(max_examples=200)
def test_truncated_files_are_refused_or_whole_enough_to_write(data: st.DataObject) -> None:
    whole = small_model()
    part = whole[: data.draw(st.integers(8, len(whole) - 1))]
    try:
        tree = parse(part, "x.tflite")
    except ValueError as error:
        message = str(error)
        assert message.startswith("x.tflite: damaged")
        return
    serialize(tree)


def test_an_index_out_of_range_is_refused() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 4])
    y = graph.fully_connected(x, graph.constant(np.ones((2, 4), np.float32), "w"))
    graph.output(y)
    model.signature("serve", {"x": x}, {"y": y})
    for change, message in (
        (lambda tree: setattr(tree.subgraphs[0].operators[0], "inputs", [0, 9, -1]), "tensor 9"),
        (lambda tree: setattr(tree.subgraphs[0].tensors[1], "buffer", 7), "buffer 7"),
        (lambda tree: setattr(tree.subgraphs[0].operators[0], "opcodeIndex", 3), "code 3"),
        (lambda tree: setattr(tree.subgraphs[0], "inputs", [9]), "tensor 9"),
        (lambda tree: setattr(tree.subgraphs[0], "outputs", [-2]), "tensor -2"),
        (lambda tree: setattr(tree.signatureDefs[0], "subgraphIndex", 1), "subgraph 1"),
        (lambda tree: setattr(tree.signatureDefs[0].inputs[0], "tensorIndex", 9), "tensor 9"),
        (lambda tree: setattr(tree.signatureDefs[0].outputs[0], "tensorIndex", 9), "tensor 9"),
    ):
        tree = parse(model.build(), "model")
        change(tree)
        with pytest.raises(ValueError, match=f"refers to .*{message}"):
            parse(serialize(tree), "model")


def behind(data: bytes, buffer: int, content: bytes) -> bytes:
    """A file like `data` that keeps one buffer and the options of its operator behind all else."""
    tree = schema.ModelT.InitFromPackedBuf(data)
    operator = tree.subgraphs[0].operators[0]

    def pack(begin: int) -> bytes:
        tree.buffers[buffer] = schema.BufferT(offset=begin, size=len(content))
        operator.largeCustomOptionsOffset = begin + len(content)
        operator.largeCustomOptionsSize = 5
        builder = flatbuffers.Builder(1024)
        builder.Finish(tree.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    return pack(len(pack(2**20))) + content + b"large"


def test_what_is_behind_the_flatbuffer_is_read_and_written_into_it() -> None:
    whole = small_model()
    weights = parse(whole, "model").subgraphs[0].tensors[1].buffer
    content = bytes(parse(whole, "model").buffers[weights].data)
    data = behind(whole, weights, content)
    for tree in (parse(data, "model"), parse(serialize(parse(data, "model")), "model")):
        assert bytes(tree.buffers[weights].data) == content
        assert (tree.buffers[weights].offset, tree.buffers[weights].size) == (0, 0)
        operator = tree.subgraphs[0].operators[0]
        assert bytes(operator.customOptions) == b"large"
        assert (operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize) == (0, 0)
    for cut in (1, 6, len(content)):
        with pytest.raises(ValueError, match=r"damaged or truncated .* bytes of data are to be at"):
            parse(data[:-cut], "model")


def test_operators_of_files_with_the_old_code_field_are_named() -> None:
    tree = parse(small_model(), "model")
    tree.operatorCodes[0].builtinCode = 0
    assert operator_name(tree, tree.subgraphs[0].operators[0]) == "CONV_2D"


def test_the_identifier_is_where_the_runtime_looks() -> None:
    data = serialize(parse(small_model(), "model"))
    assert struct.unpack_from("<I4s", data)[1] == b"TFL3"
