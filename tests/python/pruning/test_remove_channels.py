# SPDX-License-Identifier: Apache-2.0
"""Removed channels: tensors shrink, what is left computes the same, the original is untouched."""

from __future__ import annotations

import io
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from permutation_models import block, build, conv
from pruning_models import compiled, functional_model, sequential_model
from removal_models import assert_equal_to_zeroed, assert_removed, batch_for, removed_from
from rich.console import Console

import ubp
from ubp.pruning import ChannelGroup, ChannelsRemoved


def pooled(x: Any) -> Any:
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_original_is_untouched(make: Any) -> None:
    model = compiled(make())
    before, config = model.get_weights(), model.get_config()
    smaller, report = ubp.remove_channels(model, 0.3)
    assert model.get_config() == config
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert type(smaller) is type(model) and smaller.name == model.name and smaller.compiled
    assert [layer.name for layer in smaller.layers] == [layer.name for layer in model.layers]
    assert_equal_to_zeroed(model, ChannelsRemoved(smaller, report))


def test_zeros_of_producers_and_batch_normalisation_are_what_is_removed() -> None:
    """Without the flow of channels: by hand, for one group."""

    def body(x: Any) -> Any:
        return pooled(conv(5, 3, name="reader")(block(x, 12, "made")))

    model = build(body)
    smaller, report = ubp.remove_channels(model, keep={"made": 7})
    gone = np.setdiff1d(np.arange(12), removed_from(report, "made").kept)
    assert len(gone) == 5
    zeros = keras.models.clone_model(model)
    zeros.set_weights(model.get_weights())
    for layer in (zeros.get_layer("made"), zeros.layers[2]):
        for weight in layer.weights:
            values = weight.numpy().copy()
            values[..., gone] = 0
            weight.assign(values)
    batch = batch_for(model)
    np.testing.assert_allclose(smaller(batch), zeros(batch), rtol=1e-5, atol=1e-5)
    assert smaller.get_layer("reader").kernel.shape == (3, 3, 7, 5)


