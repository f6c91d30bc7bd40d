# SPDX-License-Identifier: Apache-2.0
"""ubp.unpack: what was converted becomes the standard model again."""

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from single_models import one_conv, sparse_weights
from test_conversion_models import CONVOLUTIONS

import ubp
from fuzz.builder import ModelBuilder
from ubp.conversion import convert
from ubp.conversion.find import find_layers
from ubp.tflite import flatbuffer


def run(model: bytes) -> np.ndarray:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(5)
    for detail in interpreter.get_input_details():
        values = rng.normal(size=detail["shape"]).astype(np.float32)
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    result: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result


def weights_of(model: bytes) -> list[bytes]:
    tree = flatbuffer.parse(model, "model")
    return [
        bytes(tree.buffers[subgraph.tensors[operator.inputs[1]].buffer].data)
        for subgraph in tree.subgraphs
        for operator in subgraph.operators
    ]


def converted(model: bytes, **options: Any) -> ubp.ConversionResult:
    result = convert(model, min_speedup=0, **options)
    assert all(layer.taken for layer in result.report)
    return result


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(("shape", "options"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolutions(
    rng: np.random.Generator, shape: tuple[int, ...], options: dict[str, Any], with_bias: bool
) -> None:
    bias = rng.normal(size=shape[0]).astype(np.float32) if with_bias else None
    weights = sparse_weights(rng, shape, min(4, shape[0])) + 0.0  # no negative zeros
    dense = one_conv(weights, bias, **options)
    again = ubp.unpack(converted(dense).model)
    assert [layer.op for layer in find_layers(flatbuffer.parse(again, "again"))] == ["CONV_2D"]
    assert weights_of(again) == weights_of(dense)
    if with_bias:  # the interpreter's own CONV_2D insists on one
        np.testing.assert_array_equal(run(again), run(dense))


@pytest.mark.parametrize("keep_num_dims", [False, True])
def test_fully_connected(rng: np.random.Generator, keep_num_dims: bool) -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(sparse_weights(rng, (32, 24)) + 0.0, "w")
    bias = graph.constant(np.ones(32, np.float32), "b")
    x = graph.input([2, 3, 24])
    graph.output(graph.fully_connected(x, w, bias, keep_num_dims=keep_num_dims, activation=1))
    dense = model.build()
    again = ubp.unpack(converted(dense).model)
    assert weights_of(again) == weights_of(dense)
    np.testing.assert_array_equal(run(again), run(dense))
    assert run(again).ndim == (3 if keep_num_dims else 2)


def test_the_emptied_tensors_are_filled_again(rng: np.random.Generator) -> None:
    model = ModelBuilder()
    weights = sparse_weights(rng, (64, 1, 1, 64)) + 0.0
    for name in ("main", "body"):
        graph = model.subgraph(name)
        w = graph.constant(weights, f"{name}/w")
        graph.output(graph.conv(graph.conv(graph.input([1, 8, 8, 64]), w), w))
    dense = model.build()
    again = ubp.unpack(converted(dense).model)
    before, after = flatbuffer.parse(dense, "dense"), flatbuffer.parse(again, "again")
    for old, new in zip(before.subgraphs, after.subgraphs, strict=True):
        assert [list(each.inputs) for each in new.operators] == [
            list(each.inputs[:2]) for each in old.operators
        ]
    assert weights_of(again) == weights_of(dense)
    assert not [code for code in after.operatorCodes if code.customCode]
    assert len(again) < 1.1 * len(dense)


@pytest.mark.parametrize(("stored", "error"), [("f16", 2**-11), ("bf16", 2**-8)])
def test_16_bit_weights_come_back_rounded(
    rng: np.random.Generator, stored: str, error: float
) -> None:
    weights = sparse_weights(rng, (64, 3, 3, 16))
    (data,) = weights_of(ubp.unpack(converted(one_conv(weights), weights=stored).model))
    again = np.frombuffer(data, np.float32).reshape(weights.shape)
    np.testing.assert_allclose(again, weights, rtol=error, atol=2**-24)


def test_an_unpacked_model_converts_to_the_same_blocks(rng: np.random.Generator) -> None:
    once = converted(one_conv(sparse_weights(rng, (64, 3, 3, 16))))
    again = converted(ubp.unpack(once.model))
    assert again.report == once.report


def test_other_models_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match=r"^model: has none of UbpConv2D, .*: nothing to"):
        ubp.unpack(one_conv(sparse_weights(rng, (64, 1, 1, 64))))
    with pytest.raises(ValueError, match="not a TensorFlow Lite model"):
        ubp.unpack(b"something else")
