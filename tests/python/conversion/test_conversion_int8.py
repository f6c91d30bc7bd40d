# SPDX-License-Identifier: Apache-2.0
"""ubp.convert on int8 models, on models with int8 weights alone, and --weights i8."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_models import Int8Layers, quads_of_blocks, quantize_tensor
from single_models import one_conv, sparse_weights

import ubp
from fuzz.builder import ModelBuilder
from fuzz.generate_int8 import generate_int8
from ubp.check.verification import TOLERANCES, default_tolerance
from ubp.conversion import convert
from ubp.conversion.candidates import COMPUTED_IN_FLOAT
from ubp.conversion.find import Layer, find_layers
from ubp.conversion.stored_types import quantize
from ubp.format import ValueType
from ubp.lanes import to_lanes
from ubp.runtime.decisions import delegate_report
from ubp.tflite import flatbuffer

EACH_KIND = pytest.mark.parametrize("activations", ["int8", "float32"])
SCALES = pytest.mark.parametrize("per_channel", [True, False], ids=["per channel", "per tensor"])


def layers_of(data: bytes) -> list[Layer]:
    return find_layers(flatbuffer.parse(data, "model"))


def run(model: bytes, seed: int = 0) -> list[np.ndarray]:
    """The outputs in the standard interpreter, without the delegate."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(seed)
    for detail in interpreter.get_input_details():
        values = rng.normal(size=detail["shape"]).astype(np.float32)
        if detail["dtype"] == np.int8:
            values = rng.integers(-128, 128, detail["shape"]).astype(np.int8)
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]


def network(rng: np.random.Generator, activations: str = "int8", per_channel: bool = True) -> bytes:
    """A 3x3 and a 1x1 convolution with blocks of 2 x 4."""
    layers = Int8Layers([1, 9, 9, 16], rng, activations)
    layers.conv(
        quads_of_blocks(rng, (24, 3, 3, 16)), stride=2, activation=1, per_channel=per_channel
    )
    layers.conv(quads_of_blocks(rng, (31, 1, 1, 24)), per_channel=per_channel)
    return layers.build()


def stored_weights(model: bytes) -> list[tuple[bytes, Any]]:
    """The bytes of each layer's weights, and their quantisation parameters."""
    tree = flatbuffer.parse(model, "model")
    found = []
    for subgraph in tree.subgraphs:
        for operator in subgraph.operators:
            for index in operator.inputs[1:]:
                tensor = subgraph.tensors[index]
                parameters = tensor.quantization
                scales = None
                if parameters is not None and parameters.scale is not None:
                    zeros = np.asarray(parameters.zeroPoint)
                    axis = parameters.quantizedDimension
                    scales = (parameters.scale.tobytes(), zeros.tolist(), axis)
                found.append((bytes(tree.buffers[tensor.buffer].data), scales))
    return found


@EACH_KIND
@SCALES
def test_it_unpacks_to_the_same_weights_scales_and_outputs(
    rng: np.random.Generator, activations: str, per_channel: bool
) -> None:
    dense = network(rng, activations, per_channel)
    result = convert(dense, min_speedup=0)
    assert [layer.taken for layer in result.report] == [True, True]
    again = ubp.unpack(result.model)
    assert [layer.op for layer in layers_of(again)] == ["CONV_2D", "CONV_2D"]
    assert stored_weights(again) == stored_weights(dense)
    np.testing.assert_array_equal(run(again), run(dense))
    assert len(np.unique(run(dense)[0])) > 50


@SCALES
def test_int8_networks_are_equal_to_the_bit(rng: np.random.Generator, per_channel: bool) -> None:
    result = convert(network(rng, per_channel=per_channel), min_speedup=0)
    verification = ubp.verify(result.dense, result.model)
    assert verification.passed and verification.max_abs_error == 0
    assert verification.tolerance < 1 / 255


