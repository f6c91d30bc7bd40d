# SPDX-License-Identifier: Apache-2.0
"""Whether two interpreters that differ may both be right.

They add the same numbers in another order. That changes results that are what is left after numbers
cancel out, and it changes what infinities and NaN make of the elements that depend on them: zero
weights are skipped (README says so), a maximum of NaN and a number is either, and sums of huge
numbers overflow or do not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from fuzz.case import Run
from fuzz.session import Array, Session
from ubp.tflite import flatbuffer

TOLERANCE = 1e-4  # of an output's range
_PERTURBATION = 1e-6  # of inputs and constants; rounding is a sixteenth of it
_DRAWS = 8  # of perturbations: an activation may cut off what half of them change
_SLACK = 100  # rounding may change an output so many times more than a perturbation does

Bools = npt.NDArray[np.bool_]


def difference(results: Sequence[Array], expected: Sequence[Array]) -> str:
    """What is not as expected, as a sentence; empty if all is."""
    for number, (result, right) in enumerate(zip(results, expected, strict=True)):
        if result.shape != right.shape:
            return f"output {number} has shape {result.shape}, expected {right.shape}"
        wrong = ~_equal(result, right, tolerance_of(right))
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            return (
                f"output {number}, {int(wrong.sum())} of {wrong.size} values are wrong; that at "
                f"{place} is {result[place]}, expected {right[place]}"
            )
    return ""


def tolerance_of(right: Array) -> float:
    """Of the range of what is finite in an output."""
    finite = right[np.isfinite(right)]
    return TOLERANCE * float(np.abs(finite).max(initial=0.0)) + 1e-30


def explanation(
    reference: bytes,
    run: Run,
    inputs: Sequence[Array],
    results: Sequence[Array],
    expected: Sequence[Array],
) -> str:
    """Why results may differ from what is expected; empty if they may not.

    "infinities": what differs depends on special inputs. "overflow": a number on the way is too
    large for a float, or is none (the mean of nothing). "rounding": what differs is what is left
    when numbers cancel out.

    Args:
        reference: the model that the plain interpreter ran.
        run: what it ran last.
    """
    if any(x.shape != y.shape for x, y in zip(results, expected, strict=True)):
        return ""
    specials = run.specials([list(x.shape) for x in inputs])
    ordinary = [x.copy() for x in inputs]
    for i, element, _ in specials:
        ordinary[i].reshape(-1)[element] = 1.0
    if _overflows_inside(reference, ordinary):
        return "overflow"
    if not specials:
        return (
            "rounding" if _only_rounding_differs(reference, run, inputs, results, expected) else ""
        )
    only_dependents = _only_dependents_differ(reference, run, ordinary, results, expected)
    return "infinities" if only_dependents else ""


def _only_rounding_differs(
    reference: bytes,
    run: Run,
    inputs: Sequence[Array],
    results: Sequence[Array],
    expected: Sequence[Array],
) -> bool:
    """Whether constants and inputs that differ by about as much explain what differs."""
    allowed = _allowances(reference, run, inputs, expected)
    return all(
        bool(_equal(result, right, limit).all())
        for result, right, limit in zip(results, expected, allowed, strict=True)
    )


def _allowances(
    reference: bytes, run: Run, inputs: Sequence[Array], expected: Sequence[Array]
) -> list[float]:
    """By how much each output may differ, seen by running what rounding could have made of it."""
    rng = np.random.default_rng(run.seed)

    def perturbed(x: Array) -> Array:
        return x * (1 + _PERTURBATION * rng.standard_normal(x.shape))

    allowed = [tolerance_of(right) for right in expected]
    for _ in range(_DRAWS):
        changed = _with_factors(_with_constants(reference, perturbed), perturbed)
        outputs = _run(changed, [perturbed(x) for x in inputs])
        for i, (output, right) in enumerate(zip(outputs, expected, strict=True)):
            with np.errstate(invalid="ignore", over="ignore"):
                change = np.abs(output - right)
            allowed[i] += _SLACK * float(change[np.isfinite(change)].max(initial=0.0))
    return allowed


def _overflows_inside(reference: bytes, inputs: Sequence[Array]) -> bool:
    """Whether any number that the plain interpreter computes is not finite, or is the largest.

    That is what it makes of infinity wherever an activation is fused, be it none: after EXP(1000)
    and ADD(1), LOG gives 88.7 instead of 1000.
    """
    session = Session(reference)
    if session.resize([list(x.shape) for x in inputs]) or isinstance(session.infer(inputs), str):
        return False
    largest = np.finfo(np.float32).max
    return any(not bool((np.abs(x) < largest).all()) for x in session.values().values())


def _equal(a: Array, b: Array, tolerance: float) -> Bools:
    with np.errstate(invalid="ignore", over="ignore"):
        equal: Bools = (a == b) | (np.abs(a - b) <= tolerance) | (np.isnan(a) & np.isnan(b))
    return equal


def _only_dependents_differ(
    reference: bytes,
    run: Run,
    ordinary: Sequence[Array],
    results: Sequence[Array],
    expected: Sequence[Array],
) -> bool:
    """Whether all elements that no special input can reach are as they should be.

    ordinary: the inputs without anything special in them.
    """
    reached = _reached(reference, run, [list(x.shape) for x in ordinary])
    bases = _run(reference, ordinary)
    allowed = _allowances(reference, run, ordinary, bases)
    return all(
        bool((far | _equal(result, base, limit) | _equal(result, right, 0.0)).all())
        for far, result, base, right, limit in zip(
            reached, results, bases, expected, allowed, strict=True
        )
    )


def _reached(reference: bytes, run: Run, shapes: list[list[int]]) -> list[Bools]:
    """Which elements of the outputs a special input can reach.

    All numbers of the model are made positive and all that cuts off is taken away, so that nothing
    hides a NaN. (Where an activation is fused, be it none, the interpreter makes a number of it,
    but another one than there was.)
    """

    def positive(x: Array) -> Array:
        values: Array = 0.5 + np.abs(x)
        fan_in = x.size // x.shape[0] if x.ndim > 1 else 1  # of what has an output channel first
        values /= values.mean() * fan_in
        return values

    model = _loosened(_with_constants(reference, positive))
    outputs = []
    for value in (1.0, np.nan):
        rng = np.random.default_rng(run.seed)
        inputs = [rng.uniform(0.5, 1.5, shape).astype(np.float32) for shape in shapes]
        for i, element, _ in run.specials(shapes):
            inputs[i].reshape(-1)[element] = value
        outputs.append(_run(model, inputs))
    return [~((x == y) | (np.isnan(x) & np.isnan(y))) for x, y in zip(*outputs, strict=True)]


def _run(model: bytes, inputs: Sequence[Array]) -> list[Array]:
    session = Session(model)
    error = session.resize([list(x.shape) for x in inputs])
    outputs = error or session.infer([x.astype(np.float32) for x in inputs])
    if isinstance(outputs, str):
        raise RuntimeError(f"the plain interpreter runs the model, but not a variant: {outputs}")
    return outputs


def _with_constants(model: bytes, change: Callable[[Array], Array]) -> bytes:
    """The model with other weights, biases and operands."""
    tree = flatbuffer.parse(model, "the model")
    floats = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    for graph in tree.subgraphs:
        for tensor in graph.tensors:
            buffer = tree.buffers[tensor.buffer]
            if buffer.data is None or len(buffer.data) == 0 or tensor.type not in floats:
                continue
            dtype = floats[tensor.type]
            values = np.frombuffer(bytes(buffer.data), dtype).reshape(tensor.shape)
            changed = np.asarray(change(values.astype(np.float64)), dtype)
            buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
    return flatbuffer.serialize(tree)


def _with_factors(model: bytes, change: Callable[[Array], Array]) -> bytes:
    """The model with every result times a number near 1: results that cancel out do so no more.

    A change of the inputs alone may be lost on the way, where a function has reached its limit.
    GELU(x) is x / 2 times a sum, 1 + erf, that cancels out far below zero: what rounding leaves of
    it is as large as x's own.
    """
    tree = flatbuffer.parse(model, "the model")
    graph = tree.subgraphs[0]
    added: dict[int, int] = {}  # the operator's code

    def copied(tensor: int) -> int:
        graph.tensors.append(copy.copy(graph.tensors[tensor]))
        return len(graph.tensors) - 1

    def constant(value: float) -> int:
        data = np.frombuffer(np.float32(value).tobytes(), np.uint8)
        tree.buffers.append(schema.BufferT(data=data))
        graph.tensors.append(schema.TensorT(shape=[], buffer=len(tree.buffers) - 1, name=b"factor"))
        return len(graph.tensors) - 1

    def combined(code: int, options: Any, inputs: list[int], output: int) -> schema.OperatorT:
        if code not in added:
            added[code] = len(tree.operatorCodes)
            tree.operatorCodes.append(schema.OperatorCodeT(code, builtinCode=code, version=1))
        kind = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        return schema.OperatorT(
            opcodeIndex=added[code],
            inputs=inputs,
            outputs=[output],
            builtinOptions=options,
            builtinOptionsType=kind,
        )

    def scaled(tensor: int, factor: float, output: int) -> schema.OperatorT:
        return combined(_OP.MUL, schema.MulOptionsT(), [tensor, constant(factor)], output)

    operators = []
    for node in graph.operators:
        operators.append(node)
        node.outputs = list(node.outputs)
        for i, output in enumerate(list(node.outputs)):
            if graph.tensors[output].type != schema.TensorType.FLOAT32:
                continue
            factor = float(change(np.ones(())))
            result = node.outputs[i] = copied(output)
            if tree.operatorCodes[node.opcodeIndex].builtinCode == _OP.GELU:
                part, changed = copied(output), copied(output)
                operators.append(scaled(node.inputs[0], (factor - 1) / _SLACK, part))
                operators.append(combined(_OP.ADD, schema.AddOptionsT(), [result, part], changed))
                result = changed
            operators.append(scaled(result, factor, output))
    graph.operators = operators
    return flatbuffer.serialize(tree)


# What hides a change (it cuts off, saturates, subtracts or picks one of several), and what stands
# for it: of positive numbers ABS is the identity, and it keeps NaN.
_OP = schema.BuiltinOperator
_FUNCTIONS = (
    *(_OP.RELU, _OP.RELU6, _OP.RELU_N1_TO_1, _OP.LEAKY_RELU, _OP.PRELU, _OP.ELU, _OP.GELU),
    *(_OP.HARD_SWISH, _OP.LOGISTIC, _OP.TANH, _OP.ABS, _OP.NEG, _OP.EXP, _OP.LOG),
)
_LOOSE = dict.fromkeys(_FUNCTIONS, _OP.ABS) | {
    _OP.SUB: _OP.ADD,
    _OP.SQUARED_DIFFERENCE: _OP.ADD,
    _OP.MAX_POOL_2D: _OP.AVERAGE_POOL_2D,
}


def _loosened(model: bytes) -> bytes:
    tree = flatbuffer.parse(model, "the model")
    tree.operatorCodes.append(schema.OperatorCodeT(builtinCode=_OP.ABS))
    for code in tree.operatorCodes:
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.builtinCode = _LOOSE.get(builtin, builtin)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    graph = tree.subgraphs[0]
    for node in graph.operators:
        options = node.builtinOptions
        classes = list(graph.tensors[node.outputs[0]].shape[-1:])
        if isinstance(options, schema.SoftmaxOptionsT) and classes == [1]:  # it is always 1
            node.opcodeIndex = len(tree.operatorCodes) - 1
        if isinstance(options, (schema.SubOptionsT, schema.SquaredDifferenceOptionsT)):
            node.builtinOptions = schema.AddOptionsT()
            node.builtinOptionsType = schema.BuiltinOptions.AddOptions
        elif hasattr(options, "fusedActivationFunction"):
            options.fusedActivationFunction = 0
        if tree.operatorCodes[node.opcodeIndex].builtinCode == _OP.ABS:
            node.inputs = node.inputs[:1]
            node.builtinOptions, node.builtinOptionsType = None, 0
    return flatbuffer.serialize(tree)
