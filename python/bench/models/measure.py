# SPDX-License-Identifier: Apache-2.0
"""One network in UBP against the unpruned one in XNNPACK: do they agree, and which is faster?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.harness.networks import Network
from bench.harness.pruned import BLOCK_SIZE, SEED
from bench.harness.table import count_of
from bench.models.memory import NOTHING, Memory, measure_memory
from bench.models.peers import Contender, start
from bench.models.report import TOLERANCE, PeerResult, Result
from ubp.check.verification import compare_outputs
from ubp.runtime.inputs import random_inputs, set_inputs
from ubp.timing.interleaved import BlockTimer, block_timer, interleave

_COMPARED_INPUTS = 3


@dataclass(frozen=True)
class Candidate:
    """What UBP runs, and what it must agree with.

    sparsity: percent; 0 is the unpruned network, which is not converted.
    reference: .tflite file of the same weights without block-sparse layers.
    model: the .tflite file that UBP runs.
    converted_layers: how many of its layers are block-sparse.
    """

    sparsity: int
    reference: bytes
    model: bytes
    converted_layers: int

    @classmethod
    def of(cls, sparsity: int, file: bytes) -> Candidate:
        """Convert an ordinary .tflite file, if it is of a pruned network."""
        if sparsity == 0:
            return cls(sparsity, file, file, 0)
        result = ubp.convert(file, block_size=BLOCK_SIZE)
        return cls(sparsity, file, result.model, sum(layer.taken for layer in result.report))

    @property
    def take(self) -> str:
        """The delegate's option; unasked it would not take anything of an unpruned network."""
        return "auto" if self.sparsity else "all"

    def interpreter(self, threads: int) -> ubp.Interpreter:
        """With the delegate."""
        return ubp.Interpreter(self.model, num_threads=threads, take=self.take)


@dataclass(frozen=True)
class Rivals:
    """Other engines that run the candidate's network too.

    contenders: one for each.
    notes: where a sentence is added for each that fails.
    """

    contenders: Sequence[Contender]
    notes: list[str]


def measure(
    network: Network,
    dense: bytes,
    candidate: Candidate,
    threads: int,
    rounds: int,
    rivals: Rivals,
) -> Result:
    """Compare the outputs, measure the memory, then time.

    Args:
        network: for its name and block.
        dense: .tflite file of the unpruned network, which XNNPACK runs.
        candidate: what UBP runs.
        threads: of each engine.
        rounds: see `ubp.benchmark`.

    Raises:
        RuntimeError: if UBP's outputs differ by more than TOLERANCE.
    """
    threads_used = count_of(threads, "thread")
    label = f"{network.name} at {candidate.sparsity}% sparsity with {threads_used}"
    interpreter = candidate.interpreter(threads)
    error = largest_error(_xnnpack(candidate.reference, threads), interpreter)
    if not error <= TOLERANCE:  # nor if it is NaN
        raise RuntimeError(
            f"{label}: the outputs of UBP and XNNPACK differ by {error:.2g} of their range, "
            f"accepted are {TOLERANCE:g}."
        )
    timers: dict[str, BlockTimer] = {
        "XNNPACK": block_timer(_xnnpack(dense, threads), SEED),
        "UBP": block_timer(interpreter, SEED),
    }
    with ExitStack() as stack:
        running = start(rivals.contenders, threads, label, rivals.notes, stack)
        timers |= {name: each.worker.time for name, each in running.items()}
        timed = interleave(timers, rounds, network.block, progress=False).block_medians_ms
    return Result(
        network=network.name,
        input_size=network.size,
        sparsity=candidate.sparsity,
        threads=threads,
        converted_layers=candidate.converted_layers,
        dense_bytes=len(dense),
        ubp_bytes=len(candidate.model),
        relative_error=error,
        xnnpack_memory=_memory_of(dense, threads, NOTHING),
        ubp_memory=_memory_of(candidate.model, threads, candidate.take),
        xnnpack_rounds_ms=timed["XNNPACK"].tolist(),
        ubp_rounds_ms=timed["UBP"].tolist(),
        peers={
            name: PeerResult(each.relative_error, timed[name].tolist())
            for name, each in running.items()
        },
    )


def largest_error(reference: Any, candidate: Any) -> float:
    """The largest difference of the outputs over their range, on random inputs; NaN if not finite.

    Args:
        reference, candidate: interpreters of the same network; allocated here.
    """
    for interpreter in (reference, candidate):
        interpreter.allocate_tensors()
    rng = np.random.default_rng(SEED)
    errors = []
    for _ in range(_COMPARED_INPUTS):
        inputs = random_inputs(reference, rng)
        expected, actual = (_run(interpreter, inputs) for interpreter in (reference, candidate))
        for pair in zip(expected, actual, strict=True):
            errors.append(compare_outputs(*pair, TOLERANCE).relative_error)
    return float(np.max(errors))


def _memory_of(model: bytes, threads: int, take: str) -> Memory:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.tflite"
        path.write_bytes(model)
        return measure_memory(path, threads, take)


def _xnnpack(model: bytes, threads: int) -> StandardInterpreter:
    return StandardInterpreter(model_content=model, num_threads=threads)


def _run(interpreter: Any, inputs: list[Any]) -> list[Any]:
    set_inputs(interpreter, inputs)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
