# SPDX-License-Identifier: Apache-2.0
"""Converted int8 networks, from TensorFlow's converter to the delegate: equal to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import ubp
from ubp.runtime.decisions import delegate_report

SHAPE = (1, 24, 24, 3)


def separable_network(keras: Any) -> Any:
    """A stem of RGB, depthwise and pointwise convolutions, an addition, a dense layer."""
    layers = keras.layers
    inputs = keras.Input(SHAPE[1:], batch_size=1)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu6")(inputs)
    x = layers.Conv2D(64, 1, activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    before = x = layers.Conv2D(64, 1)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.Add()([before, x])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(40)(x))


def prune(model: Any, keras: Any) -> Any:
    """Zeros in 80% of the weights, where kernels have 4 inputs: blocks of 2 outputs x 4 inputs."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        kind = type(layer)
        if kind not in (keras.layers.Conv2D, keras.layers.Dense) or layer.kernel.shape[-2] % 4:
            continue
        kernel, bias = layer.get_weights()
        matrix = kernel.reshape(-1, kernel.shape[-1])
        pruned = matrix * ubp.select_blocks(matrix**2, 2, sparsity=0.8, block_lanes=4).mask()
        bias = rng.normal(scale=0.1, size=bias.shape)
        layer.set_weights([pruned.reshape(kernel.shape), bias])
    return model


def samples() -> Iterator[list[np.ndarray]]:
    rng = np.random.default_rng(0)
    for _ in range(4):
        yield [rng.normal(size=SHAPE).astype(np.float32)]


def quantised(model: Any, activations: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if activations:
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    data: bytes = converter.convert()
    return data


@pytest.fixture(scope="module")
def network() -> Any:
    import keras

    return prune(separable_network(keras), keras)


def test_an_int8_network_is_equal_to_the_bit(network: Any) -> None:
    result = ubp.convert(quantised(network, True), min_speedup=0)
    taken = [layer for layer in result.report if layer.taken]
    assert [(layer.op, layer.block_size, layer.block_lanes) for layer in taken] == [
        *[("CONV_2D", 2, 4)] * 3,
        ("FULLY_CONNECTED", 2, 4),
    ]
    verification = ubp.verify(result.dense, result.model, runs=5)
    assert verification.max_abs_error == 0 and verification.output_range > 20
    again = ubp.unpack(result.model)
    assert ubp.verify(again, result.model).max_abs_error == 0
    report = delegate_report(result.model)
    ours = [node for node in report.nodes if node.op.startswith("Ubp")]
    assert len(ours) == 4 and all(node.taken and node.kernel for node in ours)


def test_a_network_with_int8_weights_alone_is_computed_in_float(network: Any) -> None:
    result = ubp.convert(quantised(network, False), min_speedup=0)
    taken = [layer for layer in result.report if layer.taken]
    narrow = [layer for layer in taken if layer.stored_as == "I8"]
    assert len(narrow) >= 3  # small layers stay float32
    assert all(layer.note and not layer.is_int8 for layer in narrow)
    assert ubp.verify(result.dense, result.model).passed
    floats = ubp.convert(network, min_speedup=0)
    assert ubp.verify(floats.dense, result.model, tolerance=0.02).passed
