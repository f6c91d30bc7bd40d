# SPDX-License-Identifier: Apache-2.0
"""Layers cut out of a network compute what they compute inside of it."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from demo_models import pruned, small_network

import ubp
from demo.layers import time_layers
from ubp.tflite import flatbuffer
from ubp.tflite.single_operator import extract_operator


@pytest.fixture(scope="module")
def networks() -> dict[str, ubp.ConversionResult]:
    model = small_network()
    patterns = {"unaligned": ubp.UnalignedBlock(4), "aligned": ubp.AlignedBlock(4)}
    return {
        name: ubp.convert(pruned(model, pattern), min_speedup=0)
        for name, pattern in patterns.items()
    }


def run(interpreter: StandardInterpreter, value: np.ndarray) -> np.ndarray:
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    interpreter.set_tensor(entry["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(result["index"])


def test_chain_of_single_operators_is_the_network(
    networks: dict[str, ubp.ConversionResult],
) -> None:
    data = networks["unaligned"].model
    tree = flatbuffer.parse(data, "model")
    image = np.random.default_rng(0).standard_normal((1, 12, 12, 8)).astype(np.float32)
    value = image
    operators = tree.subgraphs[0].operators
    for index, operator in enumerate(operators):
        if flatbuffer.operator_name(tree, operator) == "MEAN":
            value = value.mean(axis=(1, 2))
        else:
            value = run(ubp.Interpreter(extract_operator(tree, 0, index)), value)
    np.testing.assert_allclose(value, run(ubp.Interpreter(data), image), rtol=1e-5, atol=1e-6)
    assert flatbuffer.serialize(tree) == flatbuffer.serialize(flatbuffer.parse(data, "model"))


def test_every_converted_layer_is_timed(networks: dict[str, ubp.ConversionResult]) -> None:
    times, arrow = "\N{MULTIPLICATION SIGN}", "\N{RIGHTWARDS ARROW}"
    convolutions = {
        name: ubp.convert(result.dense, min_speedup=1.1) for name, result in networks.items()
    }
    layers = time_layers(convolutions, rounds=1)
    assert [layer.label for layer in layers] == [
        f"1{times}1, 32 {arrow} 64, 6{times}6",
        f"3{times}3, 64 {arrow} 32, 4{times}4",
    ]
    for layer in layers:
        assert list(layer.times) == ["unaligned", "aligned"]
        assert all(speedup > 0 for speedup in layer.times.values())


def test_layer_kept_dense_in_one_network_is_left_out_there(
    networks: dict[str, ubp.ConversionResult],
) -> None:
    some = {
        "unaligned": ubp.convert(networks["unaligned"].dense),
        "none": ubp.convert(networks["aligned"].dense, min_speedup=1000),
    }
    assert [list(layer.times) for layer in time_layers(some, rounds=1)] == [["unaligned"]] * 2
