# SPDX-License-Identifier: Apache-2.0
"""Importances: by name, accumulated gradients, callables."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from pruning_models import compiled, data, functional_model, mask_of, outputs, sequential_model

import ubp
from ubp.lanes import to_lanes
from ubp.masking.updates import advance
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.training.callbacks import begin

ONE_SHOT = ubp.ConstantSparsity(0.5)
EVERY_THIRD = ubp.ConstantSparsity(0.5, begin_step=2, frequency=3)  # before steps 2, 5, 8


def fit(model, steps=4, **options):
    x, y = data(8 * steps)
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[ubp.UpdatePruning()],
              **options)  # fmt: skip
    return model


def observed(**options):
    """A pruned model whose masks follow its gradients."""
    return ubp.prune(sequential_model(), EVERY_THIRD, importance="gradient", **options)


def still(model, **options):
    """Compiled so that training moves nothing."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss, **options)
    return model


def test_squares_choose_as_a_selection_of_squares():
    model = functional_model()
    pruned = ubp.prune(model, ONE_SHOT, importance="squared")
    for layer in pruned_layers(pruned):
        weights = to_lanes(model.get_layer(layer.name).kernel.numpy(), -1)
        chosen = ubp.select_blocks(np.square(weights), 4, sparsity=0.5)
        np.testing.assert_array_equal(mask_of(layer), chosen.mask())


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
def test_gradients_are_accumulated_since_the_last_update(gradients, jit_compile):
    """Of steps 2 to 4, with the masks chosen before step 2; pruned weights have none."""
    pruned = fit(still(observed(gradients=gradients), jit_compile=jit_compile))
    final, (x, y) = ubp.strip(pruned), data(32)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = {layer.name: 0.0 for layer in pruned_layers(pruned)}
    for batch in (1, 2, 3):
        rows = slice(8 * batch, 8 * batch + 8)
        with tf.GradientTape() as tape:
            loss = loss_of(y[rows], final(x[rows], training=True))
        values = {name: final.get_layer(name).kernel.value for name in expected}
        for name, gradient in tape.gradient(loss, values).items():
            expected[name] = expected[name] + np.abs(values[name].numpy() * gradient.numpy())
    for layer in pruned_layers(pruned):
        (kernel,) = layer.kernels
        assert layer.sparsity == pytest.approx(0.5, abs=0.01)
        found = kernel.sensitivity.numpy()
        assert not found[~kernel.mask.numpy()].any()
        np.testing.assert_allclose(found, expected[layer.name], rtol=2e-4, atol=1e-7)


def test_masks_follow_the_accumulated_gradients():
    pruned = observed()
    begin(pruned_layers(pruned))
    rng, importances = np.random.default_rng(1), {}
    for layer in pruned_layers(pruned):
        (kernel,) = layer.kernels
        importances[layer.name] = rng.random(kernel.shape, dtype=np.float32)
        kernel.sensitivity.assign(importances[layer.name].reshape(kernel.sensitivity.shape))
    advance(pruned_layers(pruned), 2)
    for layer in pruned_layers(pruned):
        chosen = ubp.select_blocks(importances[layer.name], 4, sparsity=0.5)
        np.testing.assert_array_equal(mask_of(layer), chosen.mask())
        assert not layer.kernels[0].sensitivity.numpy().any()  # observed anew


def test_gradients_that_overflow_are_left_out():
    (kernel,) = observed().get_layer("hidden").kernels
    gradient = np.full(kernel.variable.shape, 2.0, np.float32)
    gradient[0], gradient[1], gradient[2] = np.inf, -np.inf, np.nan
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(kernel.in_use("masked") * gradient)
    tape.gradient(loss, kernel.variable.value)
    expected = np.abs(2.0 * kernel.variable.numpy())
    expected[:3] = 0.0
    np.testing.assert_array_equal(kernel.sensitivity.numpy(), expected)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = sequential_model()
    finally:
        keras.config.set_dtype_policy("float32")
    pruned = ubp.prune(model, EVERY_THIRD, importance="gradient")
    fit(compiled(pruned, jit_compile=False))
    for layer in pruned_layers(pruned):
        sensitivity = layer.kernels[0].sensitivity
        assert sensitivity.dtype == "float32"
        assert np.isfinite(sensitivity.numpy()).all() and sensitivity.numpy().any()
        assert layer.sparsity == pytest.approx(0.5, abs=0.01)


