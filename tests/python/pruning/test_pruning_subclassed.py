# SPDX-License-Identifier: Apache-2.0
"""prune, training, saving and strip of subclassed models, also nested ones."""

from __future__ import annotations

from collections import namedtuple

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import (
    assert_blocks,
    assert_sparsity,
    assert_stored_kernels_masked,
    compiled,
    data,
    mask_of,
    outputs,
)
from subclassed_models import (
    BLOCKS,
    GRADUAL,
    ONE_SHOT,
    Block,
    Network,
    Wrapped,
    batch,
    built_by_fit,
    built_symbolically,
    called,
    names,
)

import ubp
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers
from ubp.pruning.layers.walking import iterate_layers

TARGETS = ["conv_0", "conv_1", "main", "one", "hidden"]


def weights_of(model):
    return [weight.numpy() for weight in model.weights]


@pytest.mark.parametrize("build", [called, built_by_fit, built_symbolically])
def test_pruning_masks_layers_wherever_they_are_held(build):
    model = build(Network())
    before, result = weights_of(model), outputs(model)
    pruned = ubp.prune(model, ONE_SHOT)
    assert names(pruned) == TARGETS
    assert_sparsity(pruned, BLOCKS, 0.75)
    assert isinstance(pruned, Network) and pruned.name == model.name
    assert isinstance(pruned.convs[1], PrunedLayer)
    final = ubp.strip(pruned)
    assert pruned_layers(final) == []
    np.testing.assert_array_equal(outputs(final), outputs(pruned))
    # The original is as it was, and its kernels masked by hand give the same.
    assert all(map(np.array_equal, weights_of(model), before))
    np.testing.assert_array_equal(outputs(model), result)
    by_name = {layer.name: layer for layer in iterate_layers(model)}
    for layer in pruned_layers(pruned):
        kernel = by_name[layer.name].kernel
        kernel.assign(np.where(layer.kernels[0].mask.numpy(), kernel.numpy(), 0))
    np.testing.assert_array_equal(outputs(final), outputs(model))


def test_a_copy_without_changes_computes_the_same_eagerly_and_compiled():
    model = called(Network(12))
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.9, begin_step=10))
    np.testing.assert_array_equal(outputs(pruned), outputs(model))
    images = batch(6)  # another size than the one the model was called on
    for each in (model, pruned, ubp.strip(pruned)):
        each.compile(jit_compile=False)
    expected = model.predict(images, verbose=0)
    np.testing.assert_array_equal(pruned.predict(images, verbose=0), expected)
    np.testing.assert_array_equal(ubp.strip(pruned).predict(images, verbose=0), expected)


@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
def test_training_follows_the_schedule(gradients):
    model = compiled(called(Network()))
    pruned = ubp.prune(model, GRADUAL, gradients=gradients)
    assert pruned.compiled
    start = pruned.stem.get_weights()
    history = pruned.fit(
        *data(32), batch_size=8, epochs=3, verbose=0, callbacks=[ubp.UpdatePruning()]
    )
    assert history.history["sparsity"][-1] == pytest.approx(0.75, abs=0.01)
    assert_sparsity(pruned, BLOCKS, 0.75)
    assert not np.array_equal(pruned.stem.get_weights()[0], start[0])
    assert int(pruned.convs[0].step.numpy()) == 12
    final = ubp.strip(pruned)
    np.testing.assert_array_equal(outputs(final), outputs(pruned))
    assert np.mean(final.convs[0].kernel.numpy() == 0) >= 0.75


def test_saved_weights_resume_in_a_model_pruned_the_same_way(tmp_path):
    path = tmp_path / "pruned.weights.h5"
    pruned = ubp.prune(compiled(called(Network())), GRADUAL)
    pruned.fit(*data(32), batch_size=8, verbose=0, callbacks=[ubp.UpdatePruning()])
    pruned.save_weights(path)
    other = ubp.prune(called(Network()), GRADUAL)
    other.load_weights(path)
    assert all(map(np.array_equal, weights_of(pruned), weights_of(other)))
    np.testing.assert_array_equal(outputs(other), outputs(pruned))
    other.set_weights(pruned.get_weights())  # in the same order, too
    np.testing.assert_array_equal(outputs(other), outputs(pruned))


def test_keras_file_of_a_pruned_model_holds_its_weights(tmp_path):
    path = tmp_path / "pruned.keras"
    pruned = ubp.prune(called(Network()), ONE_SHOT)
    pruned.save(path)
    with pytest.raises(ValueError, match="expected"):
        keras.saving.load_model(path)  # Network's own __init__ makes ordinary layers
    other = ubp.prune(called(Network()), ONE_SHOT)
    other.load_weights(path)
    np.testing.assert_array_equal(outputs(other), outputs(pruned))


