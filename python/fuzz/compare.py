"""One case: what the delegate computes against the plain interpreter."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
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


def check(case: Case, mark: Mark) -> Outcome:
    """Run a case.

    Args:
        case: any; a model that the plain interpreter cannot load is an error of the caller.
        mark: what to tell how far it has got.
    """
    mark(phase="plain")
    reference, model = case.model, case.model
    if case.convert is not None:
        converted = ubp.convert(case.model, **case.convert)
        if any(layer.taken for layer in converted.report):
            model, reference = converted.model, ubp.unpack(converted.model)
    plain = Session(reference)
    expectations = [_expect(plain, run) for run in case.runs]
    mark(phase="delegate")
    outcome = Outcome(runs=len(case.runs))
    results = [_delegated(model, case, threads, expectations, outcome) for threads in THREADS]
    for number, expected in enumerate(expectations):
        run = case.runs[number]
        outcome.verdict, outcome.message = _judge(
            reference, run, expected, [result[number] for result in results]
        )
        is_wrong = outcome.verdict == "wrong"
        if is_wrong and _TRANSPOSED in model and refuses_shape(reference, expected.outputs):
            outcome.verdict = "explained by an output shape that conversion leaves out"
        if outcome.verdict == "wrong" and is_overwritten(
            reference, case.runs[: number + 1], expected, results[0][number]
        ):
            outcome.verdict = "explained by the interpreter's memory"
        if isinstance(expected.outputs, str) and outcome.verdict == "right":
            outcome.errors += 1
        if outcome.verdict != "right":
            outcome.message = f"run {number} ({run.kind}): {outcome.message}"
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
    shared = [_expect(session, run).outputs for run in runs][-1]
    right = expected.outputs
    if isinstance(right, str) or isinstance(result, str) or isinstance(shared, str):
        return False
    wrong = [i for i, x in enumerate(result) if difference([x], [right[i]])]
    return bool(wrong) and all(difference([shared[i]], [right[i]]) for i in wrong)


def _expect(session: Session, run: Run) -> Expectation:
    error = session.resize(run.shapes)
    inputs = run.inputs(session.shapes())
    return Expectation(inputs, error or session.infer(inputs))


def _delegated(
    model: bytes, case: Case, threads: int, expectations: list[Expectation], outcome: Outcome
) -> list[Outputs]:
    """The delegate's outputs of each run; on one thread also what it took."""
    options = case.options | {"num_threads": str(threads)}
    if threads > 1:
        session = Session(model, options)
    else:
        path = Path(_directory(), "report.json")
        session = Session(model, options | {"report": str(path)})
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


def _judge(
    reference: bytes, run: Run, expected: Expectation, results: list[Outputs]
) -> tuple[str, str]:
    """(verdict, message) of one run for all numbers of threads."""
    first = results[0]
    if isinstance(first, str) and first == _DIFFER:
        return "wrong", first
    if isinstance(expected.outputs, str):
        if isinstance(first, str) or expected.outputs == UNREADABLE:
            return "right", ""
        reason = expected.outputs.splitlines()[-1]
        return "wrong", f"no error, where the plain interpreter has: {reason}"
    if isinstance(first, str):
        return "refused", first.splitlines()[0]
    for threads, other in zip(THREADS[1:], results[1:], strict=True):
        if not _identical(first, other):
            return "wrong", f"{threads} threads give another result than one"
    message = difference(first, expected.outputs)
    if not message:
        return "right", ""
    reason = explanation(reference, run, expected.inputs, first, expected.outputs)
    return (f"explained by {reason}" if reason else "wrong"), message
