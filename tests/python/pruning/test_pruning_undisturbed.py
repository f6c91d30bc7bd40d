# SPDX-License-Identifier: Apache-2.0
"""Training is the same to the bit, whatever is saved on the way and however long epochs are."""

from __future__ import annotations

from functools import cache

import h5py
import keras
import numpy as np
import pytest
from pruning_models import compiled, data, mask_of, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

STEPS, BATCH = 8, 8
GRADUAL = ubp.PolynomialDecay(0.2, 0.8, 0, STEPS, frequency=1)
CASES = {
    "masked": {"schedule": GRADUAL},
    "straight_through": {"schedule": GRADUAL, "gradients": "straight_through"},
    "admm": {"schedule": ubp.ADMM(0.5, 0, 4, frequency=2), "gradients": "straight_through"},
    "reweighted": {
        "schedule": ubp.ReweightedRegularization(0.5, 0, 4, frequency=2),
        "gradients": "straight_through",
    },
}
of_every_case = pytest.mark.parametrize("case", CASES)
of_both_gradients = pytest.mark.parametrize("case", ["masked", "straight_through"])


class SaveInStep(keras.callbacks.Callback):
    """Saves before each step, when all other callbacks have prepared it."""

    def __init__(self, path):
        super().__init__()
        self._path = path

    def on_train_batch_begin(self, batch, logs=None):
        self.model.save_weights(self._path, overwrite=True)


def fresh(case):
    model = sequential_model()
    model.get_layer("hidden").kernel_regularizer = keras.regularizers.L2(0.05)
    return compiled(ubp.prune(model, **CASES[case]), jit_compile=False)


def train(model, *callbacks, start=0, end=STEPS, epochs=1):
    """Train on the batches `start` to `end` - 1 of those of the run of 8 steps."""
    x, y = (np.concatenate([array, array])[start * BATCH : end * BATCH] for array in data())
    return model.fit(
        x, y, batch_size=BATCH, shuffle=False, verbose=0, epochs=epochs, validation_data=data(),
        callbacks=callbacks or [ubp.UpdatePruning()],
    )  # fmt: skip


@cache
def whole(case):
    """The history and the weights of an undisturbed run."""
    model = fresh(case)
    return train(model).history, model.get_weights()


