# SPDX-License-Identifier: Apache-2.0
"""Single layers through converter and delegate, at the edges of what a layer can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp

Run = Callable[[Any, list[np.ndarray]], list[np.ndarray]]

# Input shape without batch, filters, kernel size, further arguments of keras.layers.Conv2D.
CONVOLUTIONS = {
    "1x1": ((7, 7, 24), 32, 1, {}),
    "3x3": ((9, 8, 16), 32, 3, {"padding": "same"}),
    "valid": ((9, 8, 16), 32, 3, {"padding": "valid"}),
    "1x1 stride 2": ((8, 7, 16), 32, 1, {"strides": 2}),
    "3x3 stride 2 same, odd": ((9, 9, 16), 32, 3, {"strides": 2, "padding": "same"}),
    "3x3 stride 2 same, even": ((8, 8, 16), 32, 3, {"strides": 2, "padding": "same"}),
    "stride 3x1": ((9, 8, 16), 32, 3, {"strides": (3, 1), "padding": "same"}),
    "dilation 2": ((9, 8, 16), 32, 3, {"dilation_rate": 2, "padding": "same"}),
    "5x2": ((9, 8, 16), 32, (5, 2), {"padding": "same"}),
    "no bias": ((9, 8, 16), 32, 3, {"use_bias": False}),
    "relu": ((9, 8, 16), 32, 3, {"activation": "relu"}),
    "relu6": ((9, 8, 16), 32, 3, {"activation": "relu6"}),
    "13 filters": ((9, 8, 16), 13, 3, {"padding": "same"}),
    "3 filters": ((9, 8, 16), 3, 3, {"padding": "same"}),
    "1 filter": ((9, 8, 16), 1, 3, {"padding": "same"}),
    "1 pixel": ((1, 1, 16), 32, 1, {}),
    "smaller than its kernel": ((2, 3, 16), 32, 5, {"padding": "same"}),
}


def fill(model: Any, sparsity: float = 0.8) -> Any:
    """Random weights; zeros single, so that every block size is exercised by padding."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        values = rng.normal(size=weight.shape)
        if len(weight.shape) > 1:
            values *= rng.random(weight.shape) >= sparsity
        weight.assign(values)
    return model


def conv_model(keras: Any, case: str, batch: int | None = None) -> Any:
    shape, filters, kernel, options = CONVOLUTIONS[case]
    inputs = keras.Input(shape, batch_size=batch)
    return fill(keras.Model(inputs, keras.layers.Conv2D(filters, kernel, **options)(inputs)))


def assert_same(result: ubp.ConversionResult, run: Run, **options: Any) -> None:
    dense = StandardInterpreter(model_content=result.dense)
    shapes = [detail["shape"] for detail in dense.get_input_details()]
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    assert any(layer.taken for layer in result.report)
    sparse = ubp.Interpreter(result.model, **options)
    for expected, actual in zip(run(dense, inputs), run(sparse, inputs), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.ptp(expected))


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(keras: Any, run: Run, case: str) -> None:
    model = conv_model(keras, case)
    dense = ubp.convert(model, min_speedup=0).dense
    for block_size in (1, 4, 16):
        assert_same(ubp.convert(dense, block_size, min_speedup=0), run)


@pytest.mark.parametrize("kernel", ["auto", "reference", "portable"])
@pytest.mark.parametrize("n", [1, 2, 4, 8, 16])
def test_block_sizes_and_kernels(keras: Any, run: Run, n: int, kernel: str) -> None:
    result = ubp.convert(conv_model(keras, "3x3"), block_size=n, min_speedup=0)
    assert_same(result, run, kernel=kernel)


@pytest.mark.parametrize("sparsity", [0.0, 1.0])
def test_all_dense_and_all_zero(keras: Any, run: Run, sparsity: float) -> None:
    model = fill(conv_model(keras, "3x3"), sparsity)
    assert_same(ubp.convert(model, min_speedup=0), run)


def test_a_batch_of_the_models_own(keras: Any, run: Run) -> None:
    assert_same(ubp.convert(conv_model(keras, "3x3", batch=3), min_speedup=0), run)


@pytest.mark.parametrize("shape", [(40,), (5, 40), (2, 3, 40)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_layers(keras: Any, run: Run, shape: tuple[int, ...], use_bias: bool) -> None:
    inputs = keras.Input(shape)
    outputs = keras.layers.Dense(33, use_bias=use_bias, activation="relu")(inputs)
    assert_same(ubp.convert(fill(keras.Model(inputs, outputs)), min_speedup=0), run)


def test_inputs_can_be_resized(keras: Any, run: Run) -> None:
    result = ubp.convert(conv_model(keras, "3x3 stride 2 same, odd"), min_speedup=0)
    dense = StandardInterpreter(model_content=result.dense)
    sparse = ubp.Interpreter(result.model, num_threads=2)
    for shape in ((2, 9, 9, 16), (1, 12, 5, 16), (3, 1, 1, 16)):
        x = [np.random.default_rng(1).normal(size=shape).astype(np.float32)]
        (expected,), (actual,) = run(dense, x), run(sparse, x)
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("weights", "tolerance"), [("f16", 2e-3), ("bf16", 2e-2), ("i8", 2e-2)])
def test_narrow_weights(keras: Any, run: Run, weights: str, tolerance: float) -> None:
    result = ubp.convert(conv_model(keras, "3x3"), weights=weights, min_speedup=0)
    x = [np.random.default_rng(1).normal(size=(1, 9, 8, 16)).astype(np.float32)]
    (expected,) = run(StandardInterpreter(model_content=result.dense), x)
    (actual,) = run(ubp.Interpreter(result.model), x)
    assert 0 < np.abs(actual - expected).max() <= tolerance * np.ptp(expected)


def test_layers_that_share_their_weights(keras: Any, run: Run) -> None:
    inputs = keras.Input((8, 8, 16))
    layer = keras.layers.Conv2D(16, 3, padding="same", activation="relu")
    model = fill(keras.Model(inputs, layer(layer(inputs))))
    assert_same(ubp.convert(model, min_speedup=0), run)


def test_results_do_not_depend_on_the_number_of_threads(keras: Any, run: Run) -> None:
    result = ubp.convert(conv_model(keras, "3x3"), min_speedup=0)
    x = [np.random.default_rng(1).normal(size=(1, 9, 8, 16)).astype(np.float32)]
    outputs = [run(ubp.Interpreter(result.model, threads), x)[0] for threads in (1, 2, 3)]
    assert outputs[0].tobytes() == outputs[1].tobytes() == outputs[2].tobytes()


def test_an_unconverted_model_can_be_left_to_the_interpreter(keras: Any, run: Run) -> None:
    dense = ubp.convert(conv_model(keras, "3x3")).dense
    x = [np.random.default_rng(1).normal(size=(1, 9, 8, 16)).astype(np.float32)]
    (expected,) = run(StandardInterpreter(model_content=dense), x)
    (actual,) = run(ubp.Interpreter(dense, sparse_from_dense="off"), x)
    np.testing.assert_array_equal(actual, expected)