def test_kept_weights_are_those_of_the_original() -> None:
    model = sequential_model()
    keep = [1, 4, 5]
    smaller, _ = ubp.remove_channels(model, keep={"conv_1x1": keep})
    for weight, left in zip(
        model.get_layer("conv_1x1").get_weights(),
        smaller.get_layer("conv_1x1").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(left, weight[..., keep])
    rows = model.get_layer("hidden").kernel.numpy().reshape(36, 10, 16)[:, keep]
    np.testing.assert_array_equal(smaller.get_layer("hidden").kernel.numpy(), rows.reshape(108, 16))


def test_residual_group_and_gate_agree() -> None:
    def body(x: Any) -> Any:
        x = block(x, 12, "first")
        for name in ("second", "third"):
            x = layers.Add()([x, block(x, 12, name)])
        gate = layers.Reshape((1, 1, 12))(layers.GlobalAveragePooling2D()(x))
        gate = conv(12, activation="sigmoid", name="gate")(conv(6, name="squeeze")(gate))
        return pooled(layers.Multiply()([x, gate]))

    assert_removed(build(body), {"first": 9, "squeeze": 4}, share=0.25)


def test_concatenation_and_batch_normalisation_behind_it() -> None:
    def body(x: Any) -> Any:
        left, right = block(x, 8, "left"), block(x, 12, "right")
        x = layers.BatchNormalization()(layers.Concatenate()([left, right, left]))
        return pooled(block(x, 16, "joined"))

    result = assert_removed(build(body), {"left": 5, "right": 11}, keep={"left": 5, "right": 11})
    assert result.model.get_layer("joined").kernel.shape[-2] == 21


def test_depthwise_separable_transposed_and_slopes() -> None:
    def body(x: Any) -> Any:
        x = conv(8, name="first")(x)
        x = layers.SeparableConv2D(12, 3, name="separable")(x)
        x = layers.PReLU(shared_axes=[1, 2])(x)
        x = layers.DepthwiseConv2D(3, padding="same")(conv(10, name="second")(x))
        x = layers.PReLU()(conv(10, 3, groups=10, name="grouped")(x))
        x = layers.Conv2DTranspose(6, 3, name="transposed")(x)
        return pooled(conv(8, name="third")(x))

    widths = {"first": 6, "separable": 9, "second": 8, "transposed": 4, "third": 6}
    result = assert_removed(build(body), widths, share=0.25)
    assert result.model.get_layer("grouped").groups == 8
    assert result.model.get_layer("transposed").kernel.shape == (3, 3, 4, 8)


def test_flatten_and_reshape_repeat_channels_for_every_position() -> None:
    def body(x: Any) -> Any:
        x = layers.Concatenate()([conv(8, name="a")(x), conv(9, name="b")(x)])
        x = layers.Reshape((-1, 17))(layers.MaxPooling2D()(x))
        x = ops.reshape(x, (-1, 8, 2, 17))
        return layers.Dense(3)(layers.Reshape((272,))(x))

    result = assert_removed(build(body), {"a": 4, "b": 4}, share=0.5, importance=_by_place)
    assert result.report.groups[0].kept.tolist() == [4, 5, 6, 7]
    assert removed_from(result.report, "b").importance_kept == pytest.approx(26 / 36)


def _by_place(group: ChannelGroup) -> Any:
    return np.arange(group.width)


def test_one_dimension_and_operations_without_layers() -> None:
    inputs = keras.Input((16, 4))
    x = layers.Conv1D(12, 3, name="a")(inputs)
    x = ops.relu(x) * 2 + ops.silu(layers.Conv1D(12, 3, name="b")(inputs))
    x = layers.Dense(16, name="c")(layers.MaxPooling1D()(x))
    model = keras.Model(inputs, layers.Dense(3)(ops.mean(x, axis=1)))
    assert_removed(model, {"a": 6, "c": 8}, share=0.5)


def test_shared_layers_and_nested_models() -> None:
    inner = keras.Input((8, 8, 12))
    body = keras.Model(inner, block(conv(16, name="inner")(inner), 20, "end"), name="body")
    head = keras.Sequential([layers.Dense(8, name="dense"), layers.ReLU()], name="head")

    def outer(x: Any) -> Any:
        x = layers.Add()([body(conv(12, name=name)(x)) for name in ("left", "right")])
        return layers.Dense(3)(head(layers.GlobalAveragePooling2D()(x)))

    widths = {"left": 6, "inner": 8, "end": 10, "dense": 4}
    result = assert_removed(build(outer), widths, share=0.5)
    assert result.model.get_layer("body").input.shape == (None, 8, 8, 6)


def test_nested_model_with_named_inputs() -> None:
    named = {name: keras.Input((8, 8, 12), name=name) for name in ("q", "p")}
    joined = layers.Concatenate()([named["q"], named["p"]])
    inner = keras.Model(named, conv(16, name="inner")(joined), name="nested")

    def body(x: Any) -> Any:
        return pooled(inner({name: conv(12, name=f"to_{name}")(x) for name in ("p", "q")}))

    assert_removed(build(body), {"to_p": 5, "to_q": 9}, keep={"to_p": 5, "to_q": 9})


def test_a_global_share_takes_the_channels_that_matter_least() -> None:
    def body(x: Any) -> Any:
        return pooled(conv(20, 3, name="even")(conv(20, 3, name="uneven")(x)))

    def importance(group: ChannelGroup) -> Any:
        return np.ones(20) if group.name == "even" else np.where(np.arange(20) < 5, 10.0, 0.1)

    model = build(body)
    result = assert_removed(
        model, {"uneven": 5}, share=0.375, scope="global", importance=importance
    )
    assert removed_from(result.report, "uneven").kept.tolist() == [0, 1, 2, 3, 4]
    floor = ubp.remove_channels(model, 0.9, scope="global", importance=importance)
    assert [len(each.kept) for each in floor.report.groups[:2]] == [2, 2]


def test_widths_are_multiples() -> None:
    model = build(lambda x: pooled(conv(20, name="b")(conv(6, name="a")(x))))
    assert_removed(model, {"b": 16}, share=0.3, multiple=8)
    assert_removed(model, {"a": 4, "b": 12}, share=0.35, multiple=4)


def test_patterns_pass_over_what_cannot_shrink_and_the_first_entry_holds() -> None:
    def body(x: Any) -> Any:
        x = conv(12, name="conv_2")(conv(12, name="conv_1")(x))
        return conv(12, name="conv_3")(x)

    assert_removed(build(body), {"conv_2": 5}, keep={"conv_1": None, "conv_*": 5})
    assert_removed(build(body), {"conv_2": 6}, share=0.5, keep={"conv_1": None})


def test_the_magnitude_of_a_channel_is_how_large_it_is_times_how_it_is_read() -> None:
    """A channel that batch normalisation shrinks, and one that is hardly read, go first."""
    model = build(lambda x: pooled(conv(5, name="reader")(block(x, 12, "made"))))
    normalisation = model.layers[2]
    for weight in (normalisation.gamma, normalisation.beta):
        values = weight.numpy()
        values[3] = 1e-3
        weight.assign(values)
    kernel = model.get_layer("reader").kernel
    values = kernel.numpy()
    values[..., 7, :] *= 1e-3
    kernel.assign(values)
    report = ubp.remove_channels(model, keep={"made": 10}).report
    assert set(range(12)) - set(report.groups[0].kept.tolist()) == {3, 7}
    assert report.groups[0].importance_kept > 0.999


def test_groups_and_what_one_channel_needs() -> None:
    def body(x: Any) -> Any:
        x = block(x, 12, "first")
        x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)])
        return pooled(conv(7, 3, name="second")(x))

    model = build(body)
    groups = ubp.channel_groups(model)
    assert [group.name for group in groups][:2] == ["first", "second"] and len(groups) == 3
    first = groups["first"]
    assert first.readers == ("second",) and first.width == 12 and first.can_shrink
    assert "depthwise" in first.followers
    smaller = ubp.remove_channels(model, keep={"first": 11})
    before, after = smaller.report.weights_before, smaller.report.weights_after
    assert before - after == first.channel_weights == 27 + 4 + 10 + 63
    assert groups.widths == {"first": 12, "second": 7}
    text = io.StringIO()
    groups.print(Console(file=text, width=120))
    smaller.report.print(Console(file=text, width=120))
    assert "fixed: the model's output" in text.getvalue()
    assert "1 channels removed" in text.getvalue()


def test_smaller_model_is_saved_trained_pruned_and_converted(tmp_path: Any) -> None:
    model = compiled(functional_model(channels=32))
    smaller = ubp.remove_channels(model, 0.25, multiple=8).model
    smaller.save(tmp_path / "model.keras")
    batch = batch_for(smaller)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(smaller(batch), loaded(batch))
    final = ubp.strip(ubp.prune(smaller, ubp.ConstantSparsity(0.8), ubp.AlignedBlock(8)))
    result = ubp.convert(final, min_speedup=0)
    assert any(layer.taken for layer in result.report)
    assert ubp.verify(result.dense, result.model).passed
