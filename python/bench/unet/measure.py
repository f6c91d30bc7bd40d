# SPDX-License-Identifier: Apache-2.0
"""One pruned U-Net in the delegate, as it is and converted, against XNNPACK in the same rounds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.harness.statistics import take_turns
from bench.harness.table import count_of
from bench.unet.networks import BLOCK_SIZE, SEED
from bench.unet.report import BLOCK, CONVERTED, ORDINARY, TOLERANCE, XNNPACK, Result, Taken
from ubp.check.verification import compare_outputs
from ubp.runtime.decisions import delegate_report
from ubp.runtime.inputs import random_inputs, set_inputs
from ubp.timing.interleaved import BlockTimer, block_timer

_COMPARED_INPUTS = 3


def measure(way: str, sparsity: int, file: bytes, threads: int, rounds: int) -> Iterator[Result]:
    """Compare the outputs, then time: a result for the ordinary file, and one converted.

    There is none of a converted file where `ubp.convert` packs no layer.

    Args:
        way, sparsity: for the results.
        file: the ordinary .tflite file of the pruned network, which XNNPACK runs.
        threads: of each interpreter.
        rounds: in each of which every interpreter runs a block of inferences.

    Raises:
        RuntimeError: if UBP's outputs differ by more than TOLERANCE.
    """
    models = _models(file)
    interpreters: dict[str, Any] = {
        XNNPACK: StandardInterpreter(model_content=file, num_threads=threads)
    }
    interpreters |= {name: ubp.Interpreter(model, threads) for name, model in models.items()}
    timers = {name: block_timer(each, SEED) for name, each in interpreters.items()}
    errors = {name: _largest_error(interpreters[XNNPACK], interpreters[name]) for name in models}
    for name, error in errors.items():
        if not error <= TOLERANCE:  # nor if it is NaN
            raise RuntimeError(
                f"{way} at {sparsity}% with {count_of(threads, 'thread')}, {name} file: the "
                f"outputs of UBP and XNNPACK differ by {error:.2g} of their range, accepted are "
                f"{TOLERANCE:g}."
            )
    times = take_turns({name: partial(_median_ms, timer) for name, timer in timers.items()}, rounds)
    for name, model in models.items():
        yield Result(
            way=way,
            sparsity=sparsity,
            threads=threads,
            file=name,
            taken=what_is_taken(model, threads),
            relative_error=errors[name],
            xnnpack_rounds_ms=times[XNNPACK],
            ubp_rounds_ms=times[name],
        )


def what_is_taken(model: bytes, threads: int = 1) -> Taken:
    """How many of a model's nodes the delegate takes, and in how many parts.

    A part has one plan for the shapes that the model has run with, and the delegate's profile all
    plans.
    """
    nodes = delegate_report(model, threads).nodes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "profile.json")
        interpreter = ubp.Interpreter(model, threads, profile=path)
        block_timer(interpreter, SEED)(1)
        del interpreter  # the delegate writes the file
        plans = json.loads(path.read_text("utf-8", errors="replace"))["plans"]
    return Taken(len(nodes), sum(node.taken for node in nodes), len(plans))


def _models(file: bytes) -> dict[str, bytes]:
    """What UBP runs, by its name in the results."""
    result = ubp.convert(file, block_size=BLOCK_SIZE)
    packed = any(layer.taken for layer in result.report)
    return {ORDINARY: file} | ({CONVERTED: result.model} if packed else {})


def _largest_error(reference: Any, candidate: Any) -> float:
    """The largest difference of the outputs over their range, on random inputs; NaN if not finite.

    Args:
        reference, candidate: interpreters of the same network with allocated tensors.
    """
    rng = np.random.default_rng(SEED)
    errors = []
    for _ in range(_COMPARED_INPUTS):
        inputs = random_inputs(reference, rng)
        expected, actual = (_run(each, inputs) for each in (reference, candidate))
        errors.append(compare_outputs(expected, actual, TOLERANCE).relative_error)
    return float(np.max(errors))


def _run(interpreter: Any, inputs: list[Any]) -> Any:
    set_inputs(interpreter, inputs)
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    return interpreter.get_tensor(output["index"])


def _median_ms(timer: BlockTimer) -> float:
    """Of a block of inferences."""
    return float(np.median(timer(BLOCK)))
