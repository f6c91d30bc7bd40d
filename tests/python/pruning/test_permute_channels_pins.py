# SPDX-License-Identifier: Apache-2.0
"""What stays in its order, and what is refused, each with a reason that names the culprit."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from permutation_models import assert_same_function, build, group_of, permute, randomise
from pruning_models import functional_model, sequential_model

import ubp
from ubp.pruning.channels.rules import _ACTIVATIONS


class Reversed(layers.Conv2D):
    """Looks like a convolution, but is something else."""

    def call(self, inputs):
        return super().call(inputs)[..., ::-1]


class Scale(layers.Layer):
    """A layer of one's own with a weight per channel."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal")

    def call(self, inputs):
        return inputs * self.scale


@keras.saving.register_keras_serializable(package="test")
def odd_channels_first(x):
    return ops.concatenate([x[..., 1::2], x[..., ::2]], axis=-1)


@keras.saving.register_keras_serializable(package="test")
def own_activation(x):
    return x * np.arange(12, dtype=np.float32)


@keras.saving.register_keras_serializable(package="test")
def noise(x):
    return x + keras.random.normal((12,))


def with_low_rank_adaptation(x):
    layer = layers.Conv2D(16, 1)
    y = layer(x)
    layer.enable_lora(2)
    return y


NOT_FOLLOWED = {
    "lambda": (lambda x: layers.Lambda(odd_channels_first, name="odd")(x),
               r"'odd' \(Lambda\): operations of this kind are not followed"),
    "slices": (odd_channels_first, "GetItem.*: operations of this kind are not followed"),
    "own layer": (Scale(name="own"), r"'own' \(Scale\): operations of this kind"),
    "subclass": (Reversed(16, 1), r"\(Reversed\): operations of this kind"),
    "groups": (layers.Conv2D(24, 3, groups=4), "it is a convolution of 4 groups"),
    "depth multiplier": (layers.DepthwiseConv2D(3, depth_multiplier=2), "it makes 2 channels of"),
    "separable": (layers.SeparableConv2D(8, 3, depth_multiplier=3), "it makes 3 channels of each"),
    "activation": (layers.Activation(own_activation), "its activation is not known to treat"),
    "convolution's activation": (layers.Conv2D(12, 1, activation=own_activation), "its activation"),
    "other axis": (layers.LayerNormalization(axis=[1, 2, 3]), "normalises along axis"),
    "shared slope": (layers.PReLU(shared_axes=[1, 2, 3]), "its channels share one slope"),
    "factors": (layers.Rescaling(np.arange(12.0).tolist()), "scales each channel by a number of"),
    "array": (lambda x: x * np.arange(12, dtype=np.float32), "one of its operands is an array"),
    "mean of channels": (lambda x: x - ops.mean(x, axis=-1, keepdims=True),
                         "it works along the channels"),
    "mean of all": (lambda x: x * ops.mean(x), "it works along the channels"),
    "transposed": (layers.Permute((3, 1, 2)), r"\(Permute\): operations of this kind"),
    "reshaped": (layers.Reshape((8, 8, 2, 6)), "it makes 6 channels of 12"),
    "attention": (lambda x: layers.MultiHeadAttention(2, 4)(x, x), r"\(MultiHeadAttention\)"),
    "group normalisation": (layers.GroupNormalization(4), r"\(GroupNormalization\)"),
    "time distributed": (layers.TimeDistributed(layers.Dense(4)), r"\(TimeDistributed\)"),
    "low-rank adaptation": (with_low_rank_adaptation, "its kernel is not a plain variable"),
    "channels first": (layers.GlobalAveragePooling2D(data_format="channels_first"),
                       "its channels are not last"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_FOLLOWED)
def test_what_is_not_followed_stays(case):
    """The layers on both sides keep their order; one further away does not."""
    culprit, reason = NOT_FOLLOWED[case]

    def body(x):
        x = layers.Conv2D(16, 1, name="far")(x)
        x = culprit(layers.Conv2D(12, 1, name="before")(x))
        return layers.Dense(3)(layers.Flatten()(x))

    model = build(body)
    permuted, report = permute(model, layers=["far", "before"])
    found = group_of(report, "before").reasons
    assert any(re.search(reason, each) for each in found), found
    assert not group_of(report, "before").permuted
    assert group_of(report, "far").permuted
    assert_same_function(model, permuted)


def test_layers_that_are_not_followed_are_reported():
    def body(x):
        x = layers.Conv2D(12, 1, activation=own_activation, name="refused")(x)
        return layers.Dense(3)(layers.Flatten()(layers.Conv2D(16, 1, name="free")(x)))

    _, report = permute(build(body), layers=["refused", "free"])
    refused = group_of(report, "refused")
    assert "its activation is not known" in refused.reasons[0] and not refused.permuted
    assert refused.kept_after == refused.kept_before > 0


def test_what_leaves_an_unknown_layer_stays_too():
    def body(x):
        x = Scale(name="own")(layers.Conv2D(12, 1)(x))
        x = x + layers.Conv2D(12, 1, name="added")(x)
        return layers.Dense(3)(layers.Flatten()(x))

    _, report = permute(build(body), layers=["added"])
    assert "'own' (Scale)" in group_of(report, "added").reasons[0]


def test_sums_of_other_segments_stay():
    def body(x):
        parts = [layers.Conv2D(8, 1, name=name)(x) for name in ("a", "b")]
        x = layers.Concatenate()(parts) + layers.Conv2D(16, 1, name="c")(x)
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    _, report = permute(build(body), layers=["a", "b", "c"])
    for name in ("a", "b", "c"):
        (reason,) = group_of(report, name).reasons
        assert "combines channels of layers of 8+8 and 16" in reason


def test_a_layer_followed_once_and_refused_once_stays():
    def body(x):
        x = layers.Conv2D(12, 1, name="before")(x)
        slope = layers.LayerNormalization(axis=3)
        flat = layers.Reshape((1, 64, 12, 1))(layers.Conv2D(12, 1, name="other")(x))
        x = ops.reshape(slope(x), (-1, 1, 64, 12, 1)) + slope(flat)
        return layers.Dense(3)(layers.Flatten()(x))

    _, report = permute(build(body), layers=["before"])
    assert "it normalises along axis" in " ".join(group_of(report, "before").reasons)


def test_known_activations_commute_with_permutations():
    rng = np.random.default_rng(0)
    values, order = rng.standard_normal((5, 9)).astype(np.float32), rng.permutation(9)
    for name in _ACTIVATIONS:
        function = getattr(keras.activations, name)
        kwargs = {"threshold": 0.1, "default_value": 0.0} if name == "threshold" else {}
        expected = np.asarray(function(values, **kwargs))[:, order]
        found = np.asarray(function(values[:, order], **kwargs))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7, err_msg=name)


