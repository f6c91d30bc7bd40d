# SPDX-License-Identifier: Apache-2.0
"""int8 functions of one tensor: for each of the 256 values what the interpreter gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from fuzz.draft import Draft
from ubp.runtime.decisions import delegate_report
from ubp.tflite import flatbuffer

OP = schema.BuiltinOperator
VALUES = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
FUNCTIONS = {
    **{"LEAKY_RELU": OP.LEAKY_RELU, "ELU": OP.ELU, "LOGISTIC": OP.LOGISTIC, "TANH": OP.TANH},
    **{"RELU": OP.RELU, "RELU6": OP.RELU6, "HARD_SWISH": OP.HARD_SWISH},
}
FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}  # what the interpreter demands
Scale = tuple[float, int]


def one_function(name: str, given: Scale, gives: Scale, alpha: float) -> bytes:
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, 256])
    options = schema.LeakyReluOptionsT(alpha=alpha) if name == "LEAKY_RELU" else None
    y = draft.emit(FUNCTIONS[name], [x], [1, 256], options)
    draft.graph.output(y)
    tree = flatbuffer.parse(draft.builder.build(), "model")
    for index, (scale, zero_point) in ((x, given), (y, gives)):
        tensor = tree.subgraphs[0].tensors[index]
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT(
            scale=[scale], zeroPoint=[zero_point], quantizedDimension=0
        )
    return flatbuffer.serialize(tree)


def scales(rng: np.random.Generator) -> tuple[Scale, Scale]:
    """Of an input and an output; every second time their ratio is a power of two: for ties."""
    exponents = rng.uniform(-9, 2) + np.array([0.0, rng.uniform(-4, 4)])
    if rng.random() < 0.5:
        exponents[1] = exponents[0] + np.round(exponents[1] - exponents[0])
    given, gives = (float(np.float32(2.0**each)) for each in exponents)
    zero_points = rng.integers(-128, 128, 2)
    return (given, int(zero_points[0])), (gives, int(zero_points[1]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_value_is_the_interpreters(name: str, run: Any, int8_options: dict[str, str]) -> None:
    rng = np.random.default_rng(len(name))
    for _ in range(60):
        given, gives = scales(rng)
        alpha = float(rng.choice([0.01, 0.1, 0.2, 0.3, -0.5, 1.5]))
        model = one_function(name, given, FIXED.get(name, gives), alpha)
        (right,) = run(StandardInterpreter(model_content=model), [VALUES])
        interpreter = ubp.Interpreter(model, num_threads=1, take="all", **int8_options)
        (found,) = run(interpreter, [VALUES])
        np.testing.assert_array_equal(found, right, f"{given} to {gives}, {alpha}")


@pytest.mark.parametrize(
    ("alpha", "reason"),
    [(0.2, ""), (0.001, "int8 values are scaled by 0.001000, expected 2^-8 to 127.")],
)
def test_slopes_that_xnnpack_does_not_take_are_left(
    alpha: float, reason: str, int8_options: dict[str, str]
) -> None:
    model = one_function("LEAKY_RELU", (0.5, 3), (0.5, -7), alpha)
    (node,) = delegate_report(model, take="all", **int8_options).nodes
    assert node.taken == (not reason)
    assert reason in (node.reason or "")


@pytest.mark.parametrize(("scale", "reason"), [(2.0, ""), (2.0**30, "int8 values are scaled by")])
def test_a_relu_of_scales_that_no_integers_hold_is_left(
    scale: float, reason: str, int8_options: dict[str, str]
) -> None:
    model = one_function("RELU", (scale, 0), (1.0, 0), 0.0)
    (node,) = delegate_report(model, take="all", **int8_options).nodes
    assert node.taken == (not reason)
    assert reason in (node.reason or "")
