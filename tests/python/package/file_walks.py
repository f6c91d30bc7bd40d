# SPDX-License-Identifier: Apache-2.0
"""The public callables that read, run or write files."""

from __future__ import annotations

import numpy as np
from wrong_arguments import (
    ANYTHING,
    ARRAY,
    CHOICE,
    COUNT,
    FILE,
    LIST,
    MODEL,
    NAN,
    NUMBER,
    PATH,
    SHARE,
    TEXT,
    THING,
    WHOLE,
    Walk,
)

import ubp
from fuzz.builder import ModelBuilder
from ubp import runtime, timing


def one_convolution() -> bytes:
    """A model of one convolution, most of whose weights are zero."""
    model = ModelBuilder()
    graph = model.subgraph()
    bias = graph.constant(np.zeros(64, np.float32), "b")
    weights = np.zeros((64, 1, 1, 64), np.float32)
    weights[8:12] = 1.5
    w = graph.constant(weights, "w")
    graph.output(graph.conv(graph.input([1, 8, 8, 64]), w, bias))
    return model.build()


_COUNTS = {"runs": COUNT, "seed": WHOLE, "num_threads": COUNT}
_INPUTS = [3, NAN, TEXT, [], [3], [None], ["none.npy"], ARRAY, [np.zeros((1, 8, 8, 3))]]
_SHAPES = [3, NAN, TEXT, [8], [], [(1, 8, 8, NAN)], [(1, 8, 8, True)], [(-1, 8, 8, 64)], ARRAY]
_SAMPLES = np.random.default_rng(0).normal(size=(70, 8, 8, 64))
_DELEGATE = {
    "kernel": CHOICE,
    "take": CHOICE,
    "nothing": [3],
    "log": CHOICE,
    "num_threads": [-1, True, 1.5, NAN, LIST, ARRAY],
}


def file_walks(dense: bytes, sparse: bytes) -> dict[str, Walk]:
    """By the public name.

    Args:
        dense: a .tflite file with an input of [1, 8, 8, 64].
        sparse: the converted one.
    """
    return {
        "CompiledModel": Walk(
            ubp.CompiledModel,
            {"model": dense},
            {
                "model": MODEL,
                "environment": [3, NAN, True, TEXT, LIST, ARRAY, THING],
                **_DELEGATE,
                "num_threads": COUNT,
            },
        ),
        "litert_environment": Walk(ubp.litert_environment, {}, _DELEGATE),
        "ConversionResult.save": Walk(
            ubp.convert(dense).save,
            {"path": "new.tflite"},
            {"path": [*PATH, ".", "none/new.tflite", "-"], "overwrite": ANYTHING},
        ),
        "Interpreter": Walk(
            ubp.Interpreter,
            {"model": dense},
            {
                "model": MODEL,
                "model_path": [dense],
                "model_content": ["none.tflite"],
                "experimental_delegates": [3, TEXT, [3]],
                **_DELEGATE,
                "num_threads": COUNT,
            },
        ),
        "benchmark": Walk(
            ubp.benchmark,
            {
                "interpreters": {"x": ubp.Interpreter(dense)},
                "rounds": 1,
                "block": 1,
                "progress": False,
            },
            {
                "interpreters": [
                    None,
                    3,
                    TEXT,
                    [],
                    {"x": 3},
                    {"x": "none.tflite"},
                    {"x": b""},
                    ARRAY,
                ],
                "rounds": COUNT,
                "block": COUNT,
                "seed": WHOLE,
                "progress": ANYTHING,
                "inputs": _INPUTS,
            },
        ),
        "convert": Walk(
            ubp.convert,
            {"model": dense},
            {
                "model": MODEL,
                "block_size": [3, None, *COUNT, {"nothing": 4}, {"w": 3}, {"w": TEXT}],
                "weights": CHOICE,
                "min_speedup": [-1, None, *NUMBER],
                "costs": [3, NAN, None, TEXT, LIST, ARRAY],
                "shapes": _SHAPES,
            },
        ),
        "delegate_path": Walk(ubp.delegate_path, {}, {}),
        "load_delegate": Walk(ubp.load_delegate, {}, _DELEGATE),
        "prune_tflite": Walk(
            ubp.prune_tflite,
            {"model": dense, "data": _SAMPLES, "layers": "w", "progress": False},
            {
                "model": [*MODEL, sparse],
                "data": [None, 3, NAN, True, object, ARRAY, "", TEXT, [], [3], {}, {"z": ARRAY}],
                "sparsity": [None, *SHARE],
                "pattern": CHOICE,
                "block_size": [3, None, *COUNT, {"nothing": 4}, {"w": 3}, {"w": TEXT}],
                "block_lanes": [None, *COUNT],
                "scope": CHOICE,
                "layers": [3, NAN, True, TEXT, [], [3], ARRAY],
                "preprocess": [3, NAN, True, TEXT, ARRAY],
                "size": ANYTHING,
                "samples": [None, *COUNT],
                "refit": ANYTHING,
                "signature": [3, True, TEXT],
                "seed": [None, *WHOLE],
                "num_threads": COUNT,
                "progress": ANYTHING,
            },
        ),
        "Preprocessing": Walk(
            ubp.Preprocessing,
            {},
            {
                "mean": [None, *NUMBER],
                "scale": [0, None, *NUMBER],
                "order": CHOICE,
                "fit": CHOICE,
            },
        ),
        "unpack": Walk(ubp.unpack, {"model": sparse}, {"model": MODEL}),
        "verify": Walk(
            ubp.verify,
            {"dense": dense, "sparse": sparse},
            {
                "dense": [*MODEL, sparse],
                "sparse": MODEL,
                "inputs": _INPUTS,
                **_COUNTS,
                "tolerance": NUMBER,
                "shapes": _SHAPES,
            },
        ),
        "timing.delegate_profile": Walk(
            timing.delegate_profile,
            {"model": dense, "runs": 1, "progress": False},
            {"model": MODEL, **_COUNTS, "progress": ANYTHING, "inputs": _INPUTS},
        ),
        "runtime.delegate_report": Walk(
            runtime.delegate_report, {"model": dense}, {"model": MODEL, "num_threads": COUNT}
        ),
        "timing.read_profile": Walk(timing.read_profile, {}, {"path": FILE}),
        "read_costs": Walk(ubp.read_costs, {}, {"path": FILE}),
    }
