# SPDX-License-Identifier: Apache-2.0
"""Permuted channels: which layers share an order, layer by layer and operator by operator."""

from __future__ import annotations

import pytest
from keras import layers, ops
from permutation_models import assert_permuted, block, build, conv, group_of
from pruning_models import functional_model, sequential_model


def test_plain_network_with_flatten():
    result = assert_permuted(sequential_model(), {"conv_1x1"}, {"hidden"})
    assert group_of(result.report, "conv_1x1").channels == 10
    assert group_of(result.report, "stem").reasons == ("none of its layers is pruned",)
    assert group_of(result.report, "classifier").reasons[0] == "the model's output 'classifier'"


def test_residual_network_with_operators():
    result = assert_permuted(
        functional_model(), {"conv_3x3"}, {"branch_1x1", "conv_strided"}, {"hidden"}
    )
    assert group_of(result.report, "conv_3x3").followers == ("depthwise",)
    assert len(group_of(result.report, "branch_1x1").layers) == 2


def test_residual_sums_join_all_layers_of_a_stage():
    def body(x):
        x = block(x, 12, "stem")
        for name in ("first", "second"):
            y = block(block(x, 16, f"{name}_inner"), 12, f"{name}_outer")
            x = layers.Add()([x, y])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(
        build(body), {"stem", "first_outer", "second_outer"}, {"first_inner"}, {"second_inner"}
    )


@pytest.mark.parametrize("kind", ["convolutions", "dense", "operators"])
def test_squeeze_and_excite(kind):
    def body(x):
        x = block(x, 12, "features")
        if kind == "convolutions":
            gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
            gate = layers.Conv2D(8, 1, activation="relu", name="reduce")(gate)
            gate = layers.Conv2D(12, 1, activation="sigmoid", name="expand")(gate)
        else:
            pool = layers.GlobalAveragePooling2D()
            gate = ops.mean(x, axis=(1, 2)) if kind == "operators" else pool(x)
            gate = layers.Dense(8, activation="relu", name="reduce")(gate)
            gate = layers.Dense(12, activation="hard_sigmoid", name="expand")(gate)
            gate = layers.Reshape((1, 1, 12))(gate)
        x = x * gate if kind == "operators" else layers.Multiply()([x, gate])
        return layers.Dense(3)(layers.Flatten()(x))

    assert_permuted(build(body), {"features", "expand"}, {"reduce"})


def test_gate_of_positions_does_not_join_channels():
    def body(x):
        x = block(x, 12, "features")
        x = layers.Multiply()([x, conv(1, activation="sigmoid", name="gate")(x)])
        return layers.Dense(3)(layers.GlobalMaxPooling2D()(x))

    assert_permuted(build(body), {"features"}, layers=["features"])


def test_concatenation_keeps_segments_apart():
    def body(x):
        left, right = block(x, 8, "left"), block(x, 12, "right")
        x = layers.Concatenate()([left, right, left])
        x = layers.BatchNormalization(name="norm")(x)
        x = block(x, 16, "joined")
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["left", "right", "joined"]
    result = assert_permuted(build(body), *({name} for name in chosen), layers=chosen)
    assert "norm" in group_of(result.report, "left").followers


def test_concatenations_that_are_added_share_their_segments():
    def body(x):
        parts = [conv(8, name=name)(x) for name in ("a", "b", "c", "d")]
        x = ops.concatenate(parts[:2], axis=-1) + ops.concatenate(parts[2:], axis=-1)
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(build(body), {"a", "c"}, {"b", "d"}, layers=["a", "b", "c", "d"])


def test_concatenation_of_positions_joins_channels():
    def body(x):
        x = layers.Concatenate(axis=1)([conv(8, name="top")(x), conv(8, name="bottom")(x)])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(build(body), {"top", "bottom"})


def test_flatten_repeats_segments_for_every_position():
    def body(x):
        x = layers.Concatenate()([conv(8, name="a")(x), conv(9, name="b")(x)])
        x = layers.MaxPooling2D()(x)
        return layers.Dense(3)(layers.Flatten()(x))

    assert_permuted(build(body), {"a"}, {"b"}, layers=["a", "b"])


def test_shapes_and_positions():
    def body(x):
        x = conv(12, 3, strides=2, activation="silu", name="features")(x)
        x = layers.ZeroPadding2D()(layers.SpatialDropout2D(0.1)(x))
        x = layers.Cropping2D(1)(layers.UpSampling2D()(x))
        x = layers.Reshape((-1, 12))(layers.AveragePooling2D(2)(x))
        x = layers.GlobalAveragePooling1D(keepdims=True)(x)
        x = ops.expand_dims(ops.squeeze(x, axis=1), axis=1)
        return layers.Dense(3)(layers.Reshape((12,))(x))

    assert_permuted(build(body), {"features"}, layers=["features"])


def test_other_layers_with_weights():
    def body(x):
        x = conv(8, name="first")(x)
        x = layers.SeparableConv2D(12, 3, name="separable")(x)
        x = layers.PReLU(shared_axes=[1, 2])(layers.LayerNormalization()(x))
        x = conv(10, name="second")(x)
        x = layers.PReLU()(conv(10, 3, groups=10, name="depthwise")(x))
        x = layers.Conv2DTranspose(6, 3, name="transposed")(x)
        x = conv(8, name="third")(x)
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["first", "second", "third"]
    assert_permuted(build(body), {"first"}, {"second"}, {"third"}, layers=chosen)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (a + 3.0) * (1 / 6) + b,
        lambda a, b: ops.maximum(a, b) / 2,
        lambda a, b: ops.relu6(a) - ops.square(ops.sigmoid(b)),
        lambda a, b: layers.Average()([a, b, ops.softmax(a)]),
        lambda a, b: layers.Minimum()([a, layers.Activation("hard_silu")(b)]),
        lambda a, b: layers.Rescaling(0.5, offset=1.0)(layers.Subtract()([a, b])),
    ],
)
def test_elementwise_functions_join_channels(function):
    def body(x):
        x = function(conv(12, name="a")(x), conv(12, name="b")(x))
        return layers.Dense(3)(layers.Flatten()(x))

    assert_permuted(build(body), {"a", "b"}, layers=["a", "b"])


def test_one_dimension():
    def body(x):
        x = layers.Conv1D(12, 3, name="features")(x)
        x = layers.Dense(16, name="dense")(layers.MaxPooling1D()(x))
        return layers.Dense(3)(layers.GlobalAveragePooling1D()(x))

    assert_permuted(build(body, shape=(16, 4)), {"dense"})