def assert_same_weights(ours, expected):
    for found, each in zip(ours.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(found, each)


def checkpoint(path, save_freq):
    return keras.callbacks.ModelCheckpoint(
        path, save_freq=save_freq, save_weights_only=path.name.endswith(".weights.h5")
    )


def stored_kernels(path):
    """Of each pruned layer in a weights file its mask and its kernel."""
    with h5py.File(path) as file:
        layers = [group for name, group in file["layers"].items() if name.startswith("pruned")]
        return [(np.array(each["vars/0"]), np.array(each["layer/vars/0"])) for each in layers]


@pytest.mark.parametrize(
    ("case", "suffix", "position"),
    [
        ("masked", ".keras", "before"),
        ("masked", ".weights.h5", "after"),
        ("straight_through", ".keras", "after"),
        ("straight_through", ".weights.h5", "before"),
    ],
)
def test_checkpoints_change_no_training(case, suffix, position, tmp_path):
    model, (history, weights) = fresh(case), whole(case)
    order = [checkpoint(tmp_path / f"step{suffix}", 2), ubp.UpdatePruning()]
    found = train(model, *(order if position == "before" else order[::-1]))
    assert found.history == history
    assert_same_weights(model, weights)


@of_both_gradients
def test_saving_between_the_beginning_and_the_end_of_a_step_changes_no_training(case, tmp_path):
    model = fresh(case)
    train(model, ubp.UpdatePruning(), SaveInStep(tmp_path / "step.weights.h5"))
    assert_same_weights(model, whole(case)[1])


@of_every_case
def test_the_length_of_an_epoch_changes_no_training(case):
    epochs, fits = fresh(case), fresh(case)
    train(epochs, end=STEPS // 2, epochs=2)
    for start in range(0, STEPS, 2):
        train(fits, start=start, end=start + 2)
    assert_same_weights(epochs, whole(case)[1])
    assert_same_weights(fits, whole(case)[1])


@pytest.mark.parametrize(
    ("case", "suffix"), [("masked", ".weights.h5"), ("straight_through", ".keras")]
)
def test_run_resumed_in_mid_epoch_equals_the_whole_one(case, suffix, tmp_path):
    path = tmp_path / f"step_5{suffix}"
    train(fresh(case), ubp.UpdatePruning(), checkpoint(path, 5))
    if suffix == ".keras":
        resumed = keras.models.load_model(path)
    else:
        resumed = fresh(case)
        resumed.optimizer.build(resumed.trainable_variables)
        resumed.load_weights(path)
    assert {int(layer.step) for layer in pruned_layers(resumed)} == {5}
    train(resumed, start=5)
    assert_same_weights(resumed, whole(case)[1])


@of_both_gradients
def test_every_file_holds_zeros_where_the_mask_prunes(case, tmp_path):
    model = fresh(case)
    train(model, ubp.UpdatePruning(), checkpoint(tmp_path / "{batch}.weights.h5", 1))
    files = sorted(tmp_path.glob("*.weights.h5"))
    assert len(files) == STEPS
    for file in files:
        for mask, kernel in stored_kernels(file):
            assert mask.dtype == bool
            assert not mask.all()
            assert kernel[mask].all()
            assert not kernel[~mask].any()


def test_what_pruned_weights_learn_is_set_aside_and_put_back():
    model = fresh("straight_through")
    train(model, end=2)
    layer = pruned_layers(model)[0]
    (kernel,) = layer.kernels
    pruned = ~kernel.mask.numpy()
    assert not kernel.variable.numpy()[pruned].any()
    aside = kernel.aside.numpy()
    assert aside[pruned].all()
    layer.put_back()
    np.testing.assert_array_equal(kernel.variable.numpy()[pruned], aside[pruned])
    assert not kernel.aside.numpy().any()


@of_both_gradients
def test_files_of_older_versions_load(case, tmp_path):
    model, path = fresh(case), tmp_path / "older.weights.h5"
    train(model)
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        for name, group in file["layers"].items():
            if name.startswith("pruned"):
                assert group["vars/2"].shape == group["vars/0"].shape
                del group["vars/2"]  # mask, step, aside
    loaded = fresh(case)
    train(loaded, end=3)
    loaded.load_weights(path)
    for ours, theirs in zip(pruned_layers(loaded), pruned_layers(model), strict=True):
        np.testing.assert_array_equal(ours.layer.kernel, theirs.layer.kernel)
        np.testing.assert_array_equal(mask_of(ours), mask_of(theirs))
        assert int(ours.step) == STEPS
        assert not ours.kernels[0].aside.numpy().any()


def test_a_kernel_that_is_assigned_between_trainings_counts():
    """As when weights are rewound to those of the beginning, under the masks of the end."""
    model = fresh("straight_through")
    layer = pruned_layers(model)[0]
    (kernel,) = layer.kernels
    initial = kernel.variable.numpy()
    train(model)
    kernel.variable.assign(initial)
    layer.begin_training()
    np.testing.assert_array_equal(kernel.variable.numpy(), initial)


@pytest.mark.parametrize("position", ["before", "after"])
def test_early_stopping_restores_masks_and_count_together(position):
    class Figure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["figure"] = epoch

    model = fresh("masked")
    stop = keras.callbacks.EarlyStopping(
        monitor="figure", mode="min", patience=1, restore_best_weights=True
    )
    order = [stop, ubp.UpdatePruning()]
    train(model, Figure(), *(order if position == "before" else order[::-1]), end=2, epochs=4)
    expected = fresh("masked")
    train(expected, end=2)
    assert [int(layer.step) for layer in pruned_layers(model)] == [2, 2]  # the first epoch's
    assert_same_weights(model, expected.get_weights())
