# SPDX-License-Identifier: Apache-2.0
"""prune and strip of single layers and of lists of layers, to make models of."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import assert_blocks, compiled, data, mask_of, outputs, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers

ONE_SHOT = ubp.ConstantSparsity(0.75)


def test_built_layer_keeps_its_weights_and_has_its_mask():
    layer = sequential_model().get_layer("hidden")
    before = layer.get_weights()
    pruned = ubp.prune(layer, ONE_SHOT)
    assert (pruned.name, pruned.built) == ("hidden", True)
    chosen = ubp.select_blocks(np.abs(before[0]), 4, sparsity=0.75)
    np.testing.assert_array_equal(mask_of(pruned), chosen.mask())
    for ours, original, expected in zip(
        ubp.strip(pruned).get_weights(), layer.get_weights(),
        [before[0] * chosen.mask(), before[1]], strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(ours, expected)
        assert any(np.array_equal(original, each) for each in before)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.features = ubp.prune([layers.Conv2D(8, 3), layers.Flatten()], ONE_SHOT)
        self.hidden = ubp.prune(layers.Dense(16, name="hidden"), ONE_SHOT)
        self.top = layers.Dense(5)

    def call(self, inputs):
        for layer in self.features:
            inputs = layer(inputs)
        return self.top(self.hidden(inputs))


def sequential():
    body = ubp.prune([layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(16)], ONE_SHOT)
    return keras.Sequential([*body, layers.Dense(5)])


@pytest.mark.parametrize("make", [sequential, Subclassed])
def test_layers_that_are_built_later(make, tmp_path):
    """The masks of step 0 are chosen when training begins."""
    model = compiled(make(), jit_compile=False)
    model(data()[0])
    assert [layer.sparsity for layer in pruned_layers(model)] == [0.0, 0.0]
    model.fit(*data(), batch_size=16, verbose=0, callbacks=[ubp.UpdatePruning()])
    for layer in pruned_layers(model):
        kernel = layer.kernels[0]
        assert layer.sparsity == pytest.approx(0.75, abs=0.02)
        assert_blocks(mask_of(layer), 4)
        assert not kernel.variable.numpy()[~kernel.mask.numpy()].any()
        assert int(layer.step) == 2
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(model))


def test_in_a_list_what_cannot_be_pruned_is_copied():
    given = [
        layers.Conv2D(8, 3), layers.ReLU(), layers.BatchNormalization(), layers.Dense(5),
    ]  # fmt: skip
    pruned = ubp.prune(given, ONE_SHOT, ubp.UnalignedBlock(8))
    assert [isinstance(layer, PrunedLayer) for layer in pruned] == [True, False, False, False]
    assert [layer.name for layer in pruned] == [layer.name for layer in given]
    assert not any(ours is theirs for ours, theirs in zip(pruned, given, strict=True))


def test_built_layers_in_a_list_keep_their_weights():
    model = sequential_model()
    model.get_layer("classifier").kernel.assign(np.full((16, 5), 0.5))
    pruned = ubp.prune(model.layers, ONE_SHOT, ubp.UnalignedBlock(8))
    again = keras.Sequential([keras.Input((8, 8, 2)), *pruned])
    expected = ubp.prune(
        model, ONE_SHOT, ubp.UnalignedBlock(8), layers=["stem", "conv_1x1", "hidden"]
    )
    np.testing.assert_array_equal(outputs(again), outputs(expected))


MISTAKES = [
    (layers.ReLU(name="x"), {}, ValueError, "'x' cannot be pruned: it is a ReLU, which has"),
    (layers.DepthwiseConv1D(3, name="x"), {}, ValueError, "'x' cannot be .* a few weights of its"),
    (layers.Conv2D(8, 3, groups=2, name="x"), {}, ValueError, "a convolution of 2 groups"),
    (layers.Dense(3, name="x"), {}, ValueError, "it has 3 output channels, fewer than a block of"),
    (layers.Dense(6, name="x"), {"pattern": ubp.AlignedBlock(4)}, ValueError,
     "'x' has 6 output channels, not a multiple of 4"),
    (layers.Dense(8, name="x"), {"layers": "x"}, ValueError, "layers chooses among those of a mod"),
    ([layers.Dense(8)], {"layers": [0]}, ValueError, "layers chooses .* leave the argument out"),
    ([], {}, ValueError, "none of the layers in the list can be pruned"),
    ([layers.Flatten(), layers.Dense(3)], {}, ValueError, "none of the layers in the list can be"),
    ([layers.Dense(8), "dense"], {}, TypeError, "the list holds a str; expected Keras layers only"),
    ([keras.Sequential(name="x"), layers.Dense(8)], {}, TypeError, "the list holds the model 'x'"),
    (ubp.prune(layers.Dense(8, name="x"), ONE_SHOT), {}, ValueError, "'x' is already pruned; call"),
    ([ubp.prune(layers.Dense(8, name="x"), ONE_SHOT)], {}, ValueError, "'x' is already pruned"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "options", "error", "message"), MISTAKES)
def test_mistakes_end_in_a_clear_sentence(what, options, error, message):
    with pytest.raises(error, match=f"prune: .*{message}"):
        ubp.prune(what, ONE_SHOT, **options)


def test_stripping_a_layer_that_is_not_built():
    with pytest.raises(ValueError, match="strip: layer 'x' is not built; call it on data first"):
        ubp.strip(ubp.prune(layers.Dense(8, name="x"), ONE_SHOT))
    with pytest.raises(TypeError, match=r"strip: the model is a .*Dense; expected a Keras 3"):
        ubp.strip(layers.Dense(8))
