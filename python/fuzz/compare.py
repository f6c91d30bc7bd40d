# SPDX-License-Identifier: Apache-2.0
"""One case: what the delegate computes against the plain interpreter."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import ubp
from fuzz.case import Case, Run
from fuzz.explanation import difference, explanation
from fuzz.session import UNREADABLE, Array, Outputs, Session
from ubp.tflite import flatbuffer

THREADS = (1, 2, 3)
GPU = {"backend": "gpu"}  # options
_TRANSPOSED = b"UbpTransposeConv2D"
_DIFFER = "two runs with the same inputs differ"


@cache
def _directory() -> str:
    """A folder of this process, in memory where there is such a place: every case uses it."""
    shared = Path("/dev/shm")
    directory = tempfile.mkdtemp(prefix="ubp_fuzz_", dir=shared if shared.is_dir() else None)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@dataclass
class Outcome:
    """verdict: what the caller should do about it.

    right: equal, or both refuse. wrong: other values, not the same for all numbers of threads, or
        no error where the plain interpreter has one. refused: an error where it has none.
        explained by ...: other values, and a reason why both are right (fuzz.explanation).
        broken: the case could not be judged, which is a fault of this program.
    message: a sentence; empty if it is right.
    taken: nodes of each operator that the delegate took.
    runs, errors: inferences, and how many of them both refused.
    """

    verdict: str = "right"
    message: str = ""
    taken: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    errors: int = 0


@dataclass
class Expectation:
    """What the plain interpreter makes of a run.

    inputs: as they are given to both. outputs: its outputs, or its error.
    """

    inputs: list[Array]
    outputs: Outputs


class Mark(Protocol):
    """Told "plain" and "delegate" before either begins: either may end the process."""

    def __call__(self, *, phase: str) -> None: ...


@dataclass(frozen=True)
class Result:
    """What is to be judged: the last of some runs.

    model: the delegate's. reference: the plain interpreter's.
    expected: of that run. outputs: the delegate's, for each of THREADS, or the first only.
    """

    model: bytes
    reference: bytes
    runs: Sequence[Run]
    expected: Expectation
    outputs: list[Outputs]


@dataclass(frozen=True)
class Standard:
    """What the delegate is held to.

    judge: (verdict, message) of a result.
    xnnpack: whether both interpreters have XNNPACK.
    """

    judge: Callable[[Result], tuple[str, str]]
    xnnpack: bool


def check(case: Case, mark: Mark, standard: Standard | None = None) -> Outcome:
    """Run a case.

    Args:
        case: any; a model that the plain interpreter cannot load is an error of the caller.
        mark: what to tell how far it has got.
        standard: FLOATS unless given.
    """
    standard = standard or FLOATS
    mark(phase="plain")
    reference, model = case.model, case.model
    if case.convert is not None:
        converted = ubp.convert(case.model, **case.convert)
        if any(layer.taken for layer in converted.report):
            model, reference = converted.model, ubp.unpack(converted.model)
    plain = Session(reference, xnnpack=standard.xnnpack)
    expectations = [expect(plain, run) for run in case.runs]
    mark(phase="delegate")
    outcome = Outcome(runs=len(case.runs))
    counts = THREADS[:1] if case.options.items() >= GPU.items() else THREADS
    delegated = replace(case, model=model)
    results = [
        _delegated(delegated, threads, standard.xnnpack, expectations, outcome)
        for threads in counts
    ]
    for number, expected in enumerate(expectations):
        runs, outputs = case.runs[: number + 1], [result[number] for result in results]
        result = Result(model, reference, runs, expected, outputs)
        outcome.verdict, outcome.message = standard.judge(result)
        if isinstance(expected.outputs, str) and outcome.verdict == "right":
            outcome.errors += 1
        if outcome.verdict != "right":
            outcome.message = f"run {number} ({runs[-1].kind}): {outcome.message}"
            break
    return outcome


def is_overwritten(
    reference: bytes, runs: Sequence[Run], expected: Expectation, result: Outputs
) -> bool:
    """Whether the plain interpreter, if its tensors share memory, gets wrong whatever is wrong.

    Args:
        reference: the model that the plain interpreter ran.
        runs: up to the one with the result.
        expected: of that run.
        result: of the delegate, likewise.
    """
    session = Session(reference, shares_memory=True)
    shared = [expect(session, run).outputs for run in runs][-1]
    right = expected.outputs
    if isinstance(right, str) or isinstance(result, str) or isinstance(shared, str):
        return False
    wrong = [i for i, x in enumerate(result) if difference([x], [right[i]])]
    return bool(wrong) and all(difference([shared[i]], [right[i]]) for i in wrong)


def expect(session: Session, run: Run) -> Expectation:
    """What a session without the delegate makes of its next run."""
    error = session.resize(run.shapes)
    inputs = run.inputs(session.shapes(), session.types())
    return Expectation(inputs, error or session.infer(inputs))


def _delegated(
    case: Case, threads: int, xnnpack: bool, expectations: list[Expectation], outcome: Outcome
) -> list[Outputs]:
    """The delegate's outputs of each run; on one thread also what it took."""
    options = case.options | {"num_threads": str(threads)}
    if threads > 1:
        session = Session(case.model, options, xnnpack=xnnpack)
    else:
        path = Path(_directory(), "report.json")
        session = Session(case.model, options | {"report": str(path)}, xnnpack=xnnpack)
        report = json.loads(path.read_text("utf-8"))
        path.unlink()
        nodes = [node for nodes in report["subgraphs"] for node in nodes if node["taken"]]
        outcome.taken = dict(Counter(node["op"] for node in nodes))
    results: list[Outputs] = []
    for run, expected in zip(case.runs, expectations, strict=True):
        error = session.resize(run.shapes)
        outputs = error or session.infer(expected.inputs)
        if not error and threads == 1 and not _identical(outputs, session.infer(expected.inputs)):
            outputs = _DIFFER
        results.append(outputs)
    return results