# ---- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "best"}, ValueError, "method is 'best'; expected one of chain, hill_climb"),
        ({"rounds": 0}, ValueError, "rounds is 0; expected a whole number"),
        ({"sparsity": -0.1}, ValueError, "sparsity is -0.1; expected a number above 0"),
        ({"block_size": 0}, ValueError, "block_size is 0; expected a whole number"),
        ({"block_size": 64}, ValueError, "has no layer to prune.*at least 64"),
        ({"layers": ["nope"]}, ValueError, "no layer named 'nope'"),
        ({"layers": 3}, TypeError, "layers is 3; expected names of layers"),
        ({"model": "model.keras"}, TypeError, "permute_channels: the model is a builtins.str"),
    ],
)
def test_mistakes_end_in_a_clear_sentence(arguments, error, message):
    with pytest.raises(error, match=message):
        permute(**({"model": functional_model()} | arguments))


def test_pruned_model_is_refused():
    pruned = ubp.prune(sequential_model(), ubp.ConstantSparsity(0.5))
    with pytest.raises(ValueError, match=r"'plain' is already pruned; call this before ubp.prune"):
        permute(pruned)


def test_low_precision_is_refused():
    def body(x):
        x = layers.Conv2D(12, 1, name="half", dtype="mixed_bfloat16")(x)
        return layers.Dense(3)(layers.Flatten()(x))

    with pytest.raises(ValueError, match="layer 'half' computes in bfloat16; expected float32"):
        permute(build(body), layers=["half"])


def test_training_mode_is_refused():
    def body(x):
        x = layers.Dropout(0.5, name="always")(layers.Conv2D(12, 1, name="c")(x), training=True)
        return layers.Dense(3)(layers.Flatten()(x))

    with pytest.raises(ValueError, match="layer 'always' is called with training=True"):
        permute(build(body), layers=["c"])


def test_random_outputs_are_noticed():
    def body(x):
        x = layers.Lambda(noise, name="noise")(layers.Conv2D(12, 1, name="before")(x))
        return layers.Dense(3)(layers.Flatten()(x))

    with pytest.raises(RuntimeError, match=r"layer 'noise' \(Lambda\) of the copy differs"):
        permute(build(body), layers=["before"])


def test_channels_first_stays():
    inputs = keras.Input((3, 8, 8))
    x = layers.Conv2D(12, 1, data_format="channels_first", name="first")(inputs)
    x = layers.Dense(16, name="last")(layers.Flatten(data_format="channels_first")(x))
    model = randomise(keras.Model(inputs, layers.Dense(2)(x)))
    try:
        _, report = permute(model, layers=["first", "last"])
    except (NotImplementedError, ValueError, tf.errors.UnimplementedError) as error:
        # TensorFlow without oneDNN on a CPU, or on one that oneDNN does nothing for.
        pytest.skip(f"this TensorFlow does not run channels first: {error}")
    assert "its channels are not last" in group_of(report, "first").reasons[0]
    assert group_of(report, "last").permuted
