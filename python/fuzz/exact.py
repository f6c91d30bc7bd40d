# SPDX-License-Identifier: Apache-2.0
"""What int8 models are held to: bit by bit what the interpreter computes with XNNPACK.

Where that itself is in doubt nothing can be said: XNNPACK takes shapes that the interpreter's own
kernels refuse, and reads or writes beyond its memory then; it may also refuse what they take, give
other numbers after a resize than without one, or other ones each time, or other shapes than they do
where ranks differ. Where any tensor is empty, because an input is or because a window does not
fit, its shapes are random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fuzz.case import Case, Run
from fuzz.compare import Mark, Outcome, Result, Standard, check, expect, judge_threads
from fuzz.session import Array, Outputs, Session


def exact_difference(results: Sequence[Array], expected: Sequence[Array]) -> str:
    """What is not as expected, as a sentence; empty if all is."""
    for number, (result, right) in enumerate(zip(results, expected, strict=True)):
        if result.shape != right.shape or result.dtype != right.dtype:
            return (
                f"output {number} is {result.dtype} {result.shape}, "
                f"expected {right.dtype} {right.shape}"
            )
        wrong = result != right
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            most = np.abs(result.astype(np.float64) - right.astype(np.float64)).max()
            return (
                f"output {number}, {int(wrong.sum())} of {wrong.size} values differ, by "
                f"{most:g} at most; that at {place} is {result[place]}, expected {right[place]}"
            )
    return ""


def check_exactly(case: Case, mark: Mark) -> Outcome:
    """Run a case of int8.

    Left out are runs that the interpreter's own kernels refuse. Those in which a tensor is empty
    come last; they need the shapes of the interpreter without XNNPACK.
    """
    mark(phase="plain")
    session = Session(case.model)
    ordinary: list[Run] = []
    empty: list[Run] = []
    for run in case.runs:
        if not isinstance(expect(session, run).outputs, str):
            (empty if session.has_empty_tensors() else ordinary).append(run)
    outcome = check(replace(case, runs=ordinary), mark, _EXACT) if ordinary else Outcome()
    if outcome.verdict == "right" and empty:
        outcome = check(replace(case, runs=empty), mark, _EMPTY)
    outcome.errors += len(case.runs) - len(ordinary) - len(empty)
    outcome.runs = len(case.runs)
    return outcome


def judge_exactly(result: Result) -> tuple[str, str]:
    """(verdict, message) of the last of some runs."""
    first, right = result.outputs[0], result.expected.outputs
    verdict, message = judge_threads(result)
    if not verdict and not isinstance(first, str) and not isinstance(right, str):
        message = exact_difference(first, right)
        verdict = "wrong" if message else "right"
    if verdict == "wrong":
        verdict = _doubt(result) or verdict
    return verdict, message


def _judge_shapes(result: Result) -> tuple[str, str]:
    verdict, message = judge_threads(result)
    found, right = (_shapes(x) for x in (result.outputs[0], result.expected.outputs))
    if not verdict and found != right:
        return "wrong", f"outputs of shapes {found}, expected {right}"
    return verdict or "right", message


def _shapes(outputs: Outputs) -> list[tuple[int, ...]]:
    return [] if isinstance(outputs, str) else [x.shape for x in outputs]


def _doubt(result: Result) -> str:
    """Why what is expected may not be right, as a verdict; empty if there is no reason."""
    expected, first = result.expected, result.outputs[0]
    session = Session(result.reference, xnnpack=True)
    again = [expect(session, run).outputs for run in result.runs][-1]
    if not _agree(again, expected.outputs):
        return "explained by an interpreter that is not repeatable"
    shapes = [list(x.shape) for x in expected.inputs]
    alone = Session(result.reference, xnnpack=True)
    if _agree(alone.resize(shapes) or alone.infer(expected.inputs), first):
        return "explained by a resize in the interpreter"
    session = Session(result.reference)
    own = session.resize(shapes) or session.infer(expected.inputs)
    if isinstance(own, str) or _shapes(own) != _shapes(first):
        return ""
    if isinstance(expected.outputs, str):
        return "explained by XNNPACK, which refuses"
    differ = _shapes(own) != _shapes(expected.outputs)
    return "explained by XNNPACK, which has other shapes" if differ else ""


def _agree(a: Outputs, b: Outputs) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    return not exact_difference(a, b)


_EXACT = Standard(judge_exactly, xnnpack=True)
_EMPTY = Standard(_judge_shapes, xnnpack=False)
