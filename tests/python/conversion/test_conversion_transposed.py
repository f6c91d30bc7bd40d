# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV becomes UbpTransposeConv2D and back: equal to a plain transposed convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from single_models import sparse_weights
from transposed_models import (
    SAME,
    VALID,
    add_transposed,
    cases,
    in_blocks,
    one_transposed,
    outputs_of,
    transposed,
)

from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.conversion import ConversionResult, convert, unpack
from ubp.conversion.find import Layer, find_layers
from ubp.format import pack
from ubp.tflite import flatbuffer
from ubp.tflite.single_operator import extract_operator

CLAMPS = {0: (-np.inf, np.inf), 1: (0, np.inf), 3: (0, 6)}  # by the schema's number
OPERATOR = schema.BuiltinOperator


def names(data: bytes) -> list[str]:
    tree = flatbuffer.parse(data, "model")
    return [flatbuffer.operator_name(tree, each) for each in tree.subgraphs[0].operators]


def layers_of(data: bytes) -> list[Layer]:
    return find_layers(flatbuffer.parse(data, "model"))


def constant(data: bytes, position: int) -> np.ndarray | None:
    """A constant of the model's last operator, as float32."""
    tree = flatbuffer.parse(data, "model")
    graph = tree.subgraphs[0]
    inputs = flatbuffer.indices(graph.operators[-1].inputs)
    if position >= len(inputs) or inputs[position] == -1:
        return None
    tensor = graph.tensors[inputs[position]]
    values = np.frombuffer(bytes(tree.buffers[tensor.buffer].data), np.float32)
    return values.reshape(tensor.shape)


