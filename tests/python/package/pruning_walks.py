# SPDX-License-Identifier: Apache-2.0
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
    "quantize": [3, NAN, True, TEXT, LIST, ARRAY, THING, ubp.QuantizeAware],
}
_MASK = np.ones((8, 8), np.bool_)  # of network()'s layer 'hidden'
_MASKS = [
    *[3, NAN, True, TEXT, LIST, ARRAY, THING, object, {}, keras.Sequential()],
    *[{"nothing": _MASK}, {3: _MASK}, {"hidden": 0.5}, {"hidden": _MASK.astype(np.float32)}],
    *[{"hidden": [_MASK] * 2}, {"hidden": ~np.eye(8, dtype=np.bool_)}],
]
_KEEP = [
    *[3, NAN, True, TEXT, LIST, ARRAY, THING, object, {"nothing": 3}, {3: 4}, {"last": 2}],
    *[{"hidden": value} for value in (0, 9, True, 0.5, NAN, "1", [], [8], [1, 1], ARRAY, THING)],
]
_NUMBERS = [NAN, float("inf"), True, "1.1", LIST, ARRAY, THING]
_FLOATS = [3, NAN, True, None, [3], ARRAY, THING, object]
_STEPS = {"begin_step": STEP, "frequency": [0, *STEP]}
_BLOCK = {"block_size": [None, *COUNT], "lanes": [None, *COUNT], "n": COUNT}
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


