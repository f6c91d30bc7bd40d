# SPDX-License-Identifier: Apache-2.0
"""prune(masks=...): masks that a caller gives, to stay or to begin with."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from pruning_models import (
    FUNCTIONAL_TARGETS,
    assert_blocks,
    compiled,
    data,
    functional_model,
    mask_of,
    outputs,
    sequential_model,
)

import ubp
from ubp.lanes import to_lanes
from ubp.masking.given_masks import GivenMasks
from ubp.pruning.layers.pruned_layer import pruned_layers


def sparse(make=functional_model, sparsity=0.75, pattern=None):
    """A model with blocks of zeros."""
    return ubp.strip(
        ubp.prune(make(), ubp.ConstantSparsity(sparsity), pattern or ubp.UnalignedBlock(4))
    )


def fit(model, epochs=2):
    x, y = data()
    compiled(model, jit_compile=False).fit(
        x, y, batch_size=8, verbose=0, epochs=epochs, callbacks=[ubp.UpdatePruning()]
    )
    return model


def zeros(model):
    return {
        layer.name: layer.kernel.numpy() == 0
        for layer in model.layers
        if hasattr(layer, "kernel") and (layer.kernel.numpy() == 0).any()
    }


def assert_same_zeros(model, other):
    found, expected = zeros(model), zeros(other)
    assert found.keys() == expected.keys()
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name], mask)


@pytest.mark.parametrize(
    ("make", "gradients"),
    [(functional_model, "masked"), (sequential_model, "straight_through")],
)
def test_a_models_zeros_stay_while_it_trains(make, gradients):
    model = sparse(make)
    pruned = ubp.prune(model, masks=model, gradients=gradients)
    np.testing.assert_array_equal(outputs(pruned), outputs(model))
    before = pruned.get_weights()
    final = ubp.strip(fit(pruned))
    assert_same_zeros(final, model)
    assert any(np.any(a != b) for a, b in zip(before, pruned.get_weights(), strict=True))


def test_masks_of_another_model_on_the_dense_weights():
    model, other = functional_model(), sparse(sparsity=0.9)
    final = ubp.strip(ubp.prune(model, masks=other))
    assert_same_zeros(final, other)
    for name, mask in zeros(other).items():
        kernel = model.get_layer(name).kernel.numpy()
        np.testing.assert_array_equal(final.get_layer(name).kernel.numpy()[~mask], kernel[~mask])


@pytest.mark.parametrize("form", ["kernel", "lanes", "selection"])
def test_masks_by_name(form):
    model = sequential_model()
    importance = np.abs(to_lanes(model.get_layer("conv_1x1").kernel.numpy(), -1))
    selection = ubp.select_blocks(importance, 4, sparsity=0.6)
    mask = {
        "kernel": selection.mask().reshape(model.get_layer("conv_1x1").kernel.shape),
        "lanes": selection.mask(),
        "selection": selection,
    }[form]
    pruned = ubp.prune(model, masks={"conv_1x1": mask})
    (layer,) = pruned_layers(pruned)
    assert layer.name == "conv_1x1"
    np.testing.assert_array_equal(mask_of(layer), selection.mask())


def test_a_transposed_kernel_has_its_channels_on_another_axis():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Conv2D(4, 3), layers.Conv2DTranspose(8, 3, name="up")]
    )
    mask = np.zeros((3, 3, 8, 4), np.bool_)
    mask[0, 1, 4:8, 2] = True
    (layer,) = pruned_layers(ubp.prune(model, masks={"up": mask}))
    np.testing.assert_array_equal(layer.kernels[0].mask.numpy(), mask)


def test_a_layer_of_several_kernels_takes_a_list():
    @keras.saving.register_keras_serializable(package="given_masks")
    class Two(keras.layers.Layer):
        def build(self, shape):
            self.first = self.add_weight(shape=(shape[-1], 8), name="first")
            self.second = self.add_weight(shape=(8, 4), name="second")

        def call(self, x):
            return x @ self.first @ self.second

        def get_prunable_weights(self):
            return [self.first, self.second]

    model = keras.Sequential([keras.Input((6,)), Two(name="two")])
    masks = [np.eye(6, 8, dtype=np.bool_), np.eye(8, 4, dtype=np.bool_)]
    pruned = ubp.prune(model, pattern=ubp.Unstructured(), masks={"two": masks})
    for kernel, mask in zip(pruned_layers(pruned)[0].kernels, masks, strict=True):
        np.testing.assert_array_equal(kernel.mask_matrix(), mask)
    with pytest.raises(ValueError, match="has 1 masks for layer 'two'; expected 2"):
        ubp.prune(model, pattern=ubp.Unstructured(), masks={"two": masks[0]})


def test_a_schedule_goes_on_from_the_masks():
    start = sparse(sparsity=0.5)
    schedule = ubp.PolynomialDecay(0.5, 0.75, 0, 4, frequency=4)
    pruned = ubp.prune(functional_model(), schedule, masks=start)
    assert_same_zeros(ubp.strip(pruned), start)  # nothing is chosen anew at step 0
    fit(pruned, epochs=1)  # of 4 steps
    for layer in pruned_layers(pruned):
        assert_blocks(mask_of(layer), 4)
        assert layer.sparsity == pytest.approx(0.75, abs=0.02)


def test_the_dense_weights_can_come_back():
    """With the dense weights behind them, masks move to where the importance is."""
    model = functional_model()
    mask = np.zeros(model.get_layer("hidden").kernel.shape, np.bool_)
    mask[0, :4] = True
    schedule = ubp.ConstantSparsity(0.75, 1, 1, 1)
    pruned = ubp.prune(model, schedule, masks={"hidden": mask})
    fit(pruned, epochs=1)
    (layer,) = pruned_layers(pruned)
    assert layer.sparsity == pytest.approx(0.75, abs=0.02)


def test_a_budget_goes_on_from_the_masks():
    schedule = ubp.ConstantSparsity(0.75, 2, 2, 1)
    pruned = ubp.prune(functional_model(), schedule, scope="global", masks=sparse(sparsity=0.6))
    fit(pruned, epochs=1)
    kernels = [kernel for layer in pruned_layers(pruned) for kernel in layer.kernels]
    kept = sum(int(kernel.mask_matrix().sum()) for kernel in kernels)
    assert kept == pytest.approx(0.25 * sum(kernel.size for kernel in kernels), abs=4)


def test_importance_by_gradients_is_no_question_at_step_zero():
    model = sparse(sparsity=0.5)
    schedule = ubp.ConstantSparsity(0.75, 0, 4, 2)
    fit(ubp.prune(model, schedule, importance="gradient", masks=model), epochs=1)


def test_what_layers_names_begins_whole_without_a_mask():
    model = sequential_model()
    mask = np.zeros(model.get_layer("hidden").kernel.shape, np.bool_)
    mask[:, :4] = True
    pruned = ubp.prune(model, masks={"hidden": mask}, layers=["conv_1x1", "hidden"])
    sparsity = {layer.name: layer.sparsity for layer in pruned_layers(pruned)}
    assert sparsity == {"conv_1x1": 0.0, "hidden": 0.75}


def test_a_layer_with_a_schedule_of_its_own():
    start = sparse(sparsity=0.5)
    own = {"hidden": {"schedule": ubp.ConstantSparsity(0.9, 0, 0, 1)}, "*": True}
    pruned = ubp.prune(start, masks=start, layers=own)
    assert_same_zeros(ubp.strip(pruned), start)
    schedules = {layer.name: layer.settings.schedule for layer in pruned_layers(pruned)}
    assert schedules["hidden"] == GivenMasks(ubp.ConstantSparsity(0.9, 0, 0, 1))
    assert schedules["conv_3x3"] == GivenMasks(None)
    fit(pruned, epochs=1)
    assert_same_zeros(ubp.strip(pruned), start)


def test_saved_before_training_the_masks_are_still_given(tmp_path):
    model = sparse()
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5, 0, 0, 1), masks=model)
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    assert [layer.settings for layer in pruned_layers(loaded)] == [
        layer.settings for layer in pruned_layers(pruned)
    ]
    assert_same_zeros(ubp.strip(fit(loaded)), model)


def test_summary_says_that_masks_are_given(capsys):
    model = sparse()
    ubp.pruning_summary(ubp.prune(model, masks=model))
    assert "as given" in capsys.readouterr().out
    schedule = ubp.ConstantSparsity(0.75, 10)
    ubp.pruning_summary(ubp.prune(model, schedule, masks=model))
    assert "as given, then" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_what_prune_without_training_makes_is_a_start():
    model, (x, _) = functional_model(), data()
    result = ubp.prune_without_training(model, x, 0.75, progress=False).model
    final = ubp.strip(fit(ubp.prune(result, masks=result)))
    assert set(zeros(final)) == set(FUNCTIONAL_TARGETS)
    assert_same_zeros(final, result)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 11), st.booleans(), st.data())
def test_masks_are_refused_unless_they_are_of_whole_blocks(size, channels, is_aligned, draw):
    channels = max(channels, size)
    if is_aligned:
        channels -= channels % size
    mask = draw.draw(st.lists(st.lists(st.booleans(), min_size=channels, max_size=channels),
                              min_size=2, max_size=2))  # fmt: skip
    mask = np.array(mask)
    pattern = (ubp.AlignedBlock if is_aligned else ubp.UnalignedBlock)(size)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(channels, name="dense")])
    if mask.all() or all(_covered(row, size, is_aligned) for row in mask):
        pruned = ubp.prune(model, pattern=pattern, masks={"dense": mask})
        np.testing.assert_array_equal(mask_of(pruned_layers(pruned)[0]), mask)
    else:
        with pytest.raises(ValueError, match=r"layer 'dense' is not made of blocks of "):
            ubp.prune(model, pattern=pattern, masks={"dense": mask})


def _covered(row, size, is_aligned):
    """Whether blocks side by side cover exactly what is kept, by trying."""
    if not row.any():
        return True
    start = int(np.argmax(row))
    fits = start + size <= len(row) and row[start : start + size].all()
    if not fits or (is_aligned and start % size):
        return False
    rest = row.copy()
    rest[start : start + size] = False
    return _covered(rest, size, is_aligned)


class TestRefused:
    """What does not fit is refused, in a sentence that names it."""

    def test_neither_schedule_nor_masks(self):
        with pytest.raises(TypeError, match="neither schedule nor masks is given"):
            ubp.prune(functional_model())

    @pytest.mark.parametrize("masks", [1, "zeros", [np.ones((2, 2), np.bool_)]])
    def test_other_kinds(self, masks):
        with pytest.raises(TypeError, match=r"masks is .*; expected a model with zeros"):
            ubp.prune(functional_model(), masks=masks)

    @pytest.mark.parametrize(
        ("masks", "message"),
        [
            ({}, "masks is empty"),
            ({"nothing": np.ones((1, 1), np.bool_)}, "the model has 0 layers of that name"),
            ({"norm": np.ones((1, 1), np.bool_)}, "layer 'norm', which cannot be pruned"),
            ({"hidden": np.ones((12, 16))}, r"float64 \(12, 16\) for layer 'hidden'"),
            (
                {"hidden": np.ones((3, 3), np.bool_)},
                r"expected bool of the kernel's shape \(12, 16\)",
            ),
            ({"hidden": "all"}, "'all' for layer 'hidden'"),
        ],
    )
    def test_mappings(self, masks, message):
        with pytest.raises(ValueError, match=message):
            ubp.prune(functional_model(), masks=masks)

    def test_models(self):
        model = functional_model()
        with pytest.raises(ValueError, match="has no zero in a kernel"):
            ubp.prune(model, masks=model)
        with pytest.raises(ValueError, match="other kernels than those of 'residual'"):
            ubp.prune(model, masks=sparse(sequential_model))
        with pytest.raises(ValueError, match=r"give ubp\.strip"):
            ubp.prune(model, masks=ubp.prune(model, ubp.ConstantSparsity(0.5)))

    def test_another_pattern(self):
        model = sparse(pattern=ubp.UnalignedBlock(2))
        with pytest.raises(ValueError, match="Give the pattern that it was made with"):
            ubp.prune(model, masks=model)
        ubp.prune(model, pattern=ubp.UnalignedBlock(2), masks=model)

    def test_layers_that_leave_out_a_mask(self):
        model = sparse()
        with pytest.raises(ValueError, match=r"masks has zeros for layer 'conv_3x3', which layers"):
            ubp.prune(model, masks=model, layers="hidden")

    def test_blocks_larger_than_a_layer(self):
        mask = {"classifier": np.zeros((16, 5), np.bool_)}
        with pytest.raises(ValueError, match="layer 'classifier', which cannot be pruned"):
            ubp.prune(functional_model(), pattern=ubp.UnalignedBlock(8), masks=mask)

    def test_schedules_that_choose_for_themselves(self):
        model = sparse()
        with pytest.raises(ValueError, match="leave masks out"):
            ubp.prune(model, ubp.ADMM(0.75, 0, 4, 1), masks=model)

    def test_a_sparsity_without_a_schedule(self):
        model = sparse()
        with pytest.raises(ValueError, match=r"give ubp\.prune a schedule, too"):
            ubp.prune(model, masks=model, layers={"*": 0.9})

    @pytest.mark.parametrize("as_list", [False, True])
    def test_layers_by_themselves(self, as_list):
        layer = layers.Dense(8)
        with pytest.raises(ValueError, match="masks are those of a model"):
            ubp.prune([layer] if as_list else layer, masks={"dense": np.ones((1, 8), np.bool_)})