def run(data: bytes, x: np.ndarray) -> np.ndarray:
    """In TensorFlow Lite's plain kernels."""
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=resolver)
    (detail,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(detail["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    result: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result


def converted(data: bytes, **options: Any) -> ConversionResult:
    result = convert(data, min_speedup=0, **options)
    assert [layer.taken for layer in result.report] == [True] * len(result.report)
    return result


@given(case=cases(), block_size=st.sampled_from(["auto", 1, 2, 4, 8, 16]))
@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
def test_it_computes_the_same(case: dict[str, Any], block_size: Any) -> None:
    """Packed, unpacked, and as TensorFlow Lite does."""
    dense = one_transposed(**case)
    weights, bias = case["weights"], case["bias"]
    x = np.random.default_rng(1).normal(size=(case["batch"], *case["sizes"], weights.shape[3]))
    x = x.astype(np.float32)
    expected = transposed(x, weights, bias, case["strides"], case["padding"], case["outputs"]).clip(
        *CLAMPS[case["activation"]]
    )
    np.testing.assert_allclose(run(dense, x), expected, rtol=1e-5, atol=1e-5)

    result = converted(dense, block_size=block_size)
    assert names(result.model) == ["UbpTransposeConv2D"]
    (layer,) = layers_of(result.model)
    assert layer.packed is not None
    assert layer.packed.attributes.activation == case["activation"]
    found = in_blocks(layer.packed, x, constant(result.model, 2))
    clamped = found.clip(*CLAMPS[case["activation"]])
    np.testing.assert_allclose(clamped, expected, rtol=1e-5, atol=1e-5)

    restored = unpack(result.model)
    assert names(restored) == ["TRANSPOSE_CONV"]
    np.testing.assert_array_equal(run(restored, x), run(dense, x))
    np.testing.assert_array_equal(constant(restored, 1), weights)
    if bias is not None:
        np.testing.assert_array_equal(constant(restored, 3), bias)
    again = convert(restored, block_size=block_size, min_speedup=0)
    assert again.report == result.report


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_kernel_comes_back_where_its_tensor_is_lost(kernel: int, stride: int) -> None:
    """By the attributes alone: some kernel that computes the same, in its own padding."""
    rng = np.random.default_rng(0)
    for padding in (SAME, VALID):
        sizes = (5, 4)
        heights, widths = outputs_of((kernel, kernel), (stride, stride), padding, sizes)
        outputs = (heights[-1], widths[-1])
        weights = rng.normal(size=(4, kernel, kernel, 3)).astype(np.float32)
        dense = one_transposed(weights, sizes, outputs, strides=(stride, stride), padding=padding)
        tree = flatbuffer.parse(converted(dense).model, "model")
        for tensor in tree.subgraphs[0].tensors:
            tensor.name = b""
            if flatbuffer.indices(tensor.shape) == [4, kernel, kernel, 3]:
                tensor.shape = np.array([1], np.int32)
        x = rng.normal(size=(1, *sizes, 3)).astype(np.float32)
        restored = unpack(flatbuffer.serialize(tree))
        np.testing.assert_array_equal(constant(restored, 1), weights)
        np.testing.assert_array_equal(run(restored, x), run(dense, x))


def test_zeros_that_the_kernel_lacks_take_no_blocks_and_count_nowhere() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(16, 3, 3, 8)).astype(np.float32)
    dense = one_transposed(weights, (8, 8), (16, 16), strides=(2, 2))
    (layer,) = converted(dense, block_size=4).report
    assert layer.num_blocks == 3 * 3 * 8 * 16 // 4
    assert layer.sparsity == 0
    assert layer.shape == (16, 3, 3, 8)
    assert layer.macs == 8 * 8 * weights.size
    assert layer.speedup is not None and layer.speedup < 1
    (stays,) = convert(dense).report
    assert not stays.taken
    assert "predicted speed-up" in stays.reason


def test_a_sparse_layer_is_predicted_to_gain_and_the_file_gets_smaller(
    rng: np.random.Generator,
) -> None:
    weights = sparse_weights(rng, (64, 2, 2, 128))
    result = convert(one_transposed(weights, (28, 28), (56, 56), strides=(2, 2)))
    (layer,) = result.report
    assert layer.taken
    assert layer.block_size == 4
    assert layer.speedup is not None and layer.speedup > 2
    assert layer.bytes_after < layer.bytes_before / 3
    assert layer.op == "TRANSPOSE_CONV"
    assert layer.sparsity == pytest.approx(1 - np.count_nonzero(weights) / weights.size)


@pytest.mark.parametrize("stored", ["f16", "bf16"])
def test_16_bit_weights(rng: np.random.Generator, stored: str) -> None:
    weights = sparse_weights(rng, (8, 3, 3, 4))
    dense = one_transposed(weights, (4, 4), (8, 8), strides=(2, 2))
    restored = constant(unpack(converted(dense, weights=stored).model), 1)
    assert restored is not None
    np.testing.assert_allclose(restored, weights, rtol=2.0**-8, atol=2.0**-24)


class Graph:
    """A model of one transposed convolution whose output shape is computed."""

    def __init__(self, rng: np.random.Generator, stride: int = 2) -> None:
        self.model = ModelBuilder()
        self.graph: SubgraphBuilder = self.model.subgraph()
        self.x = self.graph.input([1, 6, 5, 8])
        self.stride = stride
        self.weights = sparse_weights(rng, (8, 3, 3, 8))

    def number(self, value: int) -> int:
        return self.graph.constant(np.array(value, np.int32), "number")

    def add(self, code: int, inputs: list[int], shape: list[int], kind: int, options: Any) -> int:
        output = self.graph.tensor(shape, "computed", "int32")
        return self.graph.operator(code, inputs, output, options, kind)

    def shape_of(self, x: int) -> int:
        options = schema.ShapeOptionsT(outType=schema.TensorType.INT32)
        kind = schema.BuiltinOptions.ShapeOptions
        return self.add(OPERATOR.SHAPE, [x], [4], kind, options)

    def size(self, shape: int, axis: int) -> int:
        edges = [self.graph.constant(np.array([n], np.int32), "n") for n in (axis, axis + 1, 1)]
        options = schema.StridedSliceOptionsT(shrinkAxisMask=1)
        kind = schema.BuiltinOptions.StridedSliceOptions
        return self.add(OPERATOR.STRIDED_SLICE, [shape, *edges], [], kind, options)

    def pack(self, sizes: list[int]) -> int:
        options = schema.PackOptionsT(valuesCount=len(sizes), axis=0)
        return self.add(OPERATOR.PACK, sizes, [4], schema.BuiltinOptions.PackOptions, options)

    def times(self, size: int, factor: int) -> int:
        kind, options = schema.BuiltinOptions.MulOptions, schema.MulOptionsT()
        return self.add(OPERATOR.MUL, [self.number(factor), size], [], kind, options)

    def minus(self, size: int, term: int) -> int:
        kind, options = schema.BuiltinOptions.SubOptions, schema.SubOptionsT()
        return self.add(OPERATOR.SUB, [size, self.number(term)], [], kind, options)

    def build(self, output_shape: int, signature: list[int] | None = None) -> bytes:
        """signature: of the input; what is open there is open behind it."""
        shape = [1, 12, 10, 8]
        w = self.graph.constant(self.weights, "weights")
        y = add_transposed(
            self.graph, self.x, output_shape, w, shape, strides=(self.stride, self.stride)
        )
        self.graph.output(y)
        if signature is not None:
            self.graph.graph.tensors[self.x].shapeSignature = signature
            opened = [-1 if n == -1 else m for n, m in zip(signature, shape, strict=True)]
            self.graph.graph.tensors[y].shapeSignature = opened
        return self.model.build()


@pytest.mark.parametrize("signature", [None, [-1, 6, 5, 8]])
def test_an_open_batch(rng: np.random.Generator, signature: list[int] | None) -> None:
    graph = Graph(rng)
    sizes = [graph.size(graph.shape_of(graph.x), 0), *map(graph.number, (12, 10, 8))]
    dense = graph.build(graph.pack(sizes), signature)
    result = converted(dense)
    assert names(result.model) == ["UbpTransposeConv2D"]  # what computed the shape is gone
    restored = unpack(result.model)
    x = rng.normal(size=(1 if signature is None else 3, 6, 5, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(restored, x), run(dense, x))
    computing = [] if signature is None else ["SHAPE", "STRIDED_SLICE", "PACK"]
    assert names(restored) == [*computing, "TRANSPOSE_CONV"]
    assert converted(restored).report == result.report


def test_open_heights_and_widths(rng: np.random.Generator) -> None:
    graph = Graph(rng)
    shape = graph.shape_of(graph.x)
    rows = graph.times(graph.size(shape, 1), 2)
    columns = graph.minus(graph.times(graph.size(shape, 2), 2), 1)
    dense = graph.build(
        graph.pack([graph.size(shape, 0), rows, columns, graph.number(8)]), [-1, -1, -1, 8]
    )
    result = converted(dense)
    assert names(result.model) == ["UbpTransposeConv2D"]
    restored = unpack(result.model)
    (layer,) = layers_of(result.model)
    assert layer.packed is not None
    for batch, height, width in ((1, 6, 5), (2, 3, 7), (1, 1, 1)):
        x = rng.normal(size=(batch, height, width, 8)).astype(np.float32)
        expected = run(dense, x)
        assert expected.shape == (batch, 2 * height, 2 * width - 1, 8)
        np.testing.assert_array_equal(run(restored, x), expected)
        np.testing.assert_allclose(in_blocks(layer.packed, x, None), expected, rtol=1e-5, atol=1e-5)


def test_a_shape_that_something_else_reads_is_left(rng: np.random.Generator) -> None:
    graph = Graph(rng)
    shape = graph.shape_of(graph.x)
    dense_shape = graph.pack([graph.size(shape, 0), *map(graph.number, (12, 10, 8))])
    graph.graph.output(shape)
    result = converted(graph.build(dense_shape, [-1, 6, 5, 8]))
    assert names(result.model) == ["SHAPE", "UbpTransposeConv2D"]


def reason_of(data: bytes) -> str:
    (layer,) = convert(data, min_speedup=0).report
    assert not layer.taken
    return layer.reason


def with_size(data: bytes, tensor: int, axis: int, size: int) -> bytes:
    """The model with another size of a tensor."""
    tree = flatbuffer.parse(data, "model")
    changed = tree.subgraphs[0].tensors[tensor]
    changed.shape = np.array(changed.shape)
    changed.shape[axis] = size
    return flatbuffer.serialize(tree)


def test_what_stays(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (8, 3, 3, 8))
    odd = one_transposed(weights, (6, 5), (13, 10), strides=(2, 2))
    assert reason_of(odd) == "no convolution makes its input height of 6 of an output of 13"
    large = one_transposed(weights[:, :1, :1], (2, 2), (12, 12), strides=(6, 6))
    assert reason_of(large) == "its strides 6x6 are large for a kernel of 1x1"
    fine = one_transposed(weights, (6, 5), (12, 10), strides=(2, 2))
    assert "its weights read 8 channels, its input has 4" in reason_of(with_size(fine, 0, 3, 4))
    assert "the batch of its input" in reason_of(with_size(fine, 0, 0, 2))
    assert "its 8 channels" in reason_of(with_size(fine, -1, 3, 9))
    reason = reason_of(with_size(fine, -1, 2, 9))
    assert reason == "its output width is 9, its output shape says 10"


def test_output_shapes_that_stay(rng: np.random.Generator) -> None:
    graph = Graph(rng)
    given = graph.graph.input([4], "int32")
    assert "neither constant nor made of four sizes" in reason_of(graph.build(given))

    graph = Graph(rng)
    shape = graph.shape_of(graph.x)
    fixed = graph.pack([graph.size(shape, 0), *map(graph.number, (12, 10, 8))])
    reason = reason_of(graph.build(fixed, [-1, -1, 5, 8]))
    assert reason == "its output height is not 2 times that of its input, which is open"

    graph = Graph(rng)
    shape = graph.shape_of(graph.x)
    crossed = [graph.times(graph.size(shape, axis), 2) for axis in (2, 1)]
    crossed = graph.pack([graph.size(shape, 0), *crossed, graph.number(8)])
    reason = reason_of(graph.build(crossed, [-1, -1, -1, 8]))
    assert reason == "its output height is not computed of that of its input"


def test_layers_that_share_weights_and_bias(rng: np.random.Generator) -> None:
    """Of one stride they share what is packed; of another one they do not."""
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(sparse_weights(rng, (8, 2, 2, 8)), "weights")
    b = graph.constant(np.ones(8, np.float32), "bias")
    x = graph.input([1, 4, 4, 8])
    for sizes, strides in (((8, 8), (2, 2)), ((16, 16), (2, 2)), ((16, 16), (1, 1))):
        shape = [1, *sizes, 8]
        given = graph.constant(np.array(shape, np.int32), "shape")
        x = add_transposed(graph, x, given, w, shape, bias=b, strides=strides)
    graph.output(x)
    dense = model.build()
    result = converted(dense)
    operators = flatbuffer.parse(result.model, "model").subgraphs[0].operators
    first, second, third = (flatbuffer.indices(each.inputs)[1:] for each in operators)
    assert first == second
    assert first[0] != third[0]
    assert third[1] == b
    assert [layer.shares_weights for layer in result.report] == [False, True, True]
    values = rng.normal(size=(1, 4, 4, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(unpack(result.model), values), run(dense, values))


def test_a_bias_that_differs_between_pixels_cannot_be_unpacked(rng: np.random.Generator) -> None:
    """Nobody but a delegate computes it; its checksum is right."""
    weights = sparse_weights(rng, (4, 2, 2, 8))
    model = one_transposed(weights, (3, 3), (6, 6), np.ones(4, np.float32), strides=(2, 2))
    tree = flatbuffer.parse(converted(model).model, "model")
    graph = tree.subgraphs[0]
    (operator,) = graph.operators
    _, packed, bias = flatbuffer.indices(operator.inputs)
    (layer,) = find_layers(tree)
    assert layer.packed is not None
    values = np.arange(16, dtype=np.float32)
    found = layer.packed
    attributes, data = pack(found.attributes, found.weights(), found.lanes, found.starts, values)
    operator.customOptions = np.frombuffer(attributes.to_custom_options(), np.uint8)
    tree.buffers[graph.tensors[packed].buffer].data = np.frombuffer(data, np.uint8)
    tree.buffers[graph.tensors[bias].buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    with pytest.raises(ValueError, match="its bias differs between the pixels of a block"):
        unpack(flatbuffer.serialize(tree))


@pytest.mark.parametrize("open_batch", [False, True])
def test_the_operator_alone(rng: np.random.Generator, open_batch: bool) -> None:
    """As it is timed: with the shape of its output as a constant."""
    graph = Graph(rng)
    if open_batch:
        sizes = [graph.size(graph.shape_of(graph.x), 0), *map(graph.number, (12, 10, 8))]
        dense = graph.build(graph.pack(sizes))
    else:
        dense = graph.build(graph.graph.constant(np.array([1, 12, 10, 8], np.int32), "shape"))
    tree = flatbuffer.parse(dense, "model")
    alone = extract_operator(tree, 0, len(tree.subgraphs[0].operators) - 1)
    x = rng.normal(size=(1, 6, 5, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(alone, x), run(dense, x))