def test_a_step_of_8_bits_fails(rng: np.random.Generator) -> None:
    layers = Int8Layers([1, 6, 6, 16], rng)
    weights = quads_of_blocks(rng, (24, 1, 1, 16))
    layers.conv(weights)
    dense = layers.build()
    tree = flatbuffer.parse(dense, "model")
    bias = tree.buffers[tree.subgraphs[0].tensors[2].buffer]
    bias.data = (bias.data.view(np.int32) + 300).view(np.uint8)
    assert not ubp.verify(dense, convert(flatbuffer.serialize(tree), min_speedup=0).model).passed


def test_an_int8_layer_becomes_blocks_of_4_lanes(rng: np.random.Generator) -> None:
    dense = network(rng)
    result = convert(dense, min_speedup=0)
    before = layers_of(dense)
    for entry, old, new in zip(result.report, before, layers_of(result.model), strict=True):
        assert old.candidate is not None and new.packed is not None
        attributes = new.packed.attributes
        assert (attributes.version, attributes.value_type) == (2, ValueType.I8)
        assert (attributes.block_size, attributes.block_lanes) == (2, 4)
        assert (entry.block_size, entry.block_lanes, entry.stored_as) == (2, 4, "I8")
        assert entry.is_int8 and new.is_int8 and entry.note == ""
        np.testing.assert_array_equal(new.packed.stored(), old.candidate.weights)
        np.testing.assert_array_equal(new.packed.scales, old.candidate.scales)
        assert entry.sparsity == pytest.approx(np.mean(old.candidate.weights == 0))
        assert entry.picture is not None and entry.picture.any()
    assert default_tolerance(result.model) == TOLERANCES[ValueType.F32]


@pytest.mark.parametrize("keep_num_dims", [False, True])
def test_fully_connected_layers(rng: np.random.Generator, keep_num_dims: bool) -> None:
    layers = Int8Layers([3, 64], rng)
    layers.dense(quads_of_blocks(rng, (40, 64)), activation=1, keep_num_dims=keep_num_dims)
    layers.dense(quads_of_blocks(rng, (10, 40)), keep_num_dims=keep_num_dims)
    dense = layers.build()
    result = convert(dense, min_speedup=0)
    assert [layer.op for layer in layers_of(result.model)] == ["UbpFullyConnected"] * 2
    again = ubp.unpack(result.model)
    assert stored_weights(again) == stored_weights(dense)
    np.testing.assert_array_equal(run(again), run(dense))


