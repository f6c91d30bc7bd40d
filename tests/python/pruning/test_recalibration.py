# SPDX-License-Identifier: Apache-2.0
"""`recalibrate_batch_norm`: the statistics against those that NumPy computes, and nothing else."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import ubp

X = np.random.default_rng(0).normal(1.5, 2.0, (50, 6)).astype("float32")
IMAGES = np.random.default_rng(1).normal(0.5, 3.0, (40, 5, 4, 3)).astype("float32")


def normalised(**options) -> keras.Sequential:
    return keras.Sequential([keras.Input((6,)), layers.BatchNormalization(name="norm", **options)])


def statistics(model, name="norm") -> tuple[np.ndarray, np.ndarray]:
    layer = model.get_layer(name)
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def assert_statistics(model, mean, variance, name="norm") -> None:
    found = statistics(model, name)
    np.testing.assert_allclose(found[0], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], variance, rtol=1e-4, atol=1e-5)


def test_one_batch_gives_the_mean_and_variance_of_the_data():
    model = normalised()
    assert ubp.recalibrate_batch_norm(model, X) is None
    exact = X.astype(np.float64)
    assert_statistics(model, exact.mean(axis=0), exact.var(axis=0))


@pytest.mark.parametrize("batch_size", [1, 7, 10, 49, 50])
def test_batches_count_by_their_samples(batch_size):
    model = normalised()
    ubp.recalibrate_batch_norm(model, X, batch_size=batch_size)
    chunks = [X[start : start + batch_size] for start in range(0, 50, batch_size)]
    shares = [len(chunk) / 50 for chunk in chunks]
    within = sum(share * chunk.var(axis=0) for share, chunk in zip(shares, chunks, strict=True))
    assert_statistics(model, X.mean(axis=0), within)


def test_a_convolution_and_the_normalisation_of_a_normalisation():
    model = keras.Sequential(
        [
            keras.Input((5, 4, 3)),
            layers.Conv2D(8, 1, name="conv"),
            layers.BatchNormalization(name="first"),
            layers.ReLU(),
            layers.BatchNormalization(name="second"),
        ]
    )
    ubp.recalibrate_batch_norm(model, IMAGES)
    kernel, bias = (each.astype(np.float64) for each in model.get_layer("conv").get_weights())
    made = IMAGES @ kernel[0, 0] + bias
    mean, variance = made.mean(axis=(0, 1, 2)), made.var(axis=(0, 1, 2))
    assert_statistics(model, mean, variance, "first")
    active = np.maximum((made - mean) / np.sqrt(variance + 1e-3), 0.0)
    assert_statistics(model, active.mean(axis=(0, 1, 2)), active.var(axis=(0, 1, 2)), "second")


def test_inference_is_then_what_the_batch_itself_would_give():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(5), layers.BatchNormalization()])
    ubp.recalibrate_batch_norm(model, X)
    np.testing.assert_allclose(model(X, training=False), model(X, training=True), atol=1e-4)


def test_only_the_statistics_change_and_other_layers_run_as_in_inference():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dropout(0.5),
            layers.BatchNormalization(name="frozen", trainable=False),
            layers.BatchNormalization(name="norm", momentum=0.7),
            layers.Dense(3),
        ]
    )
    norm = model.get_layer("norm")
    changing = {id(norm.moving_mean), id(norm.moving_variance)}
    before = [each.numpy() for each in model.weights if id(each) not in changing]
    ubp.recalibrate_batch_norm(model, X)
    after = [each.numpy() for each in model.weights if id(each) not in changing]
    assert all(map(np.array_equal, before, after))
    given = X / np.sqrt(1.001)  # what the frozen one makes of it; no dropout
    assert_statistics(model, given.mean(axis=0), given.var(axis=0))
    assert norm.momentum == 0.7
    assert "call" not in vars(norm)


def test_a_layer_that_is_called_twice_is_measured_over_both_calls():
    norm = layers.BatchNormalization(name="norm")
    first, second = keras.Input((6,)), keras.Input((6,))
    model = keras.Model([first, second], [norm(first), norm(second)])
    ubp.recalibrate_batch_norm(model, [X, 3 * X], batch_size=50)
    mean = (X.mean(axis=0) + 3 * X.mean(axis=0)) / 2
    assert_statistics(model, mean, 5 * X.var(axis=0))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        inner = [keras.Input((6,)), layers.BatchNormalization(name="inner")]
        self.blocks = [keras.Sequential(inner), layers.BatchNormalization(name="outer")]

    def call(self, inputs, training=None):
        for block in self.blocks:
            inputs = block(inputs, training=training)
        return inputs


def test_nested_and_subclassed_models():
    model = Subclassed()
    model(X)
    ubp.recalibrate_batch_norm(model, X)
    inner, outer = model.blocks[0].layers[-1], model.blocks[1]
    np.testing.assert_allclose(inner.moving_mean, X.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(outer.moving_mean, np.zeros(6), atol=1e-5)
    np.testing.assert_allclose(outer.moving_variance, X.var(0) / (X.var(0) + 1e-3), rtol=1e-4)


@pytest.mark.parametrize(
    "data",
    [
        tf.convert_to_tensor(X),
        tf.data.Dataset.from_tensor_slices(X).batch(50),
        tf.data.Dataset.from_tensor_slices((X, np.arange(50))).batch(50),
        ((X, np.arange(50), np.ones(50)) for _ in range(1)),
        iter([X[:0], X]),
    ],
    ids=["tensor", "dataset", "with targets", "generator", "an empty batch"],
)
def test_data_come_as_for_fit(data):
    model = normalised()
    ubp.recalibrate_batch_norm(model, data)
    assert_statistics(model, X.mean(axis=0), X.var(axis=0))


def test_a_pruned_model_and_what_is_stripped_of_it():
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(16, name="x"), layers.BatchNormalization(name="norm")]
    )
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), layers="x")
    stripped = ubp.strip(pruned)
    for each in (pruned, stripped):
        ubp.recalibrate_batch_norm(each, X)
    made = X @ stripped.get_layer("x").kernel.numpy()
    assert (stripped.get_layer("x").kernel.numpy() == 0).mean() == 0.5
    assert_statistics(stripped, made.mean(axis=0), made.var(axis=0))
    assert_statistics(pruned, made.mean(axis=0), made.var(axis=0))


def test_statistics_that_are_not_finite_are_replaced():
    model = normalised()
    model.get_layer("norm").moving_mean.assign(np.full(6, np.nan))
    ubp.recalibrate_batch_norm(model, X)
    assert_statistics(model, X.mean(axis=0), X.var(axis=0))


def test_after_an_error_the_model_is_as_it_was():
    model = normalised()
    ubp.recalibrate_batch_norm(model, X)
    before = statistics(model)
    broken = X.copy()
    broken[30, 2] = np.inf
    with pytest.raises(ValueError, match="data makes the moving_mean of layer 'norm' infinite"):
        ubp.recalibrate_batch_norm(model, broken, batch_size=20)
    with pytest.raises(ValueError, match=r"data has arrays of shape \(9, 5\); the model takes"):
        ubp.recalibrate_batch_norm(model, iter([3 * X, np.zeros((9, 5))]))
    assert all(map(np.array_equal, before, statistics(model)))
    assert "call" not in vars(model.get_layer("norm"))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            keras.Sequential([keras.Input((6,)), layers.Dense(2)], name="plain"),
            "no BatchNormalization of model 'plain' is there",
        ),
        (normalised(trainable=False), "no BatchNormalization of model .* is trainable"),
    ],
)
def test_nothing_to_measure(model, message):
    with pytest.raises(ValueError, match=message):
        ubp.recalibrate_batch_norm(model, X)


def test_a_model_that_hides_its_calls_in_a_function():
    class Hidden(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.norm = layers.BatchNormalization(name="norm")

        @tf.function
        def call(self, inputs):
            return self.norm(inputs)

    model = Hidden()
    model(X)
    with pytest.raises(RuntimeError, match="layer 'norm' is called inside a tf"):
        ubp.recalibrate_batch_norm(model, X[:10])
    np.testing.assert_array_equal(model.norm.moving_mean, np.zeros(6))
