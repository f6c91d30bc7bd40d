# SPDX-License-Identifier: Apache-2.0
"""ubp.tflite.constant_tensors: weights behind DEQUANTIZE and DENSIFY, and all sparse encodings."""

from itertools import permutations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_encoder import sparse_encoding

from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.conversion import convert
from ubp.conversion.find import find_layers
from ubp.format import ValueType
from ubp.tflite import flatbuffer
from ubp.tflite.sparse_encoding import decode


def pruned(seed: int, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * (rng.random(shape) < 0.2)).astype(dtype)


# ---- the sparse encoding ---------------------------------------------------------------------


@st.composite
def encodings(draw: st.DrawFn) -> tuple[np.ndarray, schema.SparsityParametersT, np.ndarray]:
    """A dense array, a description of how it is stored, and the values stored."""
    rank = draw(st.integers(1, 4))
    blocks = draw(st.dictionaries(st.integers(0, rank - 1), st.integers(1, 3), max_size=2))
    shape = tuple(draw(st.integers(1, 4)) * blocks.get(dimension, 1) for dimension in range(rank))
    dense = pruned(draw(st.integers(0, 1000)), shape)
    order = draw(st.sampled_from(list(permutations(range(rank + len(blocks))))))
    # The size of a block is written where its level is dense.
    sparse_levels = [dimension < rank and draw(st.booleans()) for dimension in order]
    return dense, *sparse_encoding(dense, order, blocks, sparse_levels)


@given(encodings())
@settings(max_examples=200)
def test_what_was_encoded_is_decoded(
    case: tuple[np.ndarray, schema.SparsityParametersT, np.ndarray],
) -> None:
    dense, sparsity, values = case
    np.testing.assert_array_equal(decode(values, dense.shape, sparsity, "w"), dense)


@given(encodings(), st.data())
@settings(max_examples=200)
def test_a_damaged_encoding_is_an_error_or_stays_in_bounds(
    case: tuple[np.ndarray, schema.SparsityParametersT, np.ndarray], data: st.DataObject
) -> None:
    dense, sparsity, values = case
    level = data.draw(st.sampled_from(sparsity.dimMetadata))
    damage = data.draw(st.sampled_from(["size", "segments", "indices", "order", "values"]))
    number = data.draw(st.integers(-(2**31), 2**31 - 1))
    if damage == "size":
        level.denseSize = number
    elif damage == "order":
        sparsity.traversalOrder = np.array([number, *sparsity.traversalOrder[1:]])
    elif damage == "values":
        values = values[:-1]
    elif level.arraySegments is not None:
        vector = level.arraySegments if damage == "segments" else level.arrayIndices
        if vector.values.size:
            vector.values = vector.values.copy()
            vector.values[data.draw(st.integers(0, vector.values.size - 1))] = number
    try:
        decoded = decode(values, dense.shape, sparsity, "w")
    except ValueError as error:
        assert "sparse encoding of tensor 'w' contradicts itself" in str(error)  # noqa: PT017
    else:
        assert decoded.shape == dense.shape


# ---- layers ----------------------------------------------------------------------------------


def halved(graph: SubgraphBuilder, values: np.ndarray, name: str) -> int:
    """A float32 tensor that DEQUANTIZE makes of float16 values."""
    stored = graph.constant(values.astype(np.float16), f"{name}/half")
    output = graph.tensor(list(values.shape), name)
    return graph.operator(schema.BuiltinOperator.DEQUANTIZE, [stored], output)


def densified(graph: SubgraphBuilder, values: np.ndarray, name: str) -> int:
    """A tensor of the values' type that DENSIFY makes of a sparse one."""
    rank = values.ndim
    sparsity, stored = sparse_encoding(values, range(rank), {}, [False] * (rank - 1) + [True])
    source = graph.constant(stored, f"{name}/sparse")
    graph.graph.tensors[source].shape = list(values.shape)
    graph.graph.tensors[source].sparsity = sparsity
    output = graph.tensor(list(values.shape), name, values.dtype.name)
    return graph.operator(schema.BuiltinOperator.DENSIFY, [source], output)


def densified_half(graph: SubgraphBuilder, values: np.ndarray, name: str) -> int:
    dense = densified(graph, values.astype(np.float16), f"{name}/half")
    output = graph.tensor(list(values.shape), name)
    return graph.operator(schema.BuiltinOperator.DEQUANTIZE, [dense], output)


@pytest.mark.parametrize(
    ("add", "stored_as"),
    [(halved, ValueType.F16), (densified, ValueType.F32), (densified_half, ValueType.F16)],
)
def test_decoded_weights_are_taken_and_their_decoders_go(add, stored_as: ValueType) -> None:  # type: ignore[no-untyped-def]
    weights = pruned(0, (64, 3, 3, 32), np.float16).astype(np.float32)
    bias = pruned(1, (64,), np.float16).astype(np.float32)
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 14, 14, 32])
    graph.output(graph.conv(x, add(graph, weights, "w"), halved(graph, bias, "b")))
    result = convert(model.build())
    tree = flatbuffer.parse(result.model, "model")
    (operator,) = tree.subgraphs[0].operators
    assert flatbuffer.operator_name(tree, operator) == "UbpConv2D"
    (layer,) = find_layers(tree)
    assert layer.packed is not None
    assert layer.packed.attributes.value_type == stored_as
    expected = np.moveaxis(weights, 0, -1).reshape(-1, 64)
    np.testing.assert_array_equal(layer.packed.weights(), expected)
    stored_bias = tree.buffers[tree.subgraphs[0].tensors[operator.inputs[2]].buffer].data
    np.testing.assert_array_equal(np.frombuffer(stored_bias, np.float32), bias)
    sizes = [0 if buffer.data is None else len(buffer.data) for buffer in tree.buffers]
    assert sum(size > 0 for size in sizes) == 2
    assert result.report[0].bytes_before < weights.nbytes


def test_decoded_weights_that_something_else_uses_stay_decoded() -> None:
    weights = pruned(0, (64, 1, 1, 64), np.float16).astype(np.float32)
    model = ModelBuilder()
    graph = model.subgraph()
    w = halved(graph, weights, "w")
    y = graph.conv(graph.input([1, 14, 14, 64]), w)
    graph.output(graph.conv(y, w, activation=4))  # an activation that is not supported
    tree = flatbuffer.parse(convert(model.build(), min_speedup=0).model, "model")
    names = [flatbuffer.operator_name(tree, operator) for operator in tree.subgraphs[0].operators]
    assert names == ["DEQUANTIZE", "UbpConv2D", "CONV_2D"]


def test_decoders_in_a_circle_end() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    first = graph.tensor([16, 1, 1, 16], "first")
    second = graph.tensor([16, 1, 1, 16], "second")
    graph.operator(schema.BuiltinOperator.DEQUANTIZE, [first], second)
    graph.operator(schema.BuiltinOperator.DEQUANTIZE, [second], first)
    graph.output(graph.conv(graph.input([1, 8, 8, 16]), first))
    (report,) = convert(model.build()).report
    assert report.reason == "its weights are computed by DEQUANTIZE, not constant"


def test_a_decoder_that_changes_the_shape_is_an_error() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    w = halved(graph, np.ones((16, 1, 1, 8)), "w")
    graph.graph.tensors[w].shape = [16, 1, 1, 16]
    graph.output(graph.conv(graph.input([1, 8, 8, 16]), w))
    with pytest.raises(ValueError, match=r"'w' of shape \[16, 1, 1, 16\] is decoded from one of"):
        convert(model.build())
