"""One network in UBP against the unpruned one in XNNPACK: do they agree, and which is faster?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.networks.report import Result
from bench.networks.zoo import BLOCK_SIZE, SEED, Network
from ubp.convert.verify import compare_outputs
from ubp.runtime import benchmark
from ubp.runtime.inputs import random_inputs, set_inputs

TOLERANCE = 1e-4  # of the outputs' range
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

    def interpreter(self, threads: int) -> ubp.Interpreter:
        """With the delegate; unasked it would not take anything of an unpruned network."""
        options = {} if self.sparsity else {"take": "all"}
        return ubp.Interpreter(self.model, num_threads=threads, **options)


def measure(
    network: Network, dense: bytes, candidate: Candidate, threads: int, rounds: int
) -> Result:
    """Compare the outputs, then time.

    Args:
        network: for its name and block.
        dense: .tflite file of the unpruned network, which XNNPACK runs.
        candidate: what UBP runs.
        threads: of each interpreter.
        rounds: see `ubp.runtime.benchmark`.

    Raises:
        RuntimeError: if the outputs differ by more than TOLERANCE.
    """
    interpreter = candidate.interpreter(threads)
    error = largest_error(_xnnpack(candidate.reference, threads), interpreter)
    if not error <= TOLERANCE:  # nor if it is NaN
        raise RuntimeError(
            f"{network.name} at {candidate.sparsity}% sparsity with {threads} threads: the outputs "
            f"of UBP and XNNPACK differ by {error:.2g} of their range, accepted are {TOLERANCE:g}."
        )
    timed = benchmark(
        {"XNNPACK": _xnnpack(dense, threads), "UBP": interpreter},
        rounds,
        network.block,
        SEED,
        progress=False,
    ).block_medians_ms
    return Result(
        network=network.name,
        input_size=network.size,
        sparsity=candidate.sparsity,
        threads=threads,
        converted_layers=candidate.converted_layers,
        dense_bytes=len(dense),
        ubp_bytes=len(candidate.model),
        relative_error=error,
        xnnpack_rounds_ms=timed["XNNPACK"].tolist(),
        ubp_rounds_ms=timed["UBP"].tolist(),
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


def _xnnpack(model: bytes, threads: int) -> StandardInterpreter:
    return StandardInterpreter(model_content=model, num_threads=threads)


def _run(interpreter: Any, inputs: list[Any]) -> list[Any]:
    set_inputs(interpreter, inputs)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
