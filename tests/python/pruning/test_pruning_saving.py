"""Saved files of pruned models: resumed runs, exact zeros and conversion of the stripped model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from pruning_models import (
    assert_sparsity,
    compiled,
    data,
    functional_model,
    outputs,
    sequential_model,
)

import ubp
from ubp.pruning.wrapper import pruned_layers

SCHEDULE = ubp.PolynomialDecay(0.2, 0.8, 0, 8, frequency=1)
MAKERS = [functional_model, sequential_model]


def fit(model, callbacks, initial_epoch=0, epochs=1):
    x, y = data()
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=callbacks,
              initial_epoch=initial_epoch, epochs=epochs)  # fmt: skip
    return model


def pruned_model(make=sequential_model, **options):
    return compiled(ubp.prune(make(), SCHEDULE, **options), jit_compile=False)


def no_dropout(make):
    """Runs are compared bit by bit, and a loaded Dropout starts from another seed."""
    model = make()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


@pytest.mark.parametrize("make", MAKERS)
def test_save_and_load(make, tmp_path):
    pruned = fit(pruned_model(make), [ubp.UpdatePruning()])
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(pruned))
    assert [int(layer.step) for layer in pruned_layers(loaded)] == [4] * len(pruned_layers(pruned))
    assert pruned_layers(loaded)[0].settings.schedule == SCHEDULE
    assert_sparsity(loaded, ubp.UnalignedBlock(4), SCHEDULE(4)[1])
    final = ubp.strip(loaded)
    np.testing.assert_array_equal(outputs(final), outputs(pruned))


@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
@pytest.mark.parametrize("make", MAKERS)
def test_resumed_run_equals_the_uninterrupted_one(make, gradients, tmp_path):
    def fresh():
        return compiled(
            ubp.prune(no_dropout(make), SCHEDULE, gradients=gradients), jit_compile=False
        )

    whole = fit(fresh(), [ubp.UpdatePruning()], epochs=2)
    fit(fresh(), [ubp.UpdatePruning()]).save(tmp_path / "half.keras")
    resumed = keras.models.load_model(tmp_path / "half.keras")
    fit(resumed, [ubp.UpdatePruning()], initial_epoch=1, epochs=2)
    for ours, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_checkpoints_strip_to_exact_zeros_for_any_order_of_callbacks(position, save_freq, tmp_path):
    path = tmp_path / "checkpoint.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_freq=save_freq)
    order = [checkpoint, ubp.UpdatePruning()]
    fit(pruned_model(gradients="straight_through"), order if position == "before" else order[::-1])
    loaded = keras.models.load_model(path)
    steps = 4 if save_freq == "epoch" else 3
    assert {int(layer.step) for layer in pruned_layers(loaded)} == {steps}
    assert_sparsity(loaded, ubp.UnalignedBlock(4), SCHEDULE(steps)[1])
    final = ubp.strip(loaded)
    for layer in pruned_layers(loaded):
        zeros = final.get_layer(layer.name).kernel.numpy() == 0.0
        np.testing.assert_array_equal(zeros, ~layer.kernels[0].mask.numpy())


@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
def test_training_depends_on_no_file_and_no_epoch(gradients, tmp_path):
    """The same eight steps: at once, in two epochs, saved on the way, from the file of step 6."""

    def fresh():
        model = ubp.prune(sequential_model(), SCHEDULE, gradients=gradients)
        return compiled(model, jit_compile=False)

    def trained(model, x, y, *callbacks, epochs=1):
        model.fit(x, y, batch_size=8, shuffle=False, verbose=0, epochs=epochs,
                  callbacks=[ubp.UpdatePruning(), *callbacks])  # fmt: skip
        return model.get_weights()

    x, y = data()
    twice = np.concatenate([x, x]), np.concatenate([y, y])
    whole = trained(fresh(), *twice)
    path = tmp_path / "step_6.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_freq=6)
    others = {
        "epochs": trained(fresh(), x, y, epochs=2),
        "saved": trained(fresh(), *twice, checkpoint),
        "resumed": trained(keras.models.load_model(path), x[16:], y[16:]),
    }
    for name, weights in others.items():
        for found, expected in zip(weights, whole, strict=True):
            np.testing.assert_array_equal(found, expected, err_msg=name)


def test_weights_file(tmp_path):
    pruned = fit(pruned_model(), [ubp.UpdatePruning()])
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
    whole = fit(pruned_model(), [ubp.UpdatePruning()], epochs=2)
    for ours, expected in zip(restarted.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("position", ["before", "after"])
def test_early_stopping_restores_masks_and_count_together(position):
    class Figure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["figure"] = epoch

    pruned = pruned_model()
    stop = keras.callbacks.EarlyStopping(
        monitor="figure", mode="min", patience=1, restore_best_weights=True
    )
    order = [stop, ubp.UpdatePruning()]
    fit(pruned, [Figure(), *(order if position == "before" else order[::-1])], epochs=4)
    assert {int(layer.step) for layer in pruned_layers(pruned)} == {4}
    assert_sparsity(pruned, ubp.UnalignedBlock(4), SCHEDULE(4)[1])  # of the first epoch


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

    pruned = fit(pruned_model(make), [ubp.UpdatePruning()])
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
