# SPDX-License-Identifier: Apache-2.0
"""Every kind of layer that can be pruned, custom ones too; single layers and lists of them."""

from __future__ import annotations

from itertools import cycle

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import assert_blocks, compiled, expected_kept

import ubp

ONE_SHOT = ubp.ConstantSparsity(0.75)
LATER = ubp.ConstantSparsity(0.75, begin_step=10**6)


@keras.saving.register_keras_serializable(package="tests")
class Custom(layers.Layer):
    """features -> 12 channels; `kind` says what `get_prunable_weights` returns."""

    def __init__(self, kind="plain", **kwargs):
        super().__init__(**kwargs)
        self.kind = kind
        self.norm = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5, seed=3)

    def build(self, input_shape):
        self.first = self.add_weight(shape=(input_shape[-1], 12), name="first")
        self.second = self.add_weight(shape=(8, 12), name="second")  # used transposed
        self.bias = self.add_weight(shape=(12,), name="bias")
        self.norm.build((*input_shape[:-1], 12))

    def call(self, inputs, training=None):
        x = keras.ops.matmul(inputs, self.first)
        x = x + keras.ops.matmul(keras.ops.matmul(x, keras.ops.transpose(self.second)), self.second)
        return self.drop(self.norm(x + self.bias, training=training), training=training)

    def get_config(self):
        return super().get_config() | {"kind": self.kind}

    def get_prunable_weights(self):
        return {
            "plain": [self.first],
            "axis": [(self.second, 0)],
            "several": [self.first, (self.second, -2)],
            "none": [],
            "missing": None,
            "bare": self.first,
            "flat": [self.bias],
            "far": [(self.first, 2)],
            "words": ["first"],
            "triple": [(self.first, -1, 4)],
            "foreign": [keras.Variable(np.ones((4, 8)), name="foreign")],
            "integer": [keras.Variable(np.ones((4, 8)), dtype="int8", name="integer")],
        }[self.kind] if self.built else None  # fmt: skip


KINDS = {  # a layer of 10 or 12 channels, its input's shape, channel axes of its pruned weights
    "dense": (lambda: layers.Dense(10, name="x"), (6,), [-1]),
    "dense over time": (lambda: layers.Dense(10, name="x"), (5, 6), [-1]),
    "conv1d": (lambda: layers.Conv1D(10, 3, name="x"), (7, 4), [-1]),
    "conv2d": (lambda: layers.Conv2D(10, 3, dilation_rate=2, name="x"), (7, 6, 4), [-1]),
    "transposed 1d": (lambda: layers.Conv1DTranspose(10, 3, 2, name="x"), (7, 4), [-2]),
    "transposed 2d": (lambda: layers.Conv2DTranspose(10, 3, name="x"), (5, 6, 4), [-2]),
    "separable 1d": (lambda: layers.SeparableConv1D(10, 3, name="x"), (7, 4), [-1]),
    "separable 2d": (lambda: layers.SeparableConv2D(10, 3, name="x"), (7, 6, 4), [-1]),
    "custom": (lambda: Custom(name="x"), (6,), [-1]),
    "custom, another axis": (lambda: Custom("axis", name="x"), (6,), [-2]),
    "custom, two weights": (lambda: Custom("several", name="x"), (5, 6), [-1, -2]),
}


def model_of(layer, shape):
    """The layer in the middle, random weights, 5 classes."""
    inputs = keras.Input(shape)
    x = layers.Flatten()(layer(inputs))
    model = keras.Model(inputs, layers.Dense(5, name="top")(x))
    rng = np.random.default_rng(4)
    for weight in layer.trainable_weights:
        weight.assign(rng.uniform(-1.0, 1.0, weight.shape))
    return model


def batch(shape, samples=8):
    return np.random.default_rng(2).normal(size=(samples, *shape)).astype(np.float32)


def lanes_last(array, axis):
    """[..., channels], by means other than the package's."""
    return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])


@pytest.mark.parametrize(("kind", "n"), zip(KINDS, cycle([1, 3, 4])))
def test_masks_and_exact_zeros(kind, n):
    make, shape, axes = KINDS[kind]
    model = model_of(make(), shape)
    pruned = ubp.prune(model, ONE_SHOT, ubp.UnalignedBlock(n), layers="x")
    layer = pruned.get_layer("x")
    assert [kernel.channel_axis for kernel in layer.kernels] == axes
    final = ubp.strip(pruned)
    by_path = dict(zip([w.path for w in layer.layer.weights], final.get_layer("x").get_weights(),
                       strict=True))  # fmt: skip
    for kernel in layer.kernels:
        mask = lanes_last(kernel.mask.numpy(), kernel.channel_axis)
        assert mask.sum() == expected_kept(*mask.shape, n, 0.75)
        assert_blocks(mask, n)
        stored = lanes_last(kernel.variable.numpy(), kernel.channel_axis)
        chosen = ubp.select_blocks(np.abs(stored), n, sparsity=0.75)
        np.testing.assert_array_equal(mask, chosen.mask())
        np.testing.assert_array_equal(
            lanes_last(by_path[kernel.variable.path], kernel.channel_axis), stored * mask
        )
    x = batch(shape)
    np.testing.assert_array_equal(np.asarray(final(x)), np.asarray(pruned(x)))
    assert np.abs(np.asarray(final(x)) - np.asarray(model(x))).max() > 1e-3