def test_activations_of_a_dense_layer_are_quantised_as_tensorflow_has_it(
    rng: np.random.Generator,
) -> None:
    layers = Int8Layers([3, 64], rng, "float32")
    layers.dense(quads_of_blocks(rng, (40, 64)))
    tree = flatbuffer.parse(layers.build(), "model")
    tree.subgraphs[0].operators[0].builtinOptions.asymmetricQuantizeInputs = True
    dense = flatbuffer.serialize(tree)
    np.testing.assert_array_equal(run(ubp.unpack(convert(dense, min_speedup=0).model)), run(dense))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_layers_round_trip(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    activations = data.draw(st.sampled_from(["int8", "float32"]))
    n = data.draw(st.sampled_from([1, 2, 4, 8]))
    channels, in_channels = data.draw(st.integers(n, 20)), 4 * data.draw(st.integers(1, 5))
    kernel = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    size = data.draw(st.sampled_from(["auto", 1, 2, 4, 8, 16]))
    weights = quads_of_blocks(rng, (channels, *kernel, in_channels), n)
    layers = Int8Layers([2, 5, 6, in_channels], rng, activations)
    layers.conv(weights, per_channel=data.draw(st.booleans()))
    dense = layers.build()
    result = convert(dense, block_size=size, min_speedup=0)
    (layer,) = layers_of(result.model)
    assert layer.packed is not None
    np.testing.assert_array_equal(layer.packed.stored(), to_lanes(weights, 0))
    again = ubp.unpack(result.model)
    assert stored_weights(again) == stored_weights(dense)


def test_weights_alone_in_int8_run_in_the_delegate(rng: np.random.Generator) -> None:
    dense = network(rng, "float32")
    result = convert(dense, min_speedup=0)
    for entry, layer in zip(result.report, layers_of(result.model), strict=True):
        assert entry.note == COMPUTED_IN_FLOAT and entry.stored_as == "I8"
        assert layer.packed is not None and not layer.is_int8
    # What the interpreter computes of the same weights when they are float32.
    layers = layers_of(dense)
    expected = ModelBuilder()
    graph = expected.subgraph()
    last = graph.input([1, 9, 9, 16])
    for number, layer in enumerate(layers):
        candidate = layer.candidate
        assert candidate is not None and candidate.bias is not None
        weights = (candidate.weights * candidate.scales).T.reshape(layer.shape)
        bias = graph.constant(candidate.bias, f"b{number}")
        options: dict[str, Any] = {"stride": 2, "activation": 1} if number == 0 else {}
        last = graph.conv(last, graph.constant(weights, f"w{number}"), bias, **options)
    graph.output(last)
    assert ubp.verify(expected.build(), result.model, tolerance=1e-5).passed
    assert ubp.verify(result.dense, result.model).passed


def test_weights_that_an_operator_dequantises_are_read(rng: np.random.Generator) -> None:
    weights = quads_of_blocks(rng, (16, 1, 1, 16))
    scales = rng.uniform(0.01, 0.1, 16).astype(np.float32)
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 5, 5, 16])
    stored = graph.constant(weights, "stored")
    quantize_tensor(graph, stored, scales)
    floats = graph.operator(
        schema.BuiltinOperator.DEQUANTIZE, [stored], graph.tensor([16, 1, 1, 16], "weights")
    )
    bias = graph.constant(np.ones(16, np.float32), "bias")
    graph.output(graph.conv(x, floats, bias))
    result = convert(model.build(), min_speedup=0)
    (entry,) = result.report
    assert entry.taken and entry.stored_as == "I8" and entry.note == ""
    (layer,) = layers_of(result.model)
    assert layer.packed is not None
    np.testing.assert_array_equal(layer.packed.stored(), to_lanes(weights, 0))
    assert ubp.verify(result.dense, result.model, tolerance=1e-5).passed
    np.testing.assert_allclose(run(ubp.unpack(result.model)), run(result.dense), rtol=1e-5)


def small_model(types: dict[str, int], **changes: Any) -> bytes:
    """One int8 convolution; `types`: of its input, weights, bias and output."""
    rng = np.random.default_rng(0)
    layers = Int8Layers([1, 5, 5, changes.get("in_channels", 8)], rng)
    layers.conv(quads_of_blocks(rng, (8, 1, 1, 8))[..., : changes.get("in_channels", 8)])
    data = layers.build()
    tree = flatbuffer.parse(data, "model")
    operator = tree.subgraphs[0].operators[0]
    names = dict(zip(("input", "weights", "bias"), operator.inputs, strict=True))
    names["output"] = operator.outputs[0]
    for name, kind in types.items():
        tree.subgraphs[0].tensors[names[name]].type = kind
    for name, parameters in changes.get("quantization", {}).items():
        found = tree.subgraphs[0].tensors[names[name]].quantization
        for key, value in parameters.items():
            setattr(found, key, value)
    return flatbuffer.serialize(tree)


_TYPE = schema.TensorType
_ONES = np.ones(8, np.float32)


