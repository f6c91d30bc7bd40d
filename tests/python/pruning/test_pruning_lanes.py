# SPDX-License-Identifier: Apache-2.0
"""Blocks of several lanes through `ubp.prune`: schedules, scopes, importance, layers left dense."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import (
    assert_blocks,
    assert_sparsity,
    compiled,
    data,
    expected_kept,
    functional_model,
    mask_of,
)

import ubp
from ubp.conversion.cover import cover_lanes
from ubp.lanes import to_lanes
from ubp.pruning.layers.pruned_layer import pruned_layers

SCHEDULES = {
    "constant": ubp.ConstantSparsity(0.75, begin_step=1, frequency=2),
    "polynomial": ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, frequency=2),
    "ADMM": ubp.ADMM(0.75, 1, 6, frequency=2),
    "reweighted": ubp.ReweightedRegularization(0.75, 1, 6, frequency=2),
    "callable": lambda step: (step % 3 == 2, 0.75),
}
TRAINED = [(schedule, ubp.UnalignedBlock(2, lanes=4)) for schedule in SCHEDULES]
TRAINED.append(("polynomial", ubp.AlignedBlock(4, lanes=4)))


def trained(model, schedule, pattern, **options):
    pruned = compiled(ubp.prune(model, schedule, pattern, **options))
    x, y = data()
    pruned.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[ubp.UpdatePruning()])
    return pruned


@pytest.mark.parametrize(("schedule", "pattern"), TRAINED, ids=str)
def test_training_ends_with_the_sparsity_and_the_blocks(schedule, pattern):
    """What a cover of the zeros finds are as many blocks as were asked for, and they are full."""
    pruned = trained(functional_model(), SCHEDULES[schedule], pattern)
    assert_sparsity(pruned, pattern, 0.75)
    final = ubp.strip(pruned)
    for layer in pruned_layers(pruned):
        matrix = to_lanes(final.get_layer(layer.name).get_weights()[0], -1)
        groups = (matrix != 0).reshape(-1, 4, matrix.shape[1]).any(axis=1)
        cover = cover_lanes(groups, pattern.block_size)
        kept = expected_kept(*matrix.shape, pattern.block_weights, 0.75)
        assert cover.count * pattern.block_weights == kept == np.count_nonzero(matrix)


@pytest.mark.parametrize(
    ("importance", "scope"),
    [("gradient", "layer"), ("gradient", "global"), ("squared", "latency")],
)
def test_importance_and_scopes(importance, scope):
    pattern = ubp.UnalignedBlock(2, lanes=4)
    pruned = trained(
        functional_model(), SCHEDULES["polynomial"], pattern, importance=importance, scope=scope
    )
    masks = [mask_of(layer) for layer in pruned_layers(pruned)]
    for mask in masks:
        assert_blocks(mask, 2, lanes=4)
    if scope == "global":
        size = sum(mask.size for mask in masks)
        assert sum(mask.sum() for mask in masks) == 8 * round(0.25 * size / 8)
    elif scope == "layer":
        assert_sparsity(pruned, pattern, 0.75)


@pytest.mark.parametrize("method", ["optimal", "bed", "greedy", "aligned"])
def test_methods(method):
    pattern = ubp.UnalignedBlock(2, lanes=4)
    pruned = ubp.prune(functional_model(), ubp.ConstantSparsity(0.75), pattern, method)
    assert_sparsity(pruned, pattern, 0.75)
    for layer in pruned_layers(pruned):
        assert_blocks(mask_of(layer), 2, lanes=4, aligned=method == "aligned")


@pytest.mark.parametrize("scope", ["global", "latency"])
def test_budgets_of_blocks_that_differ(scope):
    patterns = {"conv_3x3": ubp.UnalignedBlock(2, lanes=4), "hidden": ubp.UnalignedBlock(4)}
    policy = {name: {"pattern": pattern} for name, pattern in patterns.items()}
    pruned = ubp.prune(functional_model(), ubp.ConstantSparsity(0.75), layers=policy, scope=scope)
    masks = {layer.name: mask_of(layer) for layer in pruned_layers(pruned)}
    assert_blocks(masks["conv_3x3"], 2, lanes=4)
    assert_blocks(masks["hidden"], 4)
    if scope == "global":
        size = sum(mask.size for mask in masks.values())
        assert 0.25 * size - 8 < sum(mask.sum() for mask in masks.values()) <= 0.25 * size


def test_a_latency_budget_counts_the_lanes_of_a_block():
    """A 2 x 4 block costs what 4 blocks of 2 cost, so that both patterns have one sparsity."""
    sparsities = []
    for pattern in (ubp.UnalignedBlock(2), ubp.UnalignedBlock(2, lanes=4)):
        policy = {"conv_3x3": {"pattern": pattern}, "hidden": {"pattern": ubp.UnalignedBlock(2)}}
        scope = ubp.LatencyBudget(normalize="none", max_density=0.5)
        pruned = ubp.prune(
            functional_model(), ubp.ConstantSparsity(0.5), layers=policy, scope=scope
        )
        sparsities.append([layer.sparsity for layer in pruned_layers(pruned)])
    assert sparsities == [[0.5, 0.5], [0.5, 0.5]]


def test_weights_of_a_transposed_convolution():
    """Its kernel is [..., out, in]: a block's lanes run along the last axis."""
    model = keras.Sequential(
        [keras.Input((4, 4, 8)), layers.Conv2DTranspose(6, 2, use_bias=False, name="up")]
    )
    pruned = ubp.prune(
        model, ubp.ConstantSparsity(0.75), ubp.UnalignedBlock(2, lanes=4), layers="up"
    )
    kept = ubp.strip(pruned).get_layer("up").get_weights()[0] != 0
    groups = kept.reshape(2, 2, 6, 2, 4)
    assert (groups.all(axis=-1) == groups.any(axis=-1)).all()
    assert kept.sum() == 8 * round(0.25 * kept.size / 8)


