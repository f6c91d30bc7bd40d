# SPDX-License-Identifier: Apache-2.0
"""Schedules: the meaning of tensorflow-model-optimization's, whose objects are accepted too."""

from __future__ import annotations

import warnings

import keras
import pytest

from ubp.masking.schedules import CustomSchedule, as_schedule
from ubp.pruning import ConstantSparsity, PolynomialDecay


def tfmot_schedules():
    return pytest.importorskip(
        "tensorflow_model_optimization.python.core.sparsity.keras.pruning_schedule"
    )


@keras.saving.register_keras_serializable(package="test")
def staircase(step):
    return step % 10 == 0, 0.5 if step < 20 else 0.75


CONSTANT = [
    {"target_sparsity": 0.5, "begin_step": 0},
    {"target_sparsity": 0.8, "begin_step": 7, "end_step": 31, "frequency": 5},
    {"target_sparsity": 0.0, "begin_step": 3, "end_step": 3, "frequency": 1},
]
POLYNOMIAL = [
    {"initial_sparsity": 0.2, "final_sparsity": 0.9, "begin_step": 0, "end_step": 100},
    {
        "initial_sparsity": 0.0,
        "final_sparsity": 0.8,
        "begin_step": 10,
        "end_step": 40,
        "power": 1,
        "frequency": 3,
    },
]
CASES = [
    *(("ConstantSparsity", arguments) for arguments in CONSTANT),
    *(("PolynomialDecay", arguments) for arguments in POLYNOMIAL),
]


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_same_values_as_tfmot(kind, arguments):
    theirs = getattr(tfmot_schedules(), kind)(**arguments)
    ours = {"ConstantSparsity": ConstantSparsity, "PolynomialDecay": PolynomialDecay}[kind](
        **arguments
    )
    for step in range(120):
        is_due, sparsity = theirs(step)
        assert ours(step) == (bool(is_due), pytest.approx(float(sparsity), abs=1e-6)), step


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_tfmot_object_becomes_ours(kind, arguments):
    adapted = as_schedule(getattr(tfmot_schedules(), kind)(**arguments))
    assert type(adapted) in (ConstantSparsity, PolynomialDecay)
    assert type(adapted).__name__ == kind
    assert {name: getattr(adapted, name) for name in arguments} == arguments


def test_subclass_of_a_tfmot_schedule_is_called_not_replaced():
    module = tfmot_schedules()

    class Jump(module.ConstantSparsity):
        def __call__(self, step):
            return super().__call__(step)[0], 0.25

    adapted = as_schedule(Jump(0.9, begin_step=0, frequency=2))
    assert [adapted(step) for step in range(3)] == [(True, 0.25), (False, 0.25), (True, 0.25)]


def test_callable_is_accepted():
    schedule = as_schedule(staircase)
    assert schedule(10) == (True, 0.5)
    assert schedule(25) == (False, 0.75)


@pytest.mark.parametrize(
    "schedule",
    [
        ConstantSparsity(0.5, 3, 9, 2),
        PolynomialDecay(0.1, 0.7, 0, 40, 2.5, 4),
        as_schedule(staircase),
    ],
    ids=["constant", "polynomial", "custom"],
)
def test_serialisation_round_trip(schedule):
    config = keras.saving.serialize_keras_object(schedule)
    assert keras.saving.deserialize_keras_object(config) == schedule


def test_defaults_are_one_shot_at_step_zero():
    assert ConstantSparsity(0.8)(0) == (True, 0.8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConstantSparsity(1.2), "target_sparsity is 1.2; expected a number in"),
        (lambda: ConstantSparsity(-0.1), "target_sparsity is -0.1"),
        (lambda: ConstantSparsity(float("nan")), "target_sparsity is nan"),
        (
            lambda: ConstantSparsity(0.5, -1),
            "begin_step is -1; expected a whole number",
        ),
        (lambda: ConstantSparsity(0.5, 10, 5), "end_step 5 comes before begin_step 10"),
        (
            lambda: ConstantSparsity(0.5, 0, -2),
            "end_step is -2; expected a whole number",
        ),
        (
            lambda: ConstantSparsity(0.5, frequency=0),
            "frequency is 0; expected a whole number",
        ),
        (lambda: PolynomialDecay(0.0, 1.0, 0, 100), "final_sparsity is 1.0"),
        (lambda: PolynomialDecay(1.5, 0.8, 0, 100), "initial_sparsity is 1.5"),
        (
            lambda: PolynomialDecay(0.0, 0.8, 0, -1),
            "end_step is -1; expected a whole",
        ),
        (lambda: PolynomialDecay(0.0, 0.8, 9, 9), "end_step is begin_step"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_final_sparsity_that_is_never_reached_is_warned_of():
    with pytest.warns(UserWarning, match=r"step 200, reaches sparsity 0\.79.*let frequency divide"):
        PolynomialDecay(0.0, 0.8, 0, 250)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PolynomialDecay(0.0, 0.8, 0, 300)


@pytest.mark.parametrize("schedule", [0.8, None, ConstantSparsity], ids=str)
def test_what_is_no_schedule_is_refused(schedule):
    with pytest.raises(TypeError, match="expected a schedule such as"):
        as_schedule(schedule)


@pytest.mark.parametrize("result", [1.0, -0.1, "half", None, (True, 1.0), (True,), (True, 0.5, 1)])
def test_bad_results_of_a_callable_are_refused(result):
    with pytest.raises(ValueError, match=r"returned .* at step 4; expected a sparsity in \[0, 1\)"):
        CustomSchedule(lambda step: result)(4)


def test_a_callable_that_returns_only_a_sparsity_is_due_at_its_frequency():
    schedule = CustomSchedule(lambda step: step / 1000, frequency=50)
    assert [step for step in range(1, 201) if schedule(step)[0]] == [50, 100, 150, 200]
    assert schedule(150) == (True, 0.15)
    assert as_schedule(lambda step: 0.5)(100) == (True, 0.5)


def test_another_final_sparsity():
    assert ConstantSparsity(0.5, 3).ending_at(0.7) == ConstantSparsity(0.7, 3)
    gradual = PolynomialDecay(0.1, 0.8, 0, 100)
    assert gradual.ending_at(0.9) == PolynomialDecay(0.1, 0.9, 0, 100)
    with pytest.raises(ValueError, match="caller's own, whose sparsity cannot be replaced"):
        CustomSchedule(lambda step: 0.5).ending_at(0.9)
