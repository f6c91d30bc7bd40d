# SPDX-License-Identifier: Apache-2.0
"""Training of pruned models: schedule, masks, gradients, compilation and precision options."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import (
    assert_sparsity,
    assert_stored_kernels_masked,
    compiled,
    data,
    functional_model,
    outputs,
    sequential_model,
)

import ubp
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.updates import update_at_step_zero
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers

GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)


class Recorder(keras.callbacks.Callback):
    """Sparsity of the masks that each training step ran with."""

    def __init__(self):
        super().__init__()
        self.sparsities = []

    def on_train_batch_end(self, batch, logs=None):
        self.sparsities.append([layer.sparsity for layer in pruned_layers(self.model)])


def fit(model, *callbacks, epochs=1):
    x, y = data()
    return model.fit(
        x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=[*callbacks]
    )


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_sparsity_follows_the_schedule(make):
    pruned = compiled(ubp.prune(make(), GRADUAL), jit_compile=False)
    recorder = Recorder()
    history = fit(pruned, ubp.UpdatePruning(), recorder, epochs=2)
    expected = [0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 0.75]  # steps 1 to 8
    for at_step, target in zip(recorder.sparsities, expected, strict=True):
        assert at_step == pytest.approx([target] * len(at_step), abs=0.02)
    assert history.history["sparsity"] == pytest.approx([0.5, 0.75], abs=0.01)
    assert_sparsity(pruned, ubp.UnalignedBlock(4), 0.75)
    assert_stored_kernels_masked(pruned)


def test_schedule_of_tfmot():
    sparsity = pytest.importorskip("tensorflow_model_optimization").sparsity.keras
    schedule = sparsity.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, frequency=2)
    pruned = compiled(ubp.prune(sequential_model(), schedule), jit_compile=False)
    fit(pruned, ubp.UpdatePruning(), epochs=2)
    assert_sparsity(pruned, ubp.UnalignedBlock(4), 0.75)


def test_masks_are_blocks_of_the_scheduled_count_at_every_epoch_end():
    schedule = ubp.PolynomialDecay(0.3, 0.9, 0, 12, frequency=1)
    pruned = compiled(ubp.prune(functional_model(), schedule, method="bed"), jit_compile=False)

    class Check(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            assert_sparsity(self.model, ubp.UnalignedBlock(4), schedule(4 * (epoch + 1))[1])
            assert_stored_kernels_masked(self.model)
            Check.epochs += 1

    fit(pruned, ubp.UpdatePruning(), Check(), epochs=3)
    assert Check.epochs == 3


@pytest.mark.parametrize(
    ("gradients", "jit_compile"), [("masked", True), ("straight_through", False)]
)
def test_training_reduces_the_loss_and_strip_keeps_the_outputs(jit_compile, gradients):
    pruned = compiled(
        ubp.prune(sequential_model(), ubp.ConstantSparsity(0.5, frequency=2), gradients=gradients),
        jit_compile=jit_compile,
    )
    losses = fit(pruned, ubp.UpdatePruning(), epochs=12).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    final = ubp.strip(pruned)
    np.testing.assert_allclose(outputs(final), outputs(pruned), rtol=1e-6, atol=1e-6)
    for layer in pruned_layers(pruned):
        zeros = final.get_layer(layer.name).kernel.numpy() == 0.0
        np.testing.assert_array_equal(zeros, ~layer.kernels[0].mask.numpy())


@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
def test_gradients_of_pruned_weights(gradients):
    import tensorflow as tf

    model = sequential_model()
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), gradients=gradients)
    layer, x = pruned.get_layer("hidden"), data()[0]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(pruned(x) ** 2)
    gradient = np.asarray(tape.gradient(loss, layer.layer.kernel.value))

    final = ubp.strip(pruned)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(final(x) ** 2)
    dense = np.asarray(tape.gradient(loss, final.get_layer("hidden").kernel.value))
    mask = layer.kernels[0].mask.numpy()
    assert np.abs(dense[~mask]).max() > 0
    expected = dense if gradients == "straight_through" else np.where(mask, dense, 0)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_pruned_weights_return_with_their_old_values():
    pruned = ubp.prune(sequential_model(), ubp.ConstantSparsity(0.5))
    layer = pruned.get_layer("hidden")
    kernel, before = layer.layer.kernel.numpy(), layer.kernels[0].mask.numpy()
    layer.layer.kernel.assign(np.where(before, 0.001 * kernel, kernel))
    update_at_step_zero([layer])
    returned = layer.kernels[0].mask.numpy() & ~before
    assert returned.any()
    np.testing.assert_array_equal(layer.kernels[0].masked()[returned], kernel[returned])


def test_steps_per_execution_counts_every_step():
    pruned = ubp.prune(sequential_model(), GRADUAL)
    compiled(pruned, jit_compile=False, steps_per_execution=3)
    fit(pruned, ubp.UpdatePruning(), epochs=2)  # 4 steps an epoch: executions of 3 and 1
    assert int(pruned.get_layer("hidden").step) == 8
    assert_sparsity(pruned, ubp.UnalignedBlock(4), 0.75)


def test_own_training_loop():
    pruned = ubp.prune(sequential_model(), GRADUAL)
    update = ubp.UpdatePruning()
    update.set_model(pruned)
    update.on_train_begin()
    for batch in range(6):
        update.on_train_batch_begin(batch)
        pruned(data()[0], training=True)
        update.on_train_batch_end(batch)
    update.on_epoch_end(0)
    update.on_train_end()
    assert_sparsity(pruned, ubp.UnalignedBlock(4), 0.75)
    assert_stored_kernels_masked(pruned)


def test_second_fit_goes_on():
    pruned = compiled(ubp.prune(sequential_model(), GRADUAL), jit_compile=False)
    assert fit(pruned, ubp.UpdatePruning()).history["sparsity"] == pytest.approx([0.5], abs=0.01)
    assert fit(pruned, ubp.UpdatePruning()).history["sparsity"] == pytest.approx([0.75], abs=0.01)


def test_activity_regularisation_of_a_pruned_layer_counts():
    inputs = keras.Input((6,))
    hidden = layers.Dense(8, name="hidden", activity_regularizer="l2", kernel_regularizer="l1")
    model = keras.Model(inputs, layers.Dense(2)(hidden(inputs)))
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5, begin_step=1))
    x = np.ones((3, 6), np.float32)
    model(x)
    pruned(x)
    assert len(pruned.losses) == 2
    assert float(sum(pruned.losses)) == pytest.approx(float(sum(model.losses)), rel=1e-5)


@pytest.mark.parametrize(
    ("policy", "gradients"),
    [("mixed_float16", "masked"), ("mixed_bfloat16", "straight_through")],
)
def test_mixed_precision(policy, gradients):
    keras.config.set_dtype_policy(policy)
    try:
        model = sequential_model()
    finally:
        keras.config.set_dtype_policy("float32")
    pruned = compiled(ubp.prune(model, GRADUAL, gradients=gradients), jit_compile=False)
    layer = pruned.get_layer("hidden")
    assert layer.layer.kernel.dtype == "float32"
    assert layer.compute_dtype == model.get_layer("hidden").compute_dtype
    assert np.isfinite(fit(pruned, ubp.UpdatePruning(), epochs=2).history["loss"]).all()
    np.testing.assert_array_equal(outputs(ubp.strip(pruned)), outputs(pruned))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_inference_changes_no_weight(policy):
    """Values that 16 bits cannot hold; the layers are pruned, those left dense included."""
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [
                keras.Input((8, 8, 2)),
                layers.Conv2D(8, 3, name="stem"),
                layers.Conv2D(8, 3, name="conv"),
                layers.BatchNormalization(),
                layers.SeparableConv2D(8, 3, name="separable"),
                layers.Conv2DTranspose(8, 3, name="transposed"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(8, name="hidden"),
                layers.Dense(5, name="classifier"),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    pruned = ubp.prune(
        model, ubp.ConstantSparsity(0.5, begin_step=1),
        layers=["conv", "separable", "transposed", "hidden"],
    )  # fmt: skip
    rng = np.random.default_rng(7)
    pruned.set_weights(
        [
            rng.uniform(0.1, 1.0, weight.shape).astype(weight.dtype)
            if weight.dtype == np.float32
            else weight
            for weight in pruned.get_weights()
        ]
    )
    before = pruned.get_weights()
    x, y = data()
    compiled(pruned, jit_compile=False)
    pruned.predict(x, verbose=0)
    pruned.evaluate(x, y, verbose=0)
    pruned(x, training=False)
    for found, expected in zip(pruned.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_forgotten_callback(jit_compile):
    pruned = compiled(ubp.prune(sequential_model(), GRADUAL), jit_compile=jit_compile)
    with pytest.raises(RuntimeError, match=r"pass callbacks=\[ubp.UpdatePruning\(\)\] to fit"):
        fit(pruned)


def test_inference_needs_no_callback():
    pruned = compiled(ubp.prune(sequential_model(), GRADUAL), jit_compile=False)
    x, y = data()
    pruned.evaluate(x, y, verbose=0)
    assert pruned.predict(x, verbose=0).shape == (32, 5)


def test_callback_on_an_ordinary_model():
    with pytest.raises(ValueError, match=r"'plain' has no pruned layer; fit the model that ubp"):
        fit(compiled(sequential_model()), ubp.UpdatePruning())


def test_advance_before_training_begins():
    layer = PrunedLayer(layers.Dense(8, name="alone"), PruningSettings(GRADUAL))
    layer.build((None, 4))
    with pytest.raises(RuntimeError, match=r"layer 'alone': advance.. needs begin_training"):
        layer.advance()
