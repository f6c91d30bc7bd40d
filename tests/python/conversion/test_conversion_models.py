# SPDX-License-Identifier: Apache-2.0
"""ubp.convert on hand-made .tflite models: what is taken, what it becomes, what stays untouched."""

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from single_models import one_conv, sparse_weights

from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.conversion import ConversionResult, convert
from ubp.conversion.find import Layer, find_layers
from ubp.lanes import to_lanes
from ubp.tflite import flatbuffer


def layers_of(data: bytes) -> list[Layer]:
    return find_layers(flatbuffer.parse(data, "model"))


def dense_weights(layer: Layer) -> np.ndarray:
    assert layer.packed is not None
    return layer.packed.weights()


def only_layer(result: ConversionResult) -> Layer:
    (layer,) = layers_of(result.model)
    return layer


CONVOLUTIONS = {
    "1x1": ((128, 1, 1, 64), {}),
    "3x3": ((64, 3, 3, 32), {}),
    "1x3": ((64, 1, 3, 32), {}),
    "stride": ((64, 3, 3, 32), {"stride": 2}),
    "dilation": ((64, 3, 3, 32), {"dilation": 2}),
    "valid": ((64, 3, 3, 32), {"valid": True}),
    "relu6": ((64, 3, 3, 32), {"activation": 3}),
    "13 channels": ((13, 3, 3, 32), {"activation": 1}),
    "3 channels": ((3, 3, 3, 32), {"activation": 2}),
}


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(("shape", "options"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_convolution_keeps_every_weight_and_option(
    rng: np.random.Generator, shape: Any, options: dict[str, int], with_bias: bool
) -> None:
    weights = sparse_weights(rng, shape, min(4, shape[0]))
    bias = rng.normal(size=shape[0]).astype(np.float32) if with_bias else None
    result = convert(one_conv(weights, bias, **options), min_speedup=0)
    if with_bias:  # the runtime's own CONV_2D insists on one
        Interpreter(model_content=result.dense).allocate_tensors()
    layer = only_layer(result)
    np.testing.assert_array_equal(dense_weights(layer), to_lanes(weights, 0))
    assert layer.op == "UbpConv2D"
    found = layer.packed.attributes.as_dict()
    stride, dilation = options.get("stride", 1), options.get("dilation", 1)
    expected = {
        "kernel_h": shape[1],
        "kernel_w": shape[2],
        "in_channels": shape[3],
        "out_channels": shape[0],
        "stride_h": stride,
        "stride_w": stride,
        "dilation_h": dilation,
        "dilation_w": dilation,
        "padding": int(options.get("valid", False)),
        "activation": options.get("activation", 0),
        "value_type": 0,
    }
    assert expected.items() <= found.items()
    assert (found["bias_checksum"] != 0) == with_bias
    operator = flatbuffer.parse(result.model, "").subgraphs[0].operators[0]
    assert (operator.inputs[2] == -1) == (not with_bias)


@pytest.mark.parametrize("keep_num_dims", [False, True])
def test_a_fully_connected_layer(rng: np.random.Generator, keep_num_dims: bool) -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    weights = sparse_weights(rng, (64, 128))
    x = graph.input([2, 3, 128])
    w = graph.constant(weights, "w")
    graph.output(graph.fully_connected(x, w, activation=1, keep_num_dims=keep_num_dims))
    result = convert(model.build(), min_speedup=0)
    Interpreter(model_content=result.dense).allocate_tensors()
    layer = only_layer(result)
    assert layer.op == "UbpFullyConnected"
    assert layer.packed.attributes.as_dict()["keep_num_dims"] == int(keep_num_dims)
    assert layer.packed.attributes.activation == 1
    np.testing.assert_array_equal(dense_weights(layer), weights.T)


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16])
def test_the_block_size_can_be_chosen(rng: np.random.Generator, n: int) -> None:
    weights = sparse_weights(rng, (64, 1, 1, 32))
    result = convert(one_conv(weights), block_size=n, min_speedup=0)
    assert only_layer(result).packed.attributes.block_size == n
    assert result.report[0].block_size == n
    np.testing.assert_array_equal(dense_weights(only_layer(result)), to_lanes(weights, 0))


