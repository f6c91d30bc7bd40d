# SPDX-License-Identifier: Apache-2.0
"""prune and strip without training: which layers, which masks, what the copies are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import (
    FUNCTIONAL_TARGETS,
    assert_blocks,
    assert_sparsity,
    compiled,
    functional_model,
    mask_of,
    outputs,
    sequential_model,
)

import ubp
from ubp.lanes import to_lanes
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers

ONE_SHOT = ubp.ConstantSparsity(0.75)


def names(model):
    return [layer.name for layer in pruned_layers(model)]


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_default_layers(make):
    expected = FUNCTIONAL_TARGETS if make is functional_model else ["conv_1x1", "hidden"]
    assert names(ubp.prune(make(), ONE_SHOT)) == expected


@pytest.mark.parametrize(
    "pattern",
    [ubp.UnalignedBlock(4), ubp.UnalignedBlock(2), ubp.AlignedBlock(4), ubp.Unstructured()],
    ids=str,
)
@pytest.mark.parametrize("sparsity", [0.5, 0.8])
def test_masks_at_step_zero(pattern, sparsity):
    pruned = ubp.prune(functional_model(), ubp.ConstantSparsity(sparsity), pattern)
    assert_sparsity(pruned, pattern, sparsity)
    if isinstance(pattern, ubp.AlignedBlock):
        for layer in pruned_layers(pruned):
            assert_blocks(mask_of(layer), 4, aligned=True)


@pytest.mark.parametrize("method", ["optimal", "bed", "greedy", "aligned"])
def test_masks_are_those_of_the_selection(method):
    model = functional_model()
    pruned = ubp.prune(model, ONE_SHOT, method=method)
    for layer in pruned_layers(pruned):
        importance = np.abs(to_lanes(model.get_layer(layer.name).kernel.numpy(), -1))
        selection = ubp.select_blocks(importance, 4, sparsity=0.75, method=method)
        np.testing.assert_array_equal(mask_of(layer), selection.mask())


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_before_the_first_update_nothing_changes(make):
    model = make()
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.9, begin_step=10))
    np.testing.assert_array_equal(outputs(pruned), outputs(model))


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_original_is_untouched(make):
    model = compiled(make())
    before, config, result = model.get_weights(), model.get_config(), outputs(model)
    ubp.strip(ubp.prune(model, ONE_SHOT))
    assert model.get_config() == config
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    np.testing.assert_array_equal(outputs(model), result)
    for layer in model.layers:
        assert layer.output is not None  # fails if copying had called the layer a second time


@pytest.mark.parametrize("make", [functional_model, sequential_model])
@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
def test_one_shot_pruning_is_masking_by_hand(make, gradients):
    model = make()
    pruned = ubp.prune(model, ONE_SHOT, gradients=gradients)
    final = ubp.strip(pruned)
    for layer in pruned_layers(pruned):
        kernel = model.get_layer(layer.name).kernel
        kernel.assign(np.where(layer.kernels[0].mask.numpy(), kernel.numpy(), 0))
    np.testing.assert_array_equal(outputs(final), outputs(model))
    np.testing.assert_array_equal(outputs(pruned), outputs(model))
    assert all(
        np.array_equal(a, b) for a, b in zip(final.get_weights(), model.get_weights(), strict=True)
    )


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_strip_gives_an_ordinary_model_of_the_same_structure(make):
    model = make()
    final = ubp.strip(ubp.prune(model, ONE_SHOT))
    assert type(final) is type(model)
    assert [type(layer) for layer in final.layers] == [type(layer) for layer in model.layers]
    assert [layer.name for layer in final.layers] == [layer.name for layer in model.layers]
    assert final.name == model.name
    assert [given.name for given in final.inputs] == [given.name for given in model.inputs]


def test_layers_by_name_override_the_default():
    pruned = ubp.prune(functional_model(), ONE_SHOT, layers=["classifier", "stem"])
    assert names(pruned) == ["stem", "classifier"]


def test_convolution_as_classifier_stays_dense():
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(8, 3)(inputs)
    x = layers.Conv2D(8, 1, name="middle")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(8, 1, name="conv_preds")(x)
    model = keras.Model(inputs, layers.Softmax()(layers.Reshape((8,))(x)))
    assert names(ubp.prune(model, ONE_SHOT)) == ["middle"]


def test_layers_that_cannot_be_pruned_stay_dense():
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, name="stem")(inputs)
    x = layers.Conv2D(8, 3, groups=2, name="grouped")(x)
    x = layers.Conv2D(3, 1, name="narrow")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.Conv2D(8, 1, name="ordinary")(x)
    model = keras.Model(inputs, layers.Dense(5)(layers.Flatten()(x)))
    assert names(ubp.prune(model, ONE_SHOT)) == ["ordinary"]


def test_nested_models_are_pruned_inside():
    backbone = functional_model()
    inputs = keras.Input((8, 8, 2))
    body = keras.Model(backbone.input, backbone.get_layer("hidden").output, name="backbone")
    head = keras.Sequential([keras.Input((16,)), layers.Dense(8, name="head_hidden")], name="head")
    model = keras.Model(inputs, layers.Dense(5, name="top")(head(body(inputs))))
    pruned = ubp.prune(model, ONE_SHOT)
    assert names(pruned) == [*FUNCTIONAL_TARGETS, "head_hidden"]
    assert isinstance(pruned.get_layer("backbone").get_layer("conv_3x3"), PrunedLayer)
    final = ubp.strip(pruned)
    assert isinstance(final.get_layer("head").get_layer("head_hidden"), layers.Dense)
    np.testing.assert_array_equal(outputs(final), outputs(pruned))


def test_shared_layers_stay_shared():
    first, second = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    shared = layers.Dense(8, name="shared")
    x = layers.Concatenate()([shared(first), shared(second)])
    model = keras.Model({"a": first, "b": second}, layers.Dense(2)(x))
    final = ubp.strip(ubp.prune(model, ONE_SHOT))
    assert len(final.weights) == len(model.weights)
    batch = {"a": np.ones((1, 8), np.float32), "b": np.zeros((1, 8), np.float32)}
    assert final(batch).shape == (1, 2)


def test_trainable_flags_are_kept():
    model = functional_model()
    model.get_layer("conv_3x3").trainable = False
    model.get_layer("stem").trainable = False
    pruned = ubp.prune(model, ONE_SHOT)
    assert len(pruned.trainable_weights) == len(model.trainable_weights)
    assert len(ubp.strip(pruned).trainable_weights) == len(model.trainable_weights)


def test_compilation_is_copied():
    model = compiled(sequential_model(), metrics=["accuracy"], jit_compile=False)
    pruned = ubp.prune(model, ONE_SHOT)
    assert pruned.compiled and isinstance(pruned.optimizer, keras.optimizers.Adam)
    assert pruned.optimizer is not model.optimizer
    assert float(pruned.optimizer.learning_rate) == pytest.approx(0.01)
    assert ubp.strip(pruned).compiled
    assert not ubp.prune(sequential_model(), ONE_SHOT).compiled


def test_compilation_that_keras_cannot_copy_is_warned_of():
    def own_loss(truth, prediction):
        return keras.ops.mean(prediction)

    model = sequential_model()
    model.compile("sgd", loss=own_loss)
    with pytest.warns(UserWarning, match="copy of model 'plain' is not compiled.*call compile"):
        pruned = ubp.prune(model, ONE_SHOT)
    assert not pruned.compiled


def test_subclass_of_a_functional_model_is_warned_of():
    class Own(keras.Model):
        def __init__(self):
            base = sequential_model()
            super().__init__(base.inputs, base.outputs)

    with pytest.warns(UserWarning, match="without the methods of Own"):
        ubp.prune(Own(), ONE_SHOT)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(8)

    def call(self, inputs):
        return self.dense(inputs)


def unbuilt():
    return keras.Sequential([layers.Dense(8), layers.Dense(8)], name="late")


@pytest.mark.parametrize("function", [lambda model: ubp.prune(model, ONE_SHOT), ubp.strip])
def test_models_that_cannot_be_copied_are_refused(function):
    with pytest.raises(
        ValueError, match=r"model 'subclassed.*' .Subclassed. is not built; call it on a batch"
    ):
        function(Subclassed())
    with pytest.raises(ValueError, match=r"'late' is not built; begin it with a keras.Input"):
        function(unbuilt())
    with pytest.raises(TypeError, match=r"is a builtins\.str; expected a Keras 3 model"):
        function("model.keras")


def test_tf_keras_model_is_refused():
    tf_keras = pytest.importorskip("tf_keras")
    model = tf_keras.Sequential([tf_keras.layers.Dense(8, input_shape=(4,))])
    with pytest.raises(TypeError, match=r"tf_keras; rebuild it in Keras 3, or prune it with"):
        ubp.prune(model, ONE_SHOT)


def test_sequential_built_later_is_accepted():
    model = keras.Sequential([layers.Dense(8, name="first"), layers.Dense(8)])
    model.build((None, 6))
    assert names(ubp.prune(model, ONE_SHOT)) == ["first"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layers": ["nope"]}, ValueError, "no layer named 'nope'; .* stem, norm, conv_3x3"),
        ({"layers": ["depthwise"]}, ValueError, "'depthwise' cannot be pruned: .*DepthwiseConv2D"),
        ({"layers": ["classifier"], "pattern": ubp.UnalignedBlock(8)}, ValueError,
         "'classifier' cannot be pruned: it has 5 output channels, fewer than a block of 8"),
        ({"layers": []}, ValueError, "layers leaves all layers of model"),
        ({"layers": 3}, TypeError, "layers is 3; expected names of layers"),
        ({"pattern": ubp.UnalignedBlock(32)}, ValueError, "has no layer to prune.*at least 32"),
        ({"pattern": ubp.AlignedBlock(8)}, ValueError,
         r"'conv_3x3' has 12 output channels, not a multiple of 8.*last 4.*UnalignedBlock\(8\)"),
        ({"pattern": ubp.UnalignedBlock(8), "method": "aligned"}, ValueError,
         "'conv_3x3' has 12 output channels, not a multiple of 8"),
        ({"method": "best"}, ValueError, "method is 'best'; expected one of"),
        ({"gradients": "dense"}, ValueError, "gradients is 'dense'; expected one of masked"),
        ({"schedule": 0.8}, TypeError, "expected a schedule such as"),
        ({"pattern": 4}, TypeError, r"pattern is 4; expected UnalignedBlock\(4\)"),
        ({"pattern": ubp.AlignedBlock(4), "method": "bed"}, ValueError,
         r"method is 'bed', which chooses unaligned blocks.*use UnalignedBlock\(4\)"),
        ({"importance": "size"}, ValueError, "importance is 'size'; expected one of magnitude"),
        ({"importance": 3}, TypeError, "importance is 3; expected one of magnitude"),
        ({"importance": "gradient"}, ValueError, "has an update at step 0.*begin at step 2"),
        ({"importance": "gradient", "schedule": ubp.ConstantSparsity(0.5, begin_step=1)},
         ValueError, "has an update at step 1.*begin at step 2"),
        ({"scope": "model"}, ValueError, "scope is 'model'; expected one of layer, global, laten"),
        ({"scope": 0.5}, TypeError, "scope is 0.5; expected one of layer, global, latency"),
        ({"layers": ["conv_3x3"], "pattern": ubp.UnalignedBlock(13)}, ValueError,
         "'conv_3x3' cannot be pruned: it has 12 output channels, fewer than a block of 13"),
    ],
)  # fmt: skip
def test_mistakes_end_in_a_clear_sentence(arguments, error, message):
    with pytest.raises(error, match=message):
        ubp.prune(**({"model": functional_model(), "schedule": ONE_SHOT} | arguments))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: ubp.ConstantSparsity(1.2), r"target_sparsity is 1.2; expected .* in \[0, 1\)"),
        (lambda: ubp.PolynomialDecay(0, 0.8, 20, 10), "end_step 10 comes before begin_step 20"),
        (lambda: ubp.UnalignedBlock(0), "UnalignedBlock: block_size is 0; expected a whole number"),
        (lambda: ubp.GlobalBudget(normalize="size"), "GlobalBudget: normalize is 'size'; expecte"),
        (lambda: ubp.LatencyBudget(min_density=0.5, max_density=0.1),
         "LatencyBudget: min_density is 0.5 and max_density 0.1; expected 0 <= min_density"),
    ],
)  # fmt: skip
def test_mistakes_in_what_is_given_to_prune(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_pruning_twice_is_refused():
    with pytest.raises(ValueError, match=r"'plain' is already pruned; call ubp.strip"):
        ubp.prune(ubp.prune(sequential_model(), ONE_SHOT), ONE_SHOT)


def test_stripping_an_ordinary_model_is_refused():
    with pytest.raises(ValueError, match="'plain' has no pruned layer; expected a model from"):
        ubp.strip(sequential_model())


def test_kernel_that_is_not_finite_is_named():
    model = sequential_model()
    model.get_layer("hidden").kernel.assign(np.full((360, 16), np.nan))
    with pytest.raises(ValueError, match=r"layer 'hidden': its mask cannot be updated: .*nan"):
        ubp.prune(model, ONE_SHOT)


def test_low_rank_adaptation_is_refused():
    model = sequential_model()
    model.get_layer("hidden").enable_lora(2)
    with pytest.raises(ValueError, match="'hidden' cannot be pruned: its kernel is not a plain"):
        ubp.prune(model, ONE_SHOT, layers=["hidden"])


def test_adapted_normalization_is_copied():
    normalization = layers.Normalization()
    x = np.random.default_rng(0).normal(3, 2, (16, 6)).astype(np.float32)
    normalization.adapt(x)
    entry = keras.Input((6,))
    hidden = layers.Dense(8)(normalization(entry))
    model = keras.Model(entry, layers.Dense(2)(hidden))
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.0))
    for copy in (pruned, ubp.strip(pruned)):
        np.testing.assert_allclose(np.asarray(copy(x)), np.asarray(model(x)), rtol=1e-6)
