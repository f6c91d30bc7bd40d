# SPDX-License-Identifier: Apache-2.0
"""Stretches of the graph that the delegate takes around block-sparse layers, on small networks.

Whatever is taken, with whatever number of threads and batch size, the results are the dense
network's; and they are the same, bit for bit, for every number of threads and in several
interpreters at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp

TOLERANCE = 1e-4
Array = npt.NDArray[np.float32]


def inverted_residuals(keras: Any) -> Any:
    return keras.applications.MobileNetV2(
        (96, 96, 3), alpha=0.35, weights=None, classes=10, classifier_activation=None
    )


def bottlenecks(keras: Any) -> Any:
    """ResNet's parts: a padded 7x7 stem, padded pooling, strided blocks with a shortcut."""
    layers = keras.layers
    x = image = keras.Input((64, 48, 3))
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(32, 7, strides=2, activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for stride in (1, 2):
        shortcut = layers.Conv2D(64, 1, strides=stride)(x)
        y = layers.Conv2D(32, 1, strides=stride, activation="relu")(x)
        y = layers.Conv2D(32, 3, padding="same", activation="relu")(y)
        y = layers.Conv2D(64, 1)(y)
        x = layers.ReLU()(layers.Add()([shortcut, y]))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module", params=[inverted_residuals, bottlenecks], ids=lambda f: f.__name__)
def converted(
    request: pytest.FixtureRequest, keras: Any, randomise: Callable[..., Any], prune: Any
) -> ubp.ConversionResult:
    """A network with an open batch."""
    import tensorflow

    keras.backend.clear_session()
    pruned = prune(randomise(request.param(keras)), ubp.UnalignedBlock(4))
    dense = tensorflow.lite.TFLiteConverter.from_keras_model(pruned).convert()
    return ubp.convert(dense, block_size=4)


def infer(interpreter: Any, batch: int) -> Array:
    (detail,) = interpreter.get_input_details()
    shape = (batch, *detail["shape"][1:])
    interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    x = np.random.default_rng(batch).normal(size=shape).astype(np.float32)
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    output: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output


@pytest.mark.parametrize("take", ["auto", "sparse", "all"])
def test_agrees_with_the_dense_network_for_any_batch(
    converted: ubp.ConversionResult, take: str
) -> None:
    dense = StandardInterpreter(model_content=converted.dense)
    one = ubp.Interpreter(converted.model, take=take)
    three = ubp.Interpreter(converted.model, num_threads=3, take=take)
    for batch in (1, 3, 2):
        expected = infer(dense, batch)
        output = infer(one, batch)
        assert np.abs(output - expected).max() <= TOLERANCE * np.ptp(expected)
        np.testing.assert_array_equal(infer(three, batch), output)
        np.testing.assert_array_equal(infer(one, batch), output)


def test_interpreters_in_several_threads(converted: ubp.ConversionResult) -> None:
    expected = infer(ubp.Interpreter(converted.model), 2)
    interpreters = [ubp.Interpreter(converted.model, num_threads=2) for _ in range(3)]
    with ThreadPoolExecutor(len(interpreters)) as executor:
        for output in executor.map(lambda i: [infer(i, 2) for _ in range(10)], interpreters):
            for result in output:
                np.testing.assert_array_equal(result, expected)


def test_a_dense_network_is_taken_only_when_forced(
    converted: ubp.ConversionResult, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = infer(StandardInterpreter(model_content=converted.dense), 1)
    options = {"sparse_from_dense": "off", "log": "info"}
    for take, notice in (("auto", "took none"), ("all", "took ")):
        output = infer(ubp.Interpreter(converted.dense, take=take, **options), 1)
        log = capfd.readouterr().err
        assert notice in log
        assert ("CONV_2D" in log and ": taken" in log) == (take == "all")
        assert np.abs(output - expected).max() <= TOLERANCE * np.ptp(expected)