@pytest.mark.parametrize(("channels", "expected"), [(16, 16), (15, 8), (7, 4), (3, 2), (1, 1)])
def test_a_layer_with_fewer_channels_gets_the_largest_block_that_fits(
    rng: np.random.Generator, channels: int, expected: int
) -> None:
    weights = rng.normal(size=(channels, 1, 1, 8)).astype(np.float32)
    result = convert(one_conv(weights), block_size=16, min_speedup=0)
    assert result.report[0].block_size == expected
    np.testing.assert_array_equal(dense_weights(only_layer(result)), to_lanes(weights, 0))


@pytest.mark.parametrize("n", [1, 2, 4, 8])
def test_auto_finds_the_block_size_that_the_layer_was_pruned_with(
    rng: np.random.Generator, n: int
) -> None:
    # One block per lane, so that larger blocks have nothing to merge.
    weights = np.zeros((64, 1, 1, 256), np.float32)
    for lane in range(256):
        start = rng.integers(0, 64 - n)
        weights[start : start + n, 0, 0, lane] = 1
    assert convert(one_conv(weights)).report[0].block_size == n


@pytest.mark.parametrize(("weight_type", "code"), [("f16", 1), ("bf16", 2)])
def test_weights_can_be_stored_in_16_bits(
    rng: np.random.Generator, weight_type: str, code: int
) -> None:
    weights = sparse_weights(rng, (128, 1, 1, 128))
    data = one_conv(weights)
    full, half = convert(data), convert(data, weights=weight_type)
    assert only_layer(half).packed.attributes.value_type == code
    assert half.report[0].bytes_after < 0.6 * full.report[0].bytes_after
    found = dense_weights(only_layer(half))
    np.testing.assert_allclose(found, to_lanes(weights, 0), rtol=2**-8)


def test_a_weight_too_large_for_f16_names_the_layer(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (64, 1, 1, 64)) * np.float32(1e6)
    with pytest.raises(ValueError, match=r"^layer 'weights': UbpConv2D: .*float16"):
        convert(one_conv(weights), weights="f16", min_speedup=0)


def test_all_zero_and_all_dense_layers(rng: np.random.Generator) -> None:
    empty = convert(one_conv(np.zeros((64, 3, 3, 32), np.float32)))
    assert empty.report[0].taken
    assert empty.report[0].num_blocks == 0
    assert not dense_weights(only_layer(empty)).any()
    weights = rng.normal(size=(64, 3, 3, 32)).astype(np.float32)
    dense = convert(one_conv(weights))
    assert not dense.report[0].taken
    assert "below 1.1x" in dense.report[0].reason
    assert only_layer(dense).op == "CONV_2D"


def test_nan_and_infinite_weights_are_kept(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (64, 1, 1, 32))
    weights[5, 0, 0, 7], weights[63, 0, 0, 31] = np.nan, -np.inf
    found = dense_weights(only_layer(convert(one_conv(weights), min_speedup=0)))
    np.testing.assert_array_equal(found, to_lanes(weights, 0))


def test_the_report_describes_the_conversion(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (128, 1, 1, 128))
    result = convert(one_conv(weights))
    (layer,) = result.report
    assert (layer.name, layer.op, layer.taken, layer.reason) == ("weights", "CONV_2D", True, "")
    assert layer.shape == (128, 1, 1, 128)
    assert layer.sparsity == pytest.approx(np.mean(weights == 0))
    assert layer.bytes_before == weights.nbytes
    packed = flatbuffer.parse(result.model, "").subgraphs[0].tensors[-1]
    assert packed.name == b"weights/ubp_packed"
    assert packed.type == schema.TensorType.UINT8
    assert packed.shape.tolist() == [layer.bytes_after]
    assert layer.num_blocks == only_layer(result).packed.attributes.num_blocks
    assert layer.speedup > 1.1
    assert len(result.model) < 0.3 * len(result.dense)


def obstacle(data: bytes) -> str:
    result = convert(data, min_speedup=0)
    (layer,) = result.report
    assert not layer.taken
    assert only_layer(result).op == layer.op
    return layer.reason


