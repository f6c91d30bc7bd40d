# SPDX-License-Identifier: Apache-2.0
"""Permutations for blocks of several lanes: input channels count, whatever they come through."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import ubp
from ubp.lanes import to_lanes
from ubp.pruning.layers.prunable import prunable_weights
from ubp.pruning.layers.pruned_layer import pruned_layers

QUIET = {"progress": False, "rounds": 15}
PATTERN = ubp.UnalignedBlock(2, lanes=4)


def conv(x, channels, name, size=1, **options):
    x = layers.Conv2D(channels, size, padding="same", name=name, **options)(x)
    return layers.ReLU()(x)


def chain():
    """A depthwise and a separable convolution between; a Dense layer behind a Flatten."""
    inputs = keras.Input((6, 6, 3))
    x = conv(conv(inputs, 16, "stem", 3), 24, "wide")
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = conv(x, 16, "narrow", 3, strides=2)
    x = layers.SeparableConv2D(12, 3, padding="same", name="separable")(x)
    x = layers.Dense(16, name="hidden")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(5, name="top")(x))


def residual():
    """'loop' produces and reads the same channels."""
    inputs = keras.Input((6, 6, 3))
    start = conv(inputs, 16, "stem", 3)
    x = layers.Add()([conv(start, 16, "loop"), start])
    x = conv(x, 24, "expand")
    x = layers.Add()([conv(x, 16, "reduce"), start])
    return keras.Model(inputs, conv(x, 8, "last"))


def joined():
    """Channels side by side: 8 + 12 + 16 are whole groups of lanes, 6 + 10 are not."""
    inputs = keras.Input((6, 6, 3))
    start = conv(inputs, 16, "stem", 3)
    parts = [conv(start, count, f"part_{count}") for count in (8, 12, 16)]
    x = conv(layers.Concatenate()(parts), 16, "whole", 3)
    odd = [conv(x, count, f"part_{count}") for count in (6, 10)]
    x = conv(layers.Concatenate()(odd), 16, "broken")
    return keras.Model(inputs, conv(x, 8, "last"))


def transposed():
    inputs = keras.Input((4, 4, 8))
    x = layers.Conv2DTranspose(16, 2, strides=2, name="up")(inputs)
    x = layers.Conv2DTranspose(12, 3, name="on")(layers.ReLU()(x))
    return keras.Model(inputs, conv(x, 8, "last"))


def randomised(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        positive = "variance" in weight.path or "gamma" in weight.path
        drawn = rng.normal(size=weight.shape) / np.sqrt(np.prod(weight.shape[:-1]))
        weight.assign(rng.uniform(0.5, 2, weight.shape) if positive else drawn)
    return model


def kept(model, name, sparsity=0.75):
    """The absolute weights that pruning to 2 x 4 blocks leaves in a layer."""
    pruned = ubp.prune(model, ubp.ConstantSparsity(sparsity), PATTERN, layers=name)
    (layer,) = pruned_layers(pruned)
    (kernel,) = layer.kernels
    return float(np.abs(kernel.masked()).sum())


@pytest.mark.parametrize("make", [chain, residual, joined, transposed])
def test_the_report_says_what_pruning_keeps(make):
    """The copy computes the same: `permute_channels` checks each layer."""
    model = randomised(make())
    permuted, report = ubp.permute_channels(model, 2, 0.75, layers="*", block_lanes=4, **QUIET)
    rows = {row.name: row for group in report.groups for row in group.layers}
    named = {
        layer.name for layer in model.layers
        if layer.weights and layer.name not in ("stem", "norm", "depthwise")
    }  # fmt: skip
    assert set(rows) == named
    for name, row in rows.items():
        (weight,) = prunable_weights(model.get_layer(name))
        matrix = to_lanes(weight.variable.numpy(), weight.channel_axis)
        assert row.total == pytest.approx(np.abs(matrix).sum())
        assert row.before == pytest.approx(kept(model, name), rel=1e-5)
        assert row.after == pytest.approx(kept(permuted, name), rel=1e-5)
    assert report.kept_after > 1.02 * report.kept_before


def test_input_channels_alone_are_worth_it():
    """The stem is dense: its channels are put in order for the layer that reads them."""
    inputs = keras.Input((6, 6, 3))
    x = conv(inputs, 32, "stem", 3)
    model = randomised(keras.Model(inputs, layers.Conv2D(32, 1, name="reads")(x)))
    permuted, report = ubp.permute_channels(
        model, 2, 0.8, layers="reads", block_lanes=4, progress=False
    )
    stem, reads = report.groups
    assert stem.permuted and stem.layers == () and not reads.permuted
    assert reads.layers[0].after > 1.08 * reads.layers[0].before
    plain = ubp.permute_channels(model, 2, 0.8, layers="reads", progress=False).report
    assert not any(group.permuted for group in plain.groups)
    assert kept(permuted, "reads", 0.8) > 1.08 * kept(model, "reads", 0.8)


def test_layers_that_blocks_do_not_fit_do_not_count():
    model = randomised(joined())
    report = ubp.permute_channels(model, 2, 0.75, block_lanes=4, **QUIET).report
    assert "stem" not in {row.name for group in report.groups for row in group.layers}
    with pytest.raises(ValueError, match="'stem' cannot be pruned: it has 3 input channels"):
        ubp.permute_channels(model, 2, 0.75, layers="stem", block_lanes=4)


def test_the_chain_takes_lanes_as_well():
    model = randomised(chain())
    report = ubp.permute_channels(model, 2, 0.75, "chain", block_lanes=4, progress=False).report
    assert report.kept_after > report.kept_before