def odd_model():
    """The stem reads 3 channels, 'odd' 10, 'even' 12."""
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(10, 3, name="stem"),
         layers.Conv2D(12, 3, name="odd"), layers.Conv2D(8, 1, name="even"),
         layers.GlobalAveragePooling2D(), layers.Dense(5, name="top")],
        name="odd_channels",
    )  # fmt: skip


def test_layers_whose_input_channels_are_no_multiple_stay_dense():
    pattern = ubp.UnalignedBlock(2, lanes=4)
    pruned = ubp.prune(odd_model(), ubp.ConstantSparsity(0.75), pattern)
    assert [layer.name for layer in pruned_layers(pruned)] == ["even"]
    for model, arguments in ((odd_model(), (pattern,)), (pruned, ())):
        text: list[str] = []
        ubp.pruning_summary(model, *arguments, print_fn=text.append)
        words = " ".join(text[0].replace("│", " ").split())
        assert "it has 3 input channels, not a multiple of a block's 4 lanes" in words
        assert "it has 10 input channels, not a" in words


def test_a_layer_that_is_named_is_refused():
    pattern = ubp.UnalignedBlock(2, lanes=4)
    expected = (
        "prune: layer 'odd' cannot be pruned: it has 10 input channels, not a multiple of a "
        "block's 4 lanes. Take 'odd' out of layers"
    )
    with pytest.raises(ValueError, match=expected):
        ubp.prune(odd_model(), ubp.ConstantSparsity(0.75), pattern, layers="odd")


def test_a_model_without_such_layers_is_refused():
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(6), layers.Dense(6, name="middle"), layers.Dense(3)]
    )
    with pytest.raises(ValueError, match="2 output channels whose input channels are a multiple"):
        ubp.prune(model, ubp.ConstantSparsity(0.75), ubp.UnalignedBlock(2, lanes=4))


def test_a_layer_is_refused_when_its_input_is_known():
    layer = ubp.prune(
        layers.Dense(8, name="late"), ubp.ConstantSparsity(0.75), ubp.UnalignedBlock(2, lanes=4)
    )
    with pytest.raises(ValueError, match="layer 'late' cannot be pruned: it has 6 input channels"):
        layer.build((None, 6))


def test_aligned_blocks_that_do_not_divide_name_the_same_lanes():
    with pytest.raises(ValueError, match=r"Use UnalignedBlock\(8, lanes=4\), or leave"):
        ubp.prune(
            functional_model(), ubp.ConstantSparsity(0.75), ubp.AlignedBlock(8, lanes=4),
            layers="conv_3x3",
        )  # fmt: skip


def test_masks_of_a_pruned_model_are_taken_and_others_refused():
    pattern, model = ubp.UnalignedBlock(2, lanes=4), functional_model()
    sparse = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.75), pattern))
    assert_sparsity(ubp.prune(model, pattern=pattern, masks=sparse), pattern, 0.75)
    kernel = sparse.get_layer("hidden").kernel
    lane, channel = np.argwhere(kernel.numpy() != 0)[0].tolist()
    values = kernel.numpy()
    values[lane, channel] = 0.0
    kernel.assign(values)
    expected = (
        rf"layer 'hidden' is not made of blocks of UnalignedBlock\(2, lanes=4\): of lanes {lane} "
        rf"to {lane + 3} it keeps some, but not all, in channel {channel}\. Give the pattern"
    )
    with pytest.raises(ValueError, match=expected):
        ubp.prune(model, pattern=pattern, masks=sparse)


def test_a_pruned_model_is_saved_with_its_lanes(tmp_path):
    pattern = ubp.UnalignedBlock(2, lanes=4)
    pruned = ubp.prune(functional_model(), ubp.ConstantSparsity(0.75), pattern)
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    assert {layer.settings.pattern for layer in pruned_layers(loaded)} == {pattern}
    assert_sparsity(loaded, pattern, 0.75)