def test_resumed_run_equals_the_uninterrupted_one(tmp_path):
    """The file is written between two updates: what has been accumulated is in it."""
    whole = fit(compiled(observed(), jit_compile=False), epochs=2)
    half = fit(compiled(observed(), jit_compile=False))
    half.save(tmp_path / "half.keras")
    loaded = keras.models.load_model(tmp_path / "half.keras")
    for ours, theirs in zip(pruned_layers(loaded), pruned_layers(half), strict=True):
        assert ours.kernels[0].sensitivity.numpy().any()
        np.testing.assert_array_equal(ours.kernels[0].sensitivity, theirs.kernels[0].sensitivity)
    fit(loaded, initial_epoch=1, epochs=2)
    for ours, theirs in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_inference_observes_nothing():
    pruned = observed()
    pruned.predict(data()[0], verbose=0)
    assert not pruned.get_layer("hidden").kernels[0].sensitivity.numpy().any()


def test_no_sensitivity_where_none_is_needed():
    assert (
        ubp.prune(sequential_model(), ONE_SHOT).get_layer("hidden").kernels[0].sensitivity is None
    )


def test_frozen_layers_are_observed_too():
    model = sequential_model()
    model.get_layer("hidden").trainable = False
    pruned = ubp.prune(model, EVERY_THIRD, importance="gradient")
    fit(compiled(pruned, jit_compile=False))
    assert pruned.get_layer("hidden").sparsity == pytest.approx(0.5)


def test_layers_that_the_loss_does_not_see():
    pruned = observed()
    begin(pruned_layers(pruned))
    with pytest.raises(ValueError, match=r"layer 'conv_1x1': no gradient has reached its kernel "
                       "since the last update; let the loss depend"):  # fmt: skip
        advance(pruned_layers(pruned), 2)


def later_lanes(weights, layer):
    """Lanes matter by their place."""
    assert isinstance(layer, layers.Dense | layers.Conv2D)
    return np.broadcast_to(np.arange(len(weights), dtype=np.float64)[:, None], weights.shape)


registered = keras.saving.register_keras_serializable(package="tests")(later_lanes)


def test_callable_decides():
    pruned = ubp.prune(sequential_model(), ONE_SHOT, layers="hidden", importance=later_lanes)
    kept = mask_of(pruned.get_layer("hidden")).sum(axis=1)
    np.testing.assert_array_equal(kept, np.repeat([0, 16], 180))


def test_callable_is_given_stored_weights_and_the_layer():
    given = {}

    def importance(weights, layer):
        given[layer.name] = (type(layer), weights)
        return np.abs(weights)

    model = functional_model()
    ubp.prune(model, ONE_SHOT, importance=importance)
    kind, weights = given["conv_3x3"]
    assert kind is layers.Conv2D and weights.dtype == np.float32
    np.testing.assert_array_equal(weights, to_lanes(model.get_layer("conv_3x3").kernel.numpy(), -1))


@pytest.mark.parametrize(
    ("importance", "message"),
    [
        (lambda weights, layer: weights[:1], r"returned the shape \(1, 10\); expected \[lanes, ch"),
        (lambda weights, layer: None, r"returned the shape \(\); expected \[lanes, channels\]"),
        (lambda weights, layer: np.abs(weights).T, r"returned the shape \(10, 8\)"),
        (lambda weights, layer: -np.abs(weights), r"importance contains -.*expected finite number"),
        (lambda weights, layer: weights * np.nan, "importance contains nan"),
    ],
)
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_bad_answers_of_callables(importance, message, scope):
    with pytest.raises(ValueError, match=f"layer 'conv_1x1': .*{message}"):
        ubp.prune(sequential_model(), ONE_SHOT, importance=importance, scope=scope)


def test_registered_callable_is_saved_by_name(tmp_path):
    pruned = ubp.prune(sequential_model(), ONE_SHOT, importance=registered)
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    assert loaded.get_layer("hidden").settings == pruned.get_layer("hidden").settings
    np.testing.assert_array_equal(outputs(loaded), outputs(pruned))


def test_unregistered_callable_must_be_given_to_load(tmp_path):
    def unknown(weights, layer):
        return np.abs(weights)

    ubp.prune(sequential_model(), ONE_SHOT, importance=unknown).save(tmp_path / "pruned.keras")
    with pytest.raises(TypeError, match="Could not locate function 'unknown'"):
        keras.models.load_model(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras", custom_objects={"unknown": unknown})
    assert loaded.get_layer("hidden").settings.importance.function is unknown
