# SPDX-License-Identifier: Apache-2.0
"""What ADMM and reweighted regularisation have in common: when they act, saving, training."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import (
    assert_blocks,
    assert_sparsity,
    assert_stored_kernels_masked,
    compiled,
    data,
    functional_model,
    mask_of,
    outputs,
    sequential_model,
)

import ubp
from ubp.masking.updates import update_at_step_zero
from ubp.pruning.layers.pruned_layer import pruned_layers

SPARSITY = 0.75
ADMM = ubp.ADMM(SPARSITY, begin_step=0, end_step=8, frequency=2, rho=0.1, final_rho=0.5)
REWEIGHTED = ubp.ReweightedRegularization(
    SPARSITY, begin_step=0, end_step=8, frequency=2, strength=1e-3
)
both = pytest.mark.parametrize("schedule", [ADMM, REWEIGHTED], ids=["admm", "reweighted"])


def fit(model, *callbacks, epochs=1, initial_epoch=0):
    """4 steps an epoch."""
    x, y = data()
    return model.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[*callbacks],
                     epochs=epochs, initial_epoch=initial_epoch)  # fmt: skip


def kernels_of(model):
    return [kernel for layer in pruned_layers(model) for kernel in layer.kernels]


def strengths(model):
    return [float(kernel.penalty.strength.numpy()) for kernel in kernels_of(model)]


@both
def test_masks_are_due_at_the_end_and_penalties_before(schedule):
    due = [step for step in range(20) if schedule(step)[0]]
    assert due == [0, 2, 4, 6, 8]
    assert {schedule(step)[1] for step in range(8)} == {0.0}
    assert {schedule(step)[1] for step in range(8, 20)} == {SPARSITY}
    assert [schedule.strength_at(step) > 0 for step in (0, 7, 8, 9)] == [True, True, False, False]


def test_end_need_not_be_a_multiple_of_the_frequency():
    schedule = ubp.ADMM(SPARSITY, begin_step=3, end_step=10, frequency=4)
    assert [step for step in range(20) if schedule(step)[0]] == [3, 7, 10]
    assert schedule.strength_at(2) == 0.0


@both
def test_another_final_sparsity(schedule):
    changed = schedule.ending_at(0.5)
    assert changed(8) == (True, 0.5)
    assert (type(changed), changed.frequency) == (type(schedule), schedule.frequency)


@both
def test_serialisation_round_trip(schedule):
    config = keras.saving.serialize_keras_object(schedule)
    assert keras.saving.deserialize_keras_object(config) == schedule


@pytest.mark.parametrize(
    ("schedule", "jit_compile"), [(ADMM, False), (REWEIGHTED, True)], ids=["admm", "reweighted"]
)
def test_all_weights_train_until_the_blocks_are_kept(schedule, jit_compile):
    pruned = compiled(ubp.prune(functional_model(), schedule), jit_compile=jit_compile)
    before = [kernel.stored() for kernel in kernels_of(pruned)]
    update = ubp.UpdatePruning()
    fit(pruned, update)
    for layer, kernel, old in zip(pruned_layers(pruned), kernels_of(pruned), before, strict=True):
        assert layer.sparsity == 0.0
        assert np.mean(kernel.stored() != old) > 0.9  # a ReLU that is never active trains nothing
    assert [each.step for each in update.updates] == [4] * len(before)
    assert all(0.0 < each.residual < 2.0 for each in update.updates)
    fit(pruned, update)
    assert_sparsity(pruned, ubp.UnalignedBlock(4), SPARSITY)
    assert_stored_kernels_masked(pruned)
    assert [each.residual for each in update.updates] == [None] * len(before)
    masks = [mask_of(layer) for layer in pruned_layers(pruned)]
    fit(pruned, update)
    for layer, mask in zip(pruned_layers(pruned), masks, strict=True):
        np.testing.assert_array_equal(mask_of(layer), mask)


@both
def test_the_penalty_is_a_loss_until_the_end_and_of_the_pruned_model_alone(schedule):
    pruned = compiled(ubp.prune(sequential_model(), schedule), jit_compile=False)
    fit(pruned, ubp.UpdatePruning())
    assert len(pruned.losses) == 2
    assert all(float(loss) > 0 for loss in pruned.losses)
    final = ubp.strip(pruned)
    assert not final.losses
    np.testing.assert_array_equal(outputs(final), outputs(pruned))
    fit(pruned, ubp.UpdatePruning())
    assert [float(loss) for loss in pruned.losses] == [0.0, 0.0]
    assert strengths(pruned) == [0.0, 0.0]


@both
def test_no_penalty_before_the_beginning(schedule):
    late = type(schedule)(SPARSITY, begin_step=2, end_step=8, frequency=2)
    pruned = ubp.prune(sequential_model(), late)
    assert [float(loss) for loss in pruned.losses] == [0.0, 0.0]


@both
def test_penalty_joins_the_regulariser_and_counts_once(schedule):
    inputs = keras.Input((8,))
    shared = layers.Dense(8, name="shared", kernel_regularizer=keras.regularizers.L2(0.5))
    model = keras.Model(inputs, layers.Dense(2)(shared(shared(inputs))))
    own = float(sum(model.losses))
    pruned = ubp.prune(model, schedule, layers="shared")
    (kernel,) = kernels_of(pruned)
    tensors = {name: value.numpy() for name, value in kernel.penalty.state.items()}
    penalty = float(schedule.penalty(kernel.variable.numpy(), tensors, np.sum))
    assert own > 0 and penalty > 0
    (loss,) = pruned.losses
    assert float(loss) == pytest.approx(own + schedule.strength_at(0) * penalty, rel=1e-5)
    (loss,) = ubp.strip(pruned).losses
    assert float(loss) == pytest.approx(own, rel=1e-5)


@pytest.mark.parametrize(
    ("schedule", "gradients"),
    [(ADMM, "masked"), (REWEIGHTED, "straight_through")],
    ids=["admm", "reweighted"],
)
def test_resumed_run_equals_the_uninterrupted_one(schedule, gradients, tmp_path):
    def fresh():
        return compiled(
            ubp.prune(sequential_model(), schedule, gradients=gradients), jit_compile=False
        )

    whole = fresh()
    fit(whole, ubp.UpdatePruning(), epochs=3)
    half = fresh()
    fit(half, ubp.UpdatePruning())
    half.save(tmp_path / "half.keras")
    resumed = keras.models.load_model(tmp_path / "half.keras")
    assert strengths(resumed) == strengths(half) != [0.0, 0.0]
    fit(resumed, ubp.UpdatePruning(), initial_epoch=1, epochs=3)
    for ours, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


@both
def test_an_update_at_step_zero_may_come_twice(schedule):
    pruned = ubp.prune(sequential_model(), schedule)
    before = pruned.get_weights()
    update_at_step_zero(pruned_layers(pruned))
    for ours, expected in zip(pruned.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    ("schedule", "scope"), [(ADMM, "global"), (REWEIGHTED, "latency")], ids=["admm", "reweighted"]
)
def test_one_budget_for_many_kernels(schedule, scope):
    pruned = compiled(ubp.prune(functional_model(), schedule, scope=scope), jit_compile=False)
    fit(pruned, ubp.UpdatePruning(), epochs=2)
    masks = [mask_of(layer) for layer in pruned_layers(pruned)]
    for mask in masks:
        assert_blocks(mask, 4)
    assert len({round(float(mask.mean()), 3) for mask in masks}) > 1
    if scope == "global":
        kept = sum(mask.sum() for mask in masks) / sum(mask.size for mask in masks)
        assert kept == pytest.approx(1.0 - SPARSITY, abs=1e-3)
    assert_stored_kernels_masked(pruned)


@both
def test_layers_may_differ(schedule):
    policy = {
        "hidden": {"sparsity": 0.5, "pattern": ubp.AlignedBlock(2)},
        "conv_1x1": {"schedule": ubp.ConstantSparsity(0.75)},
    }
    pruned = compiled(ubp.prune(sequential_model(), schedule, layers=policy), jit_compile=False)
    fit(pruned, ubp.UpdatePruning(), epochs=2)
    hidden, conv = pruned.get_layer("hidden"), pruned.get_layer("conv_1x1")
    assert hidden.sparsity == 0.5
    assert_blocks(mask_of(hidden), 2, aligned=True)
    assert conv.sparsity == 0.75
    assert conv.kernels[0].penalty is None


@pytest.mark.parametrize(
    ("schedule", "policy"),
    [(ADMM, "mixed_float16"), (REWEIGHTED, "mixed_bfloat16")],
    ids=["admm", "reweighted"],
)
def test_mixed_precision(schedule, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = sequential_model()
    finally:
        keras.config.set_dtype_policy("float32")
    pruned = compiled(ubp.prune(model, schedule), jit_compile=False)
    assert {loss.dtype.name for loss in pruned.losses} == {"float32"}
    history = fit(pruned, ubp.UpdatePruning(), epochs=3).history["loss"]
    assert np.isfinite(history).all()
    assert_sparsity(pruned, ubp.UnalignedBlock(4), SPARSITY)


@both
def test_steps_per_execution(schedule):
    pruned = ubp.prune(sequential_model(), schedule)
    compiled(pruned, jit_compile=False, steps_per_execution=3)
    fit(pruned, ubp.UpdatePruning())
    assert 0.0 not in strengths(pruned)
    fit(pruned, ubp.UpdatePruning())
    assert strengths(pruned) == [0.0, 0.0]
    assert_sparsity(pruned, ubp.UnalignedBlock(4), SPARSITY)


def test_progress_line(caplog):
    pruned = compiled(ubp.prune(sequential_model(), ADMM), jit_compile=False)
    fit(pruned, ubp.UpdatePruning(verbose=1), epochs=2)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ubp.")]
    assert "step 6: 2 kernels" in lines[-2] and "% of their norm away from blocks" in lines[-2]
    assert "step 8: 75.0" in lines[-1] and "pruned" in lines[-1]


@both
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"final_sparsity": 1.2}, r"final_sparsity is 1.2; expected a number above 0, below 1"),
        ({"final_sparsity": 0.0}, "final_sparsity is 0.0; expected a number above 0"),
        ({"begin_step": -1}, "begin_step is -1; expected a whole number"),
        ({"begin_step": 9}, "end_step 8 comes before begin_step 9; expected a later step"),
        ({"begin_step": 8}, "end_step is begin_step; expected a later step"),
        ({"frequency": 0}, "frequency is 0; expected a whole number"),
    ],
)
def test_mistakes_end_in_a_clear_sentence(schedule, arguments, message):
    with pytest.raises(ValueError, match=message):
        type(schedule)(**({"final_sparsity": 0.5, "begin_step": 0, "end_step": 8} | arguments))
