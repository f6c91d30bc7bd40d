# SPDX-License-Identifier: Apache-2.0
"""Where the time of an inference goes: the steps that the delegate runs, one by one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ubp.arguments import check_counts, existing_file
from ubp.progress import Bar
from ubp.runtime.interpreter import Interpreter
from ubp.timing.interleaved import block_timer

# What reading a file raises that is no JSON, or JSON of something else.
_NO_PROFILE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class StepWork:
    """What an operator of a step has to do in one run, however it does it.

    Activations count once, whatever windows or tiles read again.

    kind: "convolution", "fully_connected", "depthwise", "pooling", "mean", "normalization",
        "elementwise", "softmax", "resize", "copy" or "conversion".
    operations: multiply-adds with weights that are kept in blocks, or of windows; of poolings and
        means one for each element that is reduced; else one for each that is computed.
    weight_bytes: of weights as the kernels read them, with places and bias.
    read_bytes, written_bytes: of activations that lie in memory as a whole.
    buffer_read_bytes, buffer_written_bytes: of those that pass between two operators of the step.
    buffer_bytes: the size of what they pass through.
    """

    kind: str
    operations: int
    weight_bytes: int
    read_bytes: int
    written_bytes: int
    buffer_read_bytes: int
    buffer_written_bytes: int
    buffer_bytes: int


@dataclass(frozen=True)
class ProfiledStep:
    """One step of a plan of the delegate.

    operators: op and layer of those it runs, in the order of the model, such as "CONV_2D 'stem'".
        An operator that costs nothing of its own is in no step, or in that of its readers.
    nodes: their indices in their subgraph; None for what the delegate added.
    conversion: the step only changes how the result of these operators, or the input, lies in
        memory.
    multiply_adds: of its convolutions and fully-connected layers in one run, zeros counted as if
        they were multiplied; 0 where there are none.
    work: what each operator has to do; empty where the delegate does not say: of int8, on a GPU,
        and where it is older.
    runs: how often it was timed.
    mean_us, min_us: microseconds of one run; on a GPU by its own clock.
    """

    operators: tuple[str, ...]
    nodes: tuple[int | None, ...]
    conversion: bool
    multiply_adds: int
    work: tuple[StepWork, ...]
    runs: int
    mean_us: float
    min_us: float

    @property
    def gmacs(self) -> float:
        """Thousands of millions of multiply-adds in a second; 0 where there are none."""
        return self.multiply_adds / (self.mean_us * 1e3) if self.mean_us else 0.0


@dataclass(frozen=True)
class DelegateProfile:
    """Where the time of a model's inferences went.

    kernel: the name of the delegate's kernels.
    threads: of the delegate.
    mean_ms: of the inferences, as their caller sees them, the operators that the delegate leaves
        included.
    steps: in the order of execution.
    """

    kernel: str
    threads: int
    mean_ms: float
    steps: tuple[ProfiledStep, ...]

    @property
    def steps_ms(self) -> float:
        """Milliseconds of all steps together in one inference."""
        return sum(step.mean_us for step in self.steps) / 1e3


def read_profile(path: str | os.PathLike[str]) -> list[ProfiledStep]:
    """The steps in a file that the delegate's option `profile` names, by the model's order.

    The delegate writes the file when an interpreter is deleted, or its inputs are resized.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is none.
        ValueError: if it is anything else.
    """
    path = existing_file("path", path)
    return parse_profile(_text_of(path), str(path))


def parse_profile(text: str, source: str) -> list[ProfiledStep]:
    """The steps in such a file's text.

    Args:
        source: what to call it in messages.

    Raises:
        ValueError: if it is anything else.
    """
    try:
        return _steps(json.loads(text))
    except _NO_PROFILE as error:
        raise ValueError(
            f"{source}: not a profile; the delegate's option 'profile' names the file "
            "that it writes one to."
        ) from error


def delegate_profile(
    model: str | os.PathLike[str] | bytes,
    runs: int = 100,
    num_threads: int = 1,
    seed: int = 0,
    progress: bool = True,
    inputs: Sequence[npt.NDArray[Any]] | None = None,
    **delegate_options: Any,
) -> DelegateProfile:
    """Run a model, and time each step of the delegate.

    Args:
        model: the path or the bytes of a .tflite file, converted or not.
        runs: inferences.
        num_threads, delegate_options: as of `Interpreter`.
        seed: of the random inputs.
        progress: show a progress bar on standard error, if that is a terminal.
        inputs: one array per input; by default random ones.

    Raises:
        FileNotFoundError, RuntimeError: as of `Interpreter`.
        ValueError: if runs is below 1, an input's type is not known to `random_values`, or as of
            `Interpreter`.
    """
    check_counts(runs=runs)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "profile.json")
        interpreter = Interpreter(model, num_threads, profile=path, **delegate_options)
        timer = block_timer(interpreter, seed, inputs)
        del interpreter
        rounds = Bar(range(runs), desc="profile", disable=None if progress else True)
        mean_ms = sum(timer(1)[0] for _ in rounds) / runs
        del timer  # and with it the interpreter, so that the delegate writes the file
        content = json.loads(_text_of(path))
    threads = content["plans"][0]["threads"] if content["plans"] else num_threads
    return DelegateProfile(content["kernel"], threads, mean_ms, tuple(_steps(content)))


def _text_of(path: str | os.PathLike[str]) -> str:
    # Names in a model file are UTF-8 by convention only.
    return Path(path).read_text("utf-8", errors="replace")


def _steps(content: Any) -> list[ProfiledStep]:
    """Of all plans, by their first node: the interpreter deletes them in an order of its own."""
    plans = [[_step(step) for step in plan["steps"]] for plan in content["plans"]]
    plans.sort(key=_first_node)
    return [step for plan in plans for step in plan]


def _first_node(steps: list[ProfiledStep]) -> int:
    return min((node for step in steps for node in step.nodes if node is not None), default=0)


def _step(step: Any) -> ProfiledStep:
    operators = step["operators"]
    runs = max(_count(step["runs"]), 1)
    return ProfiledStep(
        operators=tuple(_text(operator["label"]) for operator in operators),
        nodes=tuple(
            None if operator["node"] is None else _count(operator["node"]) for operator in operators
        ),
        conversion=step["conversion"] is True,
        multiply_adds=_count(step["multiply_adds"]),
        work=tuple(_work(work) for work in step.get("work", ())),
        runs=runs,
        mean_us=_count(step["total_ns"]) / runs / 1e3,
        min_us=_count(step["min_ns"]) / 1e3,
    )


def _work(work: Any) -> StepWork:
    counts = {field.name: _count(work[field.name]) for field in fields(StepWork)[1:]}
    return StepWork(_text(work["kind"]), **counts)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no count.")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text.")
    return value