def test_grouped_convolutions_stay(rng: np.random.Generator) -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 8, 8, 64])
    graph.output(graph.conv(x, graph.constant(sparse_weights(rng, (64, 1, 1, 32)), "w")))
    assert "its weights read 32 channels, its input has 64" in obstacle(model.build())


def test_quantised_and_computed_weights_stay() -> None:
    def conv_with(add_weights: Any) -> bytes:
        model = ModelBuilder()
        graph = model.subgraph()
        x = graph.input([1, 8, 8, 16])
        graph.output(graph.conv(x, add_weights(graph)))
        return model.build()

    def int8(graph: SubgraphBuilder) -> int:
        return graph.constant(np.ones((16, 1, 1, 16), np.int8), "w")

    def dequantised(graph: SubgraphBuilder) -> int:
        output = graph.tensor([16, 1, 1, 16], "w")
        return graph.operator(schema.BuiltinOperator.DEQUANTIZE, [int8(graph)], output)

    def transposed(graph: SubgraphBuilder) -> int:
        stored = graph.constant(np.ones((16, 1, 1, 16), np.float32), "w")
        return graph.operator(
            schema.BuiltinOperator.TRANSPOSE, [stored], graph.tensor([16, 1, 1, 16], "t")
        )

    def variable(graph: SubgraphBuilder) -> int:
        handle = graph.tensor([], "handle", "int32")
        code, shape = schema.BuiltinOperator.READ_VARIABLE, [16, 1, 1, 16]
        return graph.operator(code, [handle], graph.tensor(shape, "v"))

    def transposed_variable(graph: SubgraphBuilder) -> int:
        code, shape = schema.BuiltinOperator.TRANSPOSE, [16, 1, 1, 16]
        return graph.operator(code, [variable(graph)], graph.tensor(shape, "t"))

    def given(graph: SubgraphBuilder) -> int:
        return graph.input([16, 1, 1, 16])

    for source in (int8, dequantised):
        assert obstacle(conv_with(source)) == "its weights are INT8 without scales that suit them"
    assert obstacle(conv_with(transposed)) == "its weights are computed by TRANSPOSE, not constant"
    for source in (variable, transposed_variable):
        assert obstacle(conv_with(source)).startswith("its weights are a variable, not constant (")
    assert obstacle(conv_with(given)) == "its weights are not constant"


def test_an_unsupported_activation_or_bias_stays(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (16, 1, 1, 16))
    assert "fused activation (number 4" in obstacle(one_conv(weights, activation=4))
    bias = np.ones(5, np.float32)
    assert obstacle(one_conv(weights, bias)) == "its bias has 5 values for 16 channels"
    integers = np.ones(16, np.int32)
    assert obstacle(one_conv(weights, integers)) == "its bias are INT32, not FLOAT32 or FLOAT16"


def test_a_stride_beyond_the_format_stays(rng: np.random.Generator) -> None:
    data = one_conv(sparse_weights(rng, (16, 1, 1, 16)), stride=5000)
    assert "'stride_h' is 5000, expected 1 to 4096" in obstacle(data)


def test_a_flattening_fully_connected_layer_stays(rng: np.random.Generator) -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 2, 2, 8])
    graph.output(graph.fully_connected(x, graph.constant(sparse_weights(rng, (16, 32)), "w")))
    assert "its weights read 32 channels, its input has 8" in obstacle(model.build())


def test_a_tensor_of_the_wrong_size_is_an_error() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(np.ones((16, 1, 1, 16), np.float32), "w", model.buffer(bytes(100)))
    graph.output(graph.conv(graph.input([1, 8, 8, 16]), w))
    with pytest.raises(ValueError, match=r"'w' of shape \[16, 1, 1, 16\] has 100 bytes"):
        convert(model.build())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"block_size": 3}, "block_size is 3, expected 'auto' or one of 1, 2, 4, 8, 16"),
        ({"block_size": "4"}, "block_size is '4', expected"),
        ({"weights": "int8"}, "weights is 'int8'; expected one of f32, f16, bf16"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convert(one_conv(np.ones((4, 1, 1, 4), np.float32)), **arguments)
