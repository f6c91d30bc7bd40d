# SPDX-License-Identifier: Apache-2.0
"""Walking and copying models with layers in attributes, without pruning's part in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import assert_sparsity, outputs
from subclassed_models import (
    BLOCKS,
    ONE_SHOT,
    Block,
    BuiltByBuild,
    Network,
    RunsEagerly,
    called,
    late_model,
    names,
)

import ubp
from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.walking import iterate_layers


def test_the_copy_has_the_structure_of_the_original():
    model = called(Network())
    final = ubp.strip(ubp.prune(model, ONE_SHOT))
    assert [weight.path for weight in final.weights if "sequential" not in weight.path] == [
        weight.path for weight in model.weights if "sequential" not in weight.path
    ]
    assert [type(layer) for layer in final.layers] == [type(layer) for layer in model.layers]
    assert [layer.name for layer in iterate_layers(final)] == [
        layer.name for layer in iterate_layers(model)
    ]
    assert all(layer.built for layer in iterate_layers(final)) and final.built
    assert final.get_build_config() == model.get_build_config()
    assert final.count_params() == model.count_params()
    np.testing.assert_array_equal(final.block.scale, model.block.scale)


def test_layers_are_listed_once_and_in_order():
    model = called(Network())
    listed = [layer.name for layer in iterate_layers(model)]
    assert listed[:6] == ["stem", "conv_0", "conv_1", "norm_0", "norm_1", "main"]
    assert listed[-3:] == ["hidden", model.drop.name, "classifier"]
    assert len(set(map(id, iterate_layers(model)))) == len(listed)


def test_ready_made_layers_are_not_entered():
    class Attention(layers.MultiHeadAttention):
        pass

    inputs = keras.Input((6, 8))
    x = layers.Dense(8, name="dense")(Attention(2, 4)(inputs, inputs))
    x = layers.Bidirectional(layers.LSTM(4))(layers.TimeDistributed(layers.Dense(8))(x))
    model = keras.Model(inputs, layers.Dense(3)(x))
    assert list(iterate_layers(model)) == model.layers
    assert names(ubp.prune(model, ONE_SHOT)) == ["dense"]


def test_layers_that_are_pruned_as_a_whole_are_not_entered():
    class Whole(Block):
        def get_prunable_weights(self):
            return [self.main.kernel]

    inputs = keras.Input((8, 8, 2))
    model = keras.Model(inputs, Whole(8)(inputs))
    assert list(iterate_layers(model)) == model.layers


@pytest.mark.parametrize("make", [BuiltByBuild, RunsEagerly])
def test_other_ways_to_build(make):
    vectors = np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)
    model = make()
    model.build((None, 12)) if make is BuiltByBuild else model(vectors)
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.75, begin_step=3))
    np.testing.assert_array_equal(pruned(vectors), model(vectors))
    pruned = ubp.prune(model, ONE_SHOT)
    assert_sparsity(pruned, BLOCKS, 0.75)
    final = ubp.strip(pruned)
    np.testing.assert_array_equal(final(vectors), pruned(vectors))
    assert [weight.path for weight in final.weights] == [weight.path for weight in model.weights]


def test_layers_made_in_build_are_copied_but_cannot_be_replaced():
    model = called(late_model(), np.ones((1, 12), np.float32))
    vectors = np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)
    pruned = ubp.prune(model, ONE_SHOT, layers=["first", "early"])
    final = ubp.strip(pruned)
    np.testing.assert_array_equal(final(vectors), pruned(vectors))
    np.testing.assert_array_equal(final.get_layer("both").late.kernel, model.layers[2].late.kernel)
    with pytest.raises(
        TypeError,
        match=r"layer 'late' .Dense. cannot be replaced by a PrunedLayer, because it is not made "
        r"in __init__\(\) of layer 'both' .Late.; make it there, or leave it out with layers=",
    ):
        ubp.prune(model, ONE_SHOT)


def test_plain_copies_of_layers_with_few_arguments():
    copy = copy_layer(called(Block(8)))
    assert isinstance(copy, Block) and not copy.built
    model = called(Network())
    copy = copy_model(model, copy_layer)
    copy.set_weights(model.get_weights())  # lists are in the same order
    np.testing.assert_array_equal(outputs(copy), outputs(model))


def test_adapted_normalization_is_copied():
    vectors = np.random.default_rng(0).normal(3, 2, size=(9, 12)).astype(np.float32)
    norm = layers.Normalization()
    norm.adapt(vectors)
    copy = copy_layer(norm)
    copy.build_from_config(norm.get_build_config())
    set_weights(copy, norm.get_weights())
    np.testing.assert_array_equal(copy(vectors), norm(vectors))


def test_permute_channels_takes_containers_as_a_whole():
    inputs = keras.Input((8, 8, 2))
    x = Block(8)(layers.Conv2D(8, 1, name="before")(inputs))
    x = layers.Dense(8, name="mixed")(layers.GlobalAveragePooling2D()(x))
    model = called(keras.Model(inputs, layers.Dense(3)(x)))
    permuted = ubp.permute_channels(model, progress=False).model
    np.testing.assert_allclose(outputs(permuted), outputs(model), rtol=1e-4, atol=1e-4)
    with pytest.raises(TypeError, match=r"'network.*' is a subclassed model .Network.*functional"):
        ubp.permute_channels(called(Network()))