def refuses_shape(reference: bytes, outputs: Outputs) -> bool:
    """Whether a TRANSPOSE_CONV's output shape is why the plain interpreter ends in an error.

    It refuses an input that does not go with that shape, itself or at an operator behind it. A
    converted one has no output shape, but makes one of the input.
    """
    failed = re.search(r"Node number (\d+) ", outputs) if isinstance(outputs, str) else None
    if failed is None:
        return False
    tree = flatbuffer.parse(reference, "the model")
    codes = [code.builtinCode for code in tree.operatorCodes]
    behind: set[int] = set()  # tensors that depend on a TRANSPOSE_CONV
    for number, node in enumerate(tree.subgraphs[0].operators):
        is_transposed = codes[node.opcodeIndex] == schema.BuiltinOperator.TRANSPOSE_CONV
        depends = is_transposed or not behind.isdisjoint(node.inputs)
        if number == int(failed[1]):
            return depends
        if depends:
            behind.update(node.outputs)
    return False


def _identical(a: Outputs, b: Outputs) -> bool:
    """Bit by bit; all NaNs are alike."""
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    return all(
        x.shape == y.shape
        and np.array_equal(np.isnan(x), np.isnan(y))
        and np.array_equal(np.where(np.isnan(x), 0, x), np.where(np.isnan(y), 0, y))
        and np.array_equal(np.signbit(x), np.signbit(y))
        for x, y in zip(a, b, strict=True)
    )


def judge_threads(result: Result) -> tuple[str, str]:
    """(verdict, message) of what can be said without comparing numbers with what is expected; the
    verdict is empty if they have to be."""
    first, right = result.outputs[0], result.expected.outputs
    if isinstance(first, str) and first == _DIFFER:
        return "wrong", first
    if isinstance(right, str):
        if isinstance(first, str) or right == UNREADABLE:
            return "right", ""
        return "wrong", f"no error, where the plain interpreter has: {right.splitlines()[-1]}"
    if isinstance(first, str):
        return "refused", first.splitlines()[0]
    for threads, other in zip(
        THREADS[1:], result.outputs[1:], strict=False
    ):  # of a GPU there is one
        if not _identical(first, other):
            return "wrong", f"{threads} threads give another result than one"
    return "", ""


def _judge_floats(result: Result) -> tuple[str, str]:
    """Equal within a tolerance, or both right for a reason."""
    first, right = result.outputs[0], result.expected.outputs
    verdict, message = judge_threads(result)
    if not verdict and not isinstance(first, str) and not isinstance(right, str):
        message = difference(first, right)
        if not message:
            return "right", ""
        inputs = result.expected.inputs
        reason = explanation(result.reference, result.runs[-1], inputs, first, right)
        verdict = f"explained by {reason}" if reason else "wrong"
    is_wrong = verdict == "wrong"
    if is_wrong and _TRANSPOSED in result.model and refuses_shape(result.reference, right):
        return "explained by an output shape that conversion leaves out", message
    if is_wrong and is_overwritten(result.reference, result.runs, result.expected, first):
        return "explained by the interpreter's memory", message
    return verdict, message


FLOATS = Standard(_judge_floats, xnnpack=False)