def test_keras_file_of_a_stripped_model_is_an_ordinary_one(tmp_path):
    final = ubp.strip(ubp.prune(called(Network()), ONE_SHOT))
    final.save(tmp_path / "final.keras")
    loaded = keras.saving.load_model(tmp_path / "final.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(final))


def test_layers_that_init_wraps_are_trained_saved_and_stripped(tmp_path):
    model = compiled(called(Wrapped()))
    model.fit(*data(32), batch_size=8, epochs=2, verbose=0, callbacks=[ubp.UpdatePruning()])
    assert names(model) == ["wrapped"]
    assert_sparsity(model, BLOCKS, 0.75)
    model.save(tmp_path / "wrapped.keras")
    loaded = keras.saving.load_model(tmp_path / "wrapped.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    final = ubp.strip(loaded)
    assert type(final.dense) is layers.Dense
    np.testing.assert_array_equal(outputs(final), outputs(model))
    with pytest.raises(ValueError, match="already pruned"):
        ubp.prune(model, ONE_SHOT)


def test_subclassed_in_functional_in_subclassed():
    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            inputs = keras.Input((8, 8, 2))
            x = layers.Conv2D(8, 3, name="outer_stem")(inputs)
            body = layers.Flatten()(Block(8)(x))
            self.body = keras.Model(inputs, layers.Dense(8, name="body_dense")(body), name="body")
            self.top = layers.Dense(5, name="top")

        def call(self, x):
            return self.top(self.body(x))

    model = called(Outer())
    pruned = ubp.prune(model, ONE_SHOT)
    assert len(names(pruned)) == 3 and names(pruned)[-1] == "body_dense"
    assert_sparsity(pruned, BLOCKS, 0.75)
    np.testing.assert_array_equal(outputs(ubp.strip(pruned)), outputs(pruned))

    inputs = keras.Input((8, 8, 2))
    functional = keras.Model(inputs, layers.Dense(3, name="last")(layers.ReLU()(model(inputs))))
    pruned = ubp.prune(functional, ONE_SHOT)
    assert len(names(pruned)) == 4 and names(pruned)[-1] == "top"
    np.testing.assert_array_equal(outputs(ubp.strip(pruned)), outputs(pruned))


def test_shared_layers_stay_shared():
    Pair = namedtuple("Pair", "first second")

    class Shared(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(8, name="shared")
            self.block = Block(8)
            self.pair = Pair(self.dense, [self.block, self.dense])
            self.last = layers.Dense(5)

        def call(self, x):
            x = self.pair.second[0](self.block(self.dense(x)))
            return self.last(layers.Flatten()(self.pair.first(x)))

    model = called(Shared(), batch()[..., :1].repeat(8, -1))
    pruned = ubp.prune(model, ONE_SHOT)
    assert pruned.pair.first is pruned.dense is pruned.pair.second[1]
    assert pruned.block is pruned.pair.second[0]
    final = ubp.strip(pruned)
    assert final.pair.first is final.dense
    assert len(final.weights) == len(model.weights)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(final(images), pruned(images))


def test_several_inputs_of_other_types():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.embed = layers.Embedding(10, 8)
            self.mix = layers.Dense(8, name="mix")
            self.last = layers.Dense(2)

        def call(self, inputs, weight):
            words = keras.ops.one_hot(inputs["words"], 10)  # needs integers
            x = self.mix(keras.ops.concatenate([words, self.embed(inputs["words"])], axis=-1))
            return self.last(x * weight)

    words, weight = np.array([[1, 2], [3, 9]]), np.full((2, 2, 8), 0.5, np.float32)
    model = called(Two(), {"words": words}, weight)
    pruned = ubp.prune(model, ONE_SHOT)
    assert names(pruned) == ["mix"]
    final = ubp.strip(pruned)
    result = pruned({"words": words}, weight)
    np.testing.assert_array_equal(final({"words": words}, weight), result)
    assert not np.array_equal(model({"words": words}, weight), result)


def test_dtype_policies_and_trainable_flags_are_kept():
    class Mixed(keras.Model):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.half = layers.Dense(8, name="half", dtype="mixed_bfloat16")
            self.frozen = layers.Dense(8, name="frozen", trainable=False)
            self.last = layers.Dense(5, dtype="float32")

        def call(self, x):
            return self.last(self.frozen(self.half(layers.Flatten()(x))))

    model = called(Mixed())
    pruned = ubp.prune(model, ONE_SHOT)
    final = ubp.strip(pruned)
    for copy in (pruned, final):
        assert copy.dtype_policy.name == "mixed_bfloat16" == copy.half.dtype_policy.name
        assert copy.last.dtype_policy.name == "float32"
        assert len(copy.trainable_weights) == len(model.trainable_weights) == 4
    np.testing.assert_array_equal(outputs(final), outputs(pruned))
    model.trainable = False
    assert ubp.strip(ubp.prune(model, ONE_SHOT)).trainable_weights == []


def test_masks_are_blocks_after_every_epoch():
    class Check(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for layer in pruned_layers(self.model):
                assert_blocks(mask_of(layer), 4)
            assert_stored_kernels_masked(self.model)

    pruned = ubp.prune(compiled(called(Network())), GRADUAL)
    callbacks = [ubp.UpdatePruning(), Check()]
    pruned.fit(*data(32), batch_size=8, epochs=3, verbose=0, callbacks=callbacks)
