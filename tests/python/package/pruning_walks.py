"""The public callables of ubp.pruning."""

from __future__ import annotations

import keras
import numpy as np
from wrong_arguments import (
    ANYTHING,
    ARRAY,
    CALLABLE,
    CHOICE,
    COUNT,
    IMPORTANCE,
    KERAS_MODEL,
    LAYER,
    LIST,
    NAN,
    PATH,
    POLICY,
    POSITIVE,
    SCHEDULE,
    SCOPE,
    SHARE,
    STEP,
    TEXT,
    THING,
    WHOLE,
    Walk,
)

import ubp

_IMPORTANCE = np.arange(32.0).reshape(4, 8)
_PRUNING = {
    "pattern": [None, 4, NAN, TEXT, LIST, ARRAY, ubp.UnalignedBlock],
    "method": CHOICE,
    "gradients": CHOICE,
    "importance": IMPORTANCE,
    "scope": SCOPE,
    "layers": POLICY,
}
_STEPS = {"begin_step": STEP, "frequency": [0, *STEP]}
_REGULARIZED = {"final_sparsity": [0, 1, *SHARE], "end_step": STEP, **_STEPS}
_BUDGET = {"normalize": CHOICE, "min_density": SHARE, "max_density": [0, *SHARE]}


def network() -> keras.Model:
    """A model whose layer 'hidden' is pruned by default."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3), batch_size=1),
            layers.Conv2D(8, 3, name="stem"),
            layers.Conv2D(8, 1, name="hidden"),
            layers.Flatten(),
            layers.Dense(4, name="last"),
        ],
        name="walked",
    )


def normalised() -> keras.Model:
    """A model with statistics of batch normalisation."""
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.BatchNormalization()], name="normalised"
    )


def pruning_walks() -> dict[str, Walk]:
    """By the public name."""
    model = network()
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5))
    none = {"model": KERAS_MODEL}
    return {
        "ADMM": Walk(
            ubp.ADMM,
            {"final_sparsity": 0.5, "begin_step": 0, "end_step": 8},
            {**_REGULARIZED, "rho": POSITIVE, "final_rho": POSITIVE},
        ),
        "AlignedBlock": Walk(ubp.AlignedBlock, {}, {"block_size": [None, *COUNT], "n": COUNT}),
        "ConstantSparsity": Walk(
            ubp.ConstantSparsity,
            {"target_sparsity": 0.5},
            {"target_sparsity": [1, None, *SHARE], "end_step": STEP, **_STEPS},
        ),
        "CustomSchedule": Walk(
            ubp.CustomSchedule,
            {"function": lambda step: 0.5},
            {"function": [None, *CALLABLE, object], "frequency": [0, *STEP]},
        ),
        "GlobalBudget": Walk(ubp.GlobalBudget, {}, _BUDGET),
        "LatencyBudget": Walk(
            ubp.LatencyBudget, {}, {**_BUDGET, "costs": [3, NAN, True, TEXT, {}, LIST]}
        ),
        "PolynomialDecay": Walk(
            ubp.PolynomialDecay,
            {"initial_sparsity": 0.0, "final_sparsity": 0.5, "begin_step": 0, "end_step": 100},
            {
                "initial_sparsity": [1, None, *SHARE],
                "final_sparsity": [1, None, *SHARE],
                "end_step": STEP,
                "power": POSITIVE,
                **_STEPS,
            },
        ),
        "PruningSummaries": Walk(ubp.PruningSummaries, {"log_dir": "logs"}, {"log_dir": PATH}),
        "ReweightedRegularization": Walk(
            ubp.ReweightedRegularization,
            {"final_sparsity": 0.5, "begin_step": 0, "end_step": 8},
            {**_REGULARIZED, "strength": POSITIVE, "epsilon": POSITIVE},
        ),
        "UnalignedBlock": Walk(ubp.UnalignedBlock, {}, {"block_size": [None, *COUNT], "n": COUNT}),
        "UnalignedBlock.mask": Walk(
            ubp.UnalignedBlock(4).mask,
            {"importance": _IMPORTANCE, "sparsity": 0.5, "method": "optimal"},
            {"importance": LAYER, "sparsity": [None, *SHARE], "method": CHOICE},
        ),
        "Unstructured": Walk(ubp.Unstructured, {}, {}),
        "UpdatePruning": Walk(
            ubp.UpdatePruning, {}, {"verbose": [2, -1, NAN, TEXT, None, LIST, ARRAY]}
        ),
        "permute_channels": Walk(
            ubp.permute_channels,
            {"model": model, "progress": False, "rounds": 1},
            {
                **none,
                "block_size": [None, *COUNT],
                "sparsity": [0, 1, None, *SHARE],
                "method": CHOICE,
                "layers": POLICY,
                "rounds": COUNT,
                "seed": WHOLE,
                "check_inputs": [3, NAN, TEXT, ARRAY, [], THING],
                "progress": ANYTHING,
            },
        ),
        "prune": Walk(
            ubp.prune,
            {"model": model, "schedule": ubp.ConstantSparsity(0.5)},
            {"model": [*KERAS_MODEL, [], [3], pruned], "schedule": SCHEDULE, **_PRUNING},
        ),
        "pruning_summary": Walk(
            ubp.pruning_summary,
            {"model": model, "print_fn": str},
            {**none, "pattern": _PRUNING["pattern"], "print_fn": CALLABLE},
        ),
        "recalibrate_batch_norm": Walk(
            ubp.recalibrate_batch_norm,
            {"model": normalised(), "data": np.zeros((2, 3), np.float32)},
            {
                "model": [*KERAS_MODEL, [], [3], model],
                "data": [
                    *[None, 3, NAN, True, TEXT, [], {}, LIST, ARRAY, THING, object, [TEXT]],
                    *[np.zeros((0, 3)), np.zeros((2, 3), "U1"), np.full((2, 3), NAN), iter([])],
                    *[iter([3]), iter([np.zeros((2, 4))]), [np.zeros((2, 3))] * 2],
                ],
                "batch_size": [None, *COUNT],
            },
        ),
        "strip": Walk(
            ubp.strip, {"model": pruned}, {"model": [*KERAS_MODEL, model, model.layers[0]]}
        ),
    }