@pytest.mark.parametrize(
    ("types", "changes", "reason"),
    [
        ({"input": _TYPE.INT16}, {}, "its input is INT16, not FLOAT32 or INT8"),
        ({"output": _TYPE.INT16}, {}, "its output is INT16, not INT8"),
        ({"output": _TYPE.FLOAT32}, {}, "its output is FLOAT32, not INT8"),
        ({"input": _TYPE.UINT8}, {}, "its input is UINT8, not FLOAT32 or INT8"),
        ({"bias": _TYPE.FLOAT32}, {}, "its bias are FLOAT32, not INT32"),
        ({}, {"in_channels": 6}, "its 6 input channels are no multiple of 4"),
        (
            {},
            {"quantization": {"weights": {"scale": None}}},
            "its weights are INT8 without scales that suit them",
        ),
        (
            {},
            {"quantization": {"weights": {"scale": _ONES[:5]}}},
            "its weights are INT8 without scales that suit them",
        ),
        (
            {},
            {"quantization": {"weights": {"scale": np.append(_ONES[:7], 0).astype("f4")}}},
            "its weights are INT8 with the scale 0 for channel 7",
        ),
        (
            {},
            {"quantization": {"weights": {"zeroPoint": np.arange(8)}}},
            "its weights are INT8 with zero points other than 0",
        ),
        (
            {},
            {"quantization": {"weights": {"quantizedDimension": 3}}},
            "its weights are INT8 with scales that are not of the output channels",
        ),
        (
            {},
            {"quantization": {"input": {"scale": _ONES}}},
            "its input is INT8 without one scale and zero point",
        ),
    ],
)
def test_what_stays_and_why(types: dict[str, int], changes: Any, reason: str) -> None:
    data = small_model(types, **changes)
    result = convert(data, min_speedup=0)
    (entry,) = result.report
    assert not entry.taken and entry.reason.startswith(reason)
    assert result.model == data


def test_int4_weights_stay_with_advice(rng: np.random.Generator) -> None:
    (entry,) = convert(small_model({"weights": _TYPE.INT4})).report
    assert entry.reason == (
        "its weights are INT4, not FLOAT32 or FLOAT16 (quantised: convert the model to int8, or "
        "without optimizations)"
    )


@pytest.mark.parametrize("kernel", [1, 3])
def test_files_at_80_percent_zeros(rng: np.random.Generator, kernel: int) -> None:
    """Whole files of int8 networks, in blocks of 2 x 4."""
    layers = Int8Layers([1, 14, 14, 128], rng)
    for in_channels, channels in ((128, 256), (256, 512), (512, 512)):
        shape = (channels, kernel, kernel, in_channels)
        layers.conv(quads_of_blocks(rng, shape, density=0.158))
    result = convert(layers.build())
    assert all(layer.taken for layer in result.report)
    assert result.sparsity == pytest.approx(0.8, abs=0.02)
    assert len(result.model) <= 0.24 * len(result.dense)


def test_the_delegate_predicts_the_same_of_the_ordinary_file(rng: np.random.Generator) -> None:
    layers = Int8Layers([1, 14, 14, 64], rng)
    layers.conv(quads_of_blocks(rng, (96, 3, 3, 64)), stride=2)
    layers.conv(quads_of_blocks(rng, (64, 1, 1, 96), n=4))
    dense = layers.build()
    nodes = delegate_report(
        dense, take="all", kernel="portable"
    ).nodes  # not every processor has others
    for layer, node in zip(convert(dense, min_speedup=0).report, nodes, strict=True):
        assert node.speedup is not None and node.block_size == layer.block_size
        assert layer.speedup == pytest.approx(node.speedup, rel=1e-4)


def test_few_zeros_are_not_worth_it(rng: np.random.Generator) -> None:
    for density, taken in ((0.9, False), (0.1, True)):
        layers = Int8Layers([1, 8, 8, 64], rng)
        layers.conv(quads_of_blocks(rng, (64, 1, 1, 64), density=density))
        (entry,) = convert(layers.build()).report
        assert entry.taken == taken
        assert entry.speedup is not None and (entry.speedup > 1.1) == taken


def test_scales_that_follow_from_others_are_left_out_of_the_file(rng: np.random.Generator) -> None:
    result = convert(network(rng), min_speedup=0)
    tree = flatbuffer.parse(result.model, "model")
    (subgraph,) = tree.subgraphs
    kept = [flatbuffer.text(each.name) for each in subgraph.tensors if each.quantization]
    assert not [name for name in kept if name.startswith(("weights", "bias"))]


def test_a_bias_with_scales_of_its_own_keeps_them(rng: np.random.Generator) -> None:
    own = {"bias": {"scale": np.arange(1, 9, dtype=np.float32)}}
    dense = small_model({}, quantization=own)
    again = ubp.unpack(convert(dense, min_speedup=0).model)
    assert stored_weights(again) == stored_weights(dense)