def open_network() -> keras.Model:
    """The same for any number of samples."""
    return keras.Sequential([keras.Input((8, 8, 3)), *network().layers], name="walked")


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
        "AlignedBlock": Walk(ubp.AlignedBlock, {}, _BLOCK),
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
        "KernelPattern": Walk(
            ubp.KernelPattern,
            {},
            {
                "entries": [None, *COUNT],
                "library": [None, *COUNT],
                "block_size": [None, *COUNT],
                "n": COUNT,
            },
        ),
        "KernelPattern.mask": Walk(
            ubp.KernelPattern().mask,
            {"importance": _IMPORTANCE, "sparsity": 0.8, "method": "optimal"},
            {
                "importance": LAYER,
                "sparsity": [None, *SHARE],
                "method": CHOICE,
                "input_channels": [None, 3, *COUNT],
            },
        ),
        "LatencyBudget": Walk(
            ubp.LatencyBudget, {}, {**_BUDGET, "costs": [3, NAN, True, TEXT, {}, LIST]}
        ),
        "map_schemes": Walk(
            ubp.map_schemes,
            {"model": model, "speedup": 1.0},
            {
                **none,
                "latency": [3, NAN, True, TEXT, {}, LIST],
                "budget_ms": [1.0, 0, -1, NAN, TEXT, LIST],
                "speedup": [0, None, -1, *_NUMBERS],
                "method": CHOICE,
                "importance": IMPORTANCE,
                "layers": POLICY,
                "block_sizes": [3, NAN, TEXT, [], [3], [None], ARRAY],
                "min_density": [None, *SHARE],
                "measure": [3, NAN, True, TEXT, LIST, ARRAY],
                "data": [3],
                "evaluate": [3, NAN, True, TEXT, LIST, ARRAY],
                "trials": [None, *COUNT],
                "storage": [*PATH[:3], LIST, ARRAY, THING, "journal"],
                "workers": [None, *COUNT],
                "seed": [None, *WHOLE],
                "progress": [],
            },
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
        "QuantizeAware": Walk(
            ubp.QuantizeAware,
            {},
            {"momentum": [1, None, *SHARE], "float_layers": _FLOATS},
        ),
        "ReweightedRegularization": Walk(
            ubp.ReweightedRegularization,
            {"final_sparsity": 0.5, "begin_step": 0, "end_step": 8},
            {**_REGULARIZED, "strength": POSITIVE, "epsilon": POSITIVE},
        ),
        "UnalignedBlock": Walk(ubp.UnalignedBlock, {}, {**_BLOCK, "max_per_start": COUNT}),
        "UnalignedBlock.mask": Walk(
            ubp.UnalignedBlock(4).mask,
            {"importance": _IMPORTANCE, "sparsity": 0.5, "method": "optimal"},
            {
                "importance": LAYER,
                "sparsity": [None, *SHARE],
                "method": CHOICE,
                "input_channels": ANYTHING,
            },
        ),
        "Unstructured": Walk(ubp.Unstructured, {}, {}),
        "UpdatePruning": Walk(
            ubp.UpdatePruning, {}, {"verbose": [2, -1, NAN, TEXT, None, LIST, ARRAY]}
        ),
        "channel_groups": Walk(
            ubp.channel_groups, {"model": model}, {"model": [*KERAS_MODEL, [], [3], pruned]}
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
                "block_lanes": [None, *COUNT],
                "rounds": COUNT,
                "seed": WHOLE,
                "check_inputs": [3, NAN, TEXT, ARRAY, [], THING],
                "progress": ANYTHING,
            },
        ),
        "prune": Walk(
            ubp.prune,
            {"model": model, "schedule": ubp.ConstantSparsity(0.5)},
            {
                "model": [*KERAS_MODEL, [], [3], pruned],
                "schedule": SCHEDULE,
                "masks": [*_MASKS, model],
                **_PRUNING,
            },
        ),
        "prune_without_training": Walk(
            ubp.prune_without_training,
            {
                "model": open_network(),
                "data": np.random.default_rng(0).normal(size=(16, 8, 8, 3)),
                "progress": False,
            },
            {
                "model": [*KERAS_MODEL, [], [3], pruned],
                "data": [None, 3, NAN, True, TEXT, [], {}, LIST, ARRAY, THING, object, [TEXT]],
                "sparsity": [0, 1, None, *SHARE],
                "pattern": _PRUNING["pattern"],
                "method": CHOICE,
                "layers": POLICY,
                "scope": SCOPE,
                "samples": [None, *COUNT],
                "preprocess": [3, NAN, TEXT, "raw", LIST, ARRAY, THING],
                "size": [3, NAN, TEXT, (8, 8), LIST, ARRAY, THING],
                "refit": ANYTHING,
                "damping": POSITIVE,
                "seed": [None, *WHOLE],
                "progress": ANYTHING,
            },
        ),
        "quantize": Walk(
            ubp.quantize,
            {
                "model": open_network(),
                "representative_data": np.random.default_rng(0).normal(size=(16, 8, 8, 3)),
            },
            {
                "model": [*KERAS_MODEL, [], [3], pruned, "none.keras", "."],
                "representative_data": [None, 3, NAN, True, TEXT, [], {}, LIST, ARRAY, THING],
                "mode": CHOICE,
                "io": CHOICE,
                "float_layers": [*_FLOATS, "nothing", ["nothing"]],
                "samples": [None, *COUNT],
                "preprocess": [3, NAN, TEXT, "raw", LIST, ARRAY, THING],
                "size": [3, NAN, TEXT, (8, 8), LIST, ARRAY, THING],
                "seed": [None, *WHOLE],
            },
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
        "remove_channels": Walk(
            ubp.remove_channels,
            {"model": model, "share": 0.5},
            {
                "model": [*KERAS_MODEL, [], [3], pruned],
                "share": [0, 1, *SHARE],
                "keep": _KEEP,
                "scope": CHOICE,
                "importance": IMPORTANCE,
                "multiple": [None, *COUNT],
                "check_inputs": [3, NAN, TEXT, ARRAY, [], THING],
                "seed": [None, *WHOLE],
            },
        ),
        "strip": Walk(
            ubp.strip, {"model": pruned}, {"model": [*KERAS_MODEL, model, model.layers[0]]}
        ),
    }