@pytest.mark.parametrize(("kind", "gradients"), zip(KINDS, cycle(["masked", "straight_through"])))
def test_training_and_saving(kind, gradients, tmp_path):
    make, shape, _ = KINDS[kind]
    pruned = ubp.prune(model_of(make(), shape), ONE_SHOT, layers="x", gradients=gradients)
    compiled(pruned, jit_compile=False)
    pruned.fit(batch(shape), np.arange(8) % 5, verbose=0, callbacks=[ubp.UpdatePruning()])
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    x = batch(shape)
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(pruned(x)))
    np.testing.assert_array_equal(np.asarray(ubp.strip(loaded)(x)), np.asarray(pruned(x)))
    for kernel in loaded.get_layer("x").kernels:
        assert not kernel.variable.numpy()[~kernel.mask.numpy()].any()


def test_a_pruned_layer_trains_as_the_layer_does():
    """Statistics and random states that the wrapped layer keeps go on as without the wrapper."""
    x, y = batch((6,)), np.arange(8) % 5
    plain = compiled(model_of(Custom(name="x"), (6,)), jit_compile=False)
    pruned = compiled(ubp.prune(plain, LATER), jit_compile=False)
    plain.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    pruned.fit(
        x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[ubp.UpdatePruning()]
    )
    for theirs, ours in zip(plain.weights, ubp.strip(pruned).weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, err_msg=ours.path)
    seed = pruned.get_layer("x").layer.drop.seed_generator.state
    np.testing.assert_array_equal(seed, plain.get_layer("x").drop.seed_generator.state)
    assert pruned.get_layer("x").layer.norm.moving_mean.numpy().any()


def test_names_of_several_kernels():
    layer = ubp.prune(model_of(Custom("several", name="x"), (6,)), ONE_SHOT).get_layer("x")
    assert [kernel.name for kernel in layer.kernels] == ["x/first", "x/second"]
    assert [kernel.mask.name for kernel in layer.kernels] == ["first_mask", "second_mask"]
    assert layer.sparsity == pytest.approx(1 - 4 * (4 + 6) / (6 * 12 + 12 * 8))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("none", r"get_prunable_weights\(\) returned no weight; expected a list"),
        ("missing", r"get_prunable_weights\(\) returned a NoneType; expected a list of weights"),
        ("bare", r"get_prunable_weights\(\) returned a \w*Variable; expected a list of weights"),
        (
            "flat",
            r"weight 'bias' has the shape \(12,\) and output channels on axis -1; expected tw",
        ),
        ("far", r"weight 'first' has the shape \(6, 12\) and output channels on axis 2; expected"),
        ("words", "not a plain variable, but str"),
        ("triple", "not a plain variable, but tuple"),
        ("foreign", r"returned '.*foreign', which is not one of its weights"),
        ("integer", r"weight 'integer' is int8; expected a float type"),
    ],
)
def test_bad_answers_of_custom_layers(kind, message):
    model = model_of(Custom(kind, name="x"), (6,))
    with pytest.raises(ValueError, match=f"layer 'x' cannot be pruned: its .*{message}"):
        ubp.prune(model, ONE_SHOT, layers=["x"])
    if kind != "none":
        return
    late = ubp.prune(Custom(kind, name="x"), ONE_SHOT)  # not built: nothing is known yet
    with pytest.raises(ValueError, match=f"layer 'x' cannot be pruned: its .*{message}"):
        late(batch((6,)))


@keras.saving.register_keras_serializable(package="tests")
class Bare(layers.Layer):
    """Without build_from_config's help and without compute_output_shape; `call` as given."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(6, 8), name="kernel")

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)

    def get_prunable_weights(self):
        return [self.kernel]


class TwoInputs(Bare):
    def call(self, inputs, others):
        return keras.ops.matmul(inputs + others, self.kernel)


def test_custom_layer_without_compute_output_shape():
    pruned = ubp.prune(model_of(Bare(name="x"), (6,)), ONE_SHOT)
    assert ubp.strip(pruned)(batch((6,))).shape == (8, 5)


def test_layers_of_several_arguments_are_refused():
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dense(5)(TwoInputs(name="x")(inputs, inputs)))
    with pytest.raises(ValueError, match=r"'x' cannot be pruned: its call\(\) takes 2 arguments, "
                       "inputs, others; only layers"):  # fmt: skip
        ubp.prune(model, ONE_SHOT, layers="x")


def test_quantised_kernel_is_refused():
    model = model_of(layers.Dense(8, name="x"), (6,))
    model.get_layer("x").quantize("int8")
    with pytest.raises(ValueError, match="'x' cannot be pruned: its weight 'kernel' is int8"):
        ubp.prune(model, ONE_SHOT, layers="x")