def test_random_networks_there_and_back() -> None:
    converted = 0
    for index in range(24):
        dense = generate_int8(17, index).model
        result = convert(dense, min_speedup=0)
        if not any(layer.taken for layer in result.report):
            assert result.model == dense
            continue
        try:
            expected = run(dense)
        except RuntimeError:  # the interpreter refuses a few
            continue
        converted += 1
        for restored, original in zip(run(ubp.unpack(result.model)), expected, strict=True):
            np.testing.assert_array_equal(restored, original, f"number {index}")
    assert converted >= 10


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_quantised_weights_are_within_half_a_scale(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(30, 7)) * factor).astype(np.float32)
    weights[rng.random(weights.shape) < 0.7] = 0
    weights[:, 3] = 0
    numbers, scales = quantize(weights)
    assert numbers.dtype == np.int8 and scales.dtype == np.float32
    assert np.abs(numbers).max(initial=0) <= 127
    assert not numbers[weights == 0].any() and scales[3] == 1
    np.testing.assert_allclose(numbers * scales, weights, atol=0.5001 * scales.max())
    assert (np.abs(numbers * scales - weights) <= 0.5001 * scales).all()


@pytest.mark.parametrize(
    ("weight", "message"),
    [(np.nan, "not finite"), (np.inf, "not finite"), (1e-40, "too small for int8")],
)
def test_weights_that_int8_cannot_hold_name_the_layer(
    rng: np.random.Generator, weight: float, message: str
) -> None:
    weights = sparse_weights(rng, (16, 1, 1, 16))
    weights[3] = 0
    weights[3, 0, 0, 5] = weight
    with pytest.raises(ValueError, match=f"layer 'weights': .*{message}"):
        convert(one_conv(weights), weights="i8", min_speedup=0)


def test_float_weights_are_stored_as_int8(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (64, 3, 3, 32))
    dense = one_conv(weights, rng.normal(size=64).astype(np.float32))
    result = convert(dense, weights="i8")
    (entry,) = result.report
    assert (entry.stored_as, entry.block_size, entry.block_lanes) == ("I8", 4, 1)
    assert not entry.is_int8 and entry.note == ""
    assert entry.bytes_after < 0.09 * entry.bytes_before
    (layer,) = layers_of(result.model)
    assert layer.packed is not None and layer.packed.scales is not None
    found = layer.packed.weights()
    assert not found[to_lanes(weights, 0) == 0].any()
    assert (np.abs(found - to_lanes(weights, 0)) <= 0.5001 * layer.packed.scales).all()
    verification = ubp.verify(result.dense, result.model)
    assert verification.passed and verification.tolerance == TOLERANCES[ValueType.I8]
    again = ubp.unpack(result.model)
    (restored,) = layers_of(again)
    assert restored.candidate is not None and restored.candidate.stored_as == ValueType.F32
    np.testing.assert_array_equal(restored.candidate.weights, found)
    assert ubp.verify(again, result.model, tolerance=1e-5).passed


def test_int8_storage_takes_blocks_of_4_lanes_where_the_zeros_are_such(
    rng: np.random.Generator,
) -> None:
    weights = quads_of_blocks(rng, (32, 3, 3, 16), n=4).astype(np.float32)
    dense = one_conv(weights, np.ones(32, np.float32))
    result = convert(dense, block_size=4, weights="i8", min_speedup=0)
    (entry,) = result.report
    (layer,) = layers_of(result.model)
    assert layer.packed is not None
    attributes = layer.packed.attributes
    assert (attributes.block_size, attributes.block_lanes) == (4, 4)
    assert (entry.block_lanes, entry.num_blocks) == (4, attributes.num_blocks)
    assert ubp.verify(ubp.unpack(result.model), result.model, tolerance=1e-5).passed
    float32 = convert(dense, block_size=4, min_speedup=0)
    assert float32.report[0].num_blocks == 4 * attributes.num_blocks
