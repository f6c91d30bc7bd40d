# SPDX-License-Identifier: Apache-2.0
"""Saved files of pruned models: exact zeros, resumed runs, conversion of the stripped model."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from pruning_models import (
    assert_sparsity,
    assert_stored_kernels_masked,
    compiled,
    data,
    functional_model,
    outputs,
    sequential_model,
)

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

SCHEDULE = ubp.PolynomialDecay(0.2, 0.8, 0, 8, frequency=1)
MAKERS = [functional_model, sequential_model]


def fit(model, callbacks, initial_epoch=0, epochs=1):
    x, y = data()
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=callbacks,
              initial_epoch=initial_epoch, epochs=epochs)  # fmt: skip
    return model


def pruned_model(make=sequential_model, **options):
    return compiled(ubp.prune(make(), SCHEDULE, **options), jit_compile=False)


@cache
def trained(make, epochs=1):
    """After 4 steps an epoch; not to be changed."""
    return fit(pruned_model(make), [ubp.UpdatePruning()], epochs=epochs)


def no_dropout():
    """Runs are compared bit by bit, and a loaded Dropout starts from another seed."""
    model = functional_model()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


@pytest.mark.parametrize("make", MAKERS)
def test_save_and_load(make, tmp_path):
    pruned = trained(make)
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(pruned))
    assert [int(layer.step) for layer in pruned_layers(loaded)] == [4] * len(pruned_layers(pruned))
    assert pruned_layers(loaded)[0].settings.schedule == SCHEDULE
    assert_sparsity(loaded, ubp.UnalignedBlock(4), SCHEDULE(4)[1])
    final = ubp.strip(loaded)
    np.testing.assert_array_equal(outputs(final), outputs(pruned))


def test_resumed_run_equals_the_uninterrupted_one(tmp_path):
    whole = fit(pruned_model(no_dropout), [ubp.UpdatePruning()], epochs=2)
    fit(pruned_model(no_dropout), [ubp.UpdatePruning()]).save(tmp_path / "half.keras")
    resumed = keras.models.load_model(tmp_path / "half.keras")
    fit(resumed, [ubp.UpdatePruning()], initial_epoch=1, epochs=2)
    for ours, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(("position", "save_freq"), [("before", "epoch"), ("after", 3)])
def test_checkpoints_are_exactly_sparse_for_any_order_of_callbacks(position, save_freq, tmp_path):
    path = tmp_path / "checkpoint.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_freq=save_freq)
    order = [checkpoint, ubp.UpdatePruning()]
    fit(pruned_model(gradients="straight_through"), order if position == "before" else order[::-1])
    loaded = keras.models.load_model(path)
    steps = 4 if save_freq == "epoch" else 3
    assert {int(layer.step) for layer in pruned_layers(loaded)} == {steps}
    assert_sparsity(loaded, ubp.UnalignedBlock(4), SCHEDULE(steps)[1])
    assert_stored_kernels_masked(loaded)


def test_file_holds_zeros_though_the_memory_does_not(tmp_path):
    pruned = pruned_model(functional_model)
    kernels = [layer.layer.kernel.numpy() for layer in pruned_layers(pruned)]
    assert all(kernel.all() for kernel in kernels)
    pruned.save(tmp_path / "pruned.keras")
    with zipfile.ZipFile(tmp_path / "pruned.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    stored = {}
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                stored.update({name: np.asarray(item)})
                if isinstance(item, h5py.Dataset) and name.startswith("layers/")
                else None
            )
        )
    for layer in pruned_layers(pruned):
        sparse = np.where(layer.kernels[0].mask.numpy(), layer.layer.kernel.numpy(), 0)
        matches = [
            value
            for value in stored.values()
            if value.shape == sparse.shape and value.dtype == np.float32
        ]
        assert any(np.array_equal(value, sparse) for value in matches), layer.name


def test_weights_file(tmp_path):
    pruned = trained(sequential_model)
    pruned.save_weights(tmp_path / "pruned.weights.h5")
    other = pruned_model()
    other.load_weights(tmp_path / "pruned.weights.h5")
    np.testing.assert_array_equal(outputs(other), outputs(pruned))
    assert int(pruned_layers(other)[0].step) == 4


@pytest.mark.parametrize("position", ["before", "after"])
def test_backup_and_restore(position, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def callbacks():
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        order = [backup, ubp.UpdatePruning()]
        return order if position == "before" else order[::-1]

    with pytest.raises(KeyboardInterrupt):
        fit(pruned_model(), [*callbacks(), Stop()], epochs=2)
    restarted = fit(pruned_model(), callbacks(), epochs=2)
    whole = trained(sequential_model, epochs=2)
    for ours, expected in zip(restarted.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_early_stopping_restores_mask_and_weights_together():
    pruned = pruned_model()
    stop = keras.callbacks.EarlyStopping(
        monitor="sparsity", mode="min", patience=1, restore_best_weights=True
    )
    fit(pruned, [ubp.UpdatePruning(), stop], epochs=4)
    assert_sparsity(pruned, ubp.UnalignedBlock(4), SCHEDULE(4)[1])  # of the first epoch
    assert_stored_kernels_masked(pruned)


def test_loading_in_a_new_process(tmp_path):
    pruned_model().save(tmp_path / "pruned.keras")
    code = (
        "import sys, keras, ubp.pruning\n"
        "ubp.pruning.strip(keras.models.load_model(sys.argv[1])).save(sys.argv[2])\n"
    )
    final = tmp_path / "final.keras"
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "pruned.keras", final],
        check=True,
        capture_output=True,
        cwd=Path(ubp.__file__).parents[1],
        timeout=120,
    )
    assert not keras.models.load_model(final).get_layer("hidden").kernel.numpy().all()


@pytest.mark.parametrize("make", MAKERS)
def test_converter_keeps_the_zeros_of_the_stripped_model(make):
    import tensorflow as tf

    pruned = trained(make)
    final = ubp.strip(pruned)
    content = tf.lite.TFLiteConverter.from_keras_model(final).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    details = interpreter.get_tensor_details()
    for layer in pruned_layers(pruned):
        mask = np.moveaxis(layer.kernels[0].mask.numpy(), -1, 0)  # TFLite: output channels first
        candidates = [
            interpreter.get_tensor(tensor["index"])
            for tensor in details
            if tuple(tensor["shape"]) == mask.shape and tensor["dtype"] == np.float32
        ]
        assert any(np.array_equal(value != 0, mask) for value in candidates), layer.name


REGISTERED = {
    "ADMM",
    "AlignedBlock",
    "ConstantSparsity",
    "CustomImportance",
    "CustomSchedule",
    "FakeQuantize",
    "FloatBoundary",
    "GivenMasks",
    "GlobalBudget",
    "GradientImportance",
    "KernelPattern",
    "LatencyBudget",
    "LearnedRange",
    "Magnitude",
    "PerLayer",
    "PolynomialDecay",
    "PrunedLayer",
    "PruningSettings",
    "QuantizedLayer",
    "ReweightedRegularization",
    "SquaredMagnitude",
    "UnalignedBlock",
    "Unstructured",
}


def test_the_names_in_files_are_those_of_earlier_versions():
    names = {name for name in keras.saving.get_custom_objects() if name.startswith("ubp>")}
    assert names == {f"ubp>{name}" for name in REGISTERED}


@pytest.mark.parametrize("pattern", [ubp.UnalignedBlock(4), ubp.AlignedBlock(4)], ids=str)
def test_a_file_from_before_modules_moved_loads(tmp_path, pattern):
    """The modules that it names are no more; a pattern's only field was called `n`."""
    pruned = pruned_model(pattern=pattern, layers="hidden", scope=ubp.GlobalBudget())
    fit(pruned, [ubp.UpdatePruning()]).save(tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                text, fields = re.subn(r'"block_size": 4', '"n": 4', content.decode())
                text, modules = re.subn(
                    r'"ubp\.(?:masking|pruning)[a-z_.]*"', '"ubp.pruning.gone"', text
                )
                assert fields and modules > fields
                content = text.encode()
            old.writestr(name, content)
    loaded = keras.models.load_model(tmp_path / "old.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(pruned))
    assert all(layer.settings.pattern == pattern for layer in pruned_layers(loaded))
