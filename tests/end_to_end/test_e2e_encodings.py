# SPDX-License-Identifier: Apache-2.0
"""Models whose weights TensorFlow's converter stored in 16 bits, sparsely, or both."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from ubp.check.verification import verify
from ubp.runtime.decisions import delegate_report
from ubp.tflite import flatbuffer

ENCODINGS = {
    "float16": (("DEFAULT",), True),
    "sparse": (("EXPERIMENTAL_SPARSITY",), False),
    "sparse float16": (("EXPERIMENTAL_SPARSITY", "DEFAULT"), True),
}


@pytest.fixture(scope="module", params=ENCODINGS)
def encoded(
    request: pytest.FixtureRequest, keras: Any, randomise: Callable[[Any], Any], prune: Any
) -> bytes:
    """A small pruned network as the standard converter stores it."""
    import tensorflow

    layers = keras.layers
    x = image = keras.Input((24, 24, 3), batch_size=1)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    for channels in (32, 64):
        x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
        x = layers.Conv2D(channels, 1, activation="relu")(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    model = prune(randomise(keras.Model(image, x)), ubp.UnalignedBlock(4))
    optimizations, half = ENCODINGS[request.param]
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [getattr(tensorflow.lite.Optimize, name) for name in optimizations]
    if half:
        converter.target_spec.supported_types = [tensorflow.float16]
    with contextlib.redirect_stdout(io.StringIO()):
        data: bytes = converter.convert()
    return data


def operators(model: bytes) -> list[str]:
    tree = flatbuffer.parse(model, "model")
    return [flatbuffer.operator_name(tree, each) for each in tree.subgraphs[0].operators]


def test_encoded_weights_are_converted_exactly(encoded: bytes) -> None:
    result = ubp.convert(encoded, min_speedup=0)
    assert {"DENSIFY", "DEQUANTIZE"} & set(operators(result.dense))
    assert "DENSIFY" not in operators(result.model)
    # The stem and the classifier have no zeros to speak of and are converted all the same.
    assert all(layer.taken for layer in result.report if layer.op != "DEPTHWISE_CONV_2D")
    assert verify(result.dense, result.model, tolerance=1e-5).passed


def test_float16_weights_do_not_cut_a_stretch(encoded: bytes) -> None:
    left = {"DEQUANTIZE", "DENSIFY"}
    nodes = delegate_report(ubp.convert(encoded, min_speedup=0).model, take="all").nodes
    assert {node.op for node in nodes if not node.taken} <= left
    assert len([node for node in nodes if node.taken]) == 8


def test_the_unconverted_model_runs_with_the_delegate(encoded: bytes, run: Any) -> None:
    image = np.random.default_rng(0).normal(size=(1, 24, 24, 3)).astype(np.float32)
    (expected,) = run(StandardInterpreter(model_content=encoded), [image])
    (actual,) = run(ubp.Interpreter(encoded), [image])
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.ptp(expected))
