# SPDX-License-Identifier: Apache-2.0
"""Accuracy and latency, both through the interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from demo.conversion import sparsity
from demo.digits import Images
from ubp.timing import benchmark


@dataclass(frozen=True)
class Row:
    """What the table says about one model.

    accuracy: share of the test images read correctly; None where nothing was trained.
    sparsity: share of zeros, see `demo.conversion.sparsity`.
    file_bytes: size of the file that is used: the converted one, or the dense one.
    xnnpack_ms: latency of the ordinary .tflite file in the standard interpreter.
    ubp_ms: latency of the converted file with our delegate; None for the dense model.
    speedup: of ubp_ms over the dense model's xnnpack_ms, in the same rounds.
    """

    model: str
    accuracy: float | None
    sparsity: float
    file_bytes: int
    threads: int
    xnnpack_ms: float
    ubp_ms: float | None
    speedup: float | None


def classify(interpreter: Any, images: Images) -> npt.NDArray[np.int64]:
    """The class that a model of batch size one gives to each image: int64 [images]."""
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    classes = np.empty(len(images), np.int64)
    for index, image in enumerate(images.pixels):
        interpreter.set_tensor(entry["index"], image[np.newaxis])
        interpreter.invoke()
        classes[index] = np.argmax(interpreter.get_tensor(result["index"]))
    return classes


def accuracies(
    dense: ubp.ConversionResult, pruned: dict[str, ubp.ConversionResult], images: Images
) -> list[float]:
    """The accuracy of the dense model in the standard interpreter, then of the converted ones."""
    interpreters = [
        standard_interpreter(dense.dense),
        *(ubp.Interpreter(result.model) for result in pruned.values()),
    ]
    return [float(np.mean(classify(each, images) == images.labels)) for each in interpreters]


def measure(
    dense: ubp.ConversionResult,
    pruned: dict[str, ubp.ConversionResult],
    threads: int,
    rounds: int,
    accuracy: list[float] | None = None,
) -> list[Row]:
    """Time the dense model, and each pruned one before and after conversion, all interleaved.

    Args:
        dense: the model that the pruned ones come from.
        pruned: by name.
        threads: for each interpreter.
        rounds: see `ubp.benchmark`.
        accuracy: of the dense model and of the pruned ones, for the rows.
    """
    interpreters: dict[str, Any] = {"dense": standard_interpreter(dense.dense, threads)}
    for name, result in pruned.items():
        interpreters[_unconverted(name)] = standard_interpreter(result.dense, threads)
        interpreters[name] = ubp.Interpreter(result.model, threads)
    timed = benchmark(interpreters, rounds, progress=False)
    correct = iter(accuracy or [])
    size = len(dense.dense)
    dense_ms = timed.timings["dense"].median_ms
    rows = [Row("dense", next(correct, None), sparsity(dense), size, threads, dense_ms, None, None)]
    for name, result in pruned.items():
        rows.append(
            Row(
                model=name,
                accuracy=next(correct, None),
                sparsity=sparsity(result),
                file_bytes=len(result.model),
                threads=threads,
                xnnpack_ms=timed.timings[_unconverted(name)].median_ms,
                ubp_ms=timed.timings[name].median_ms,
                speedup=timed.speedup(name, "dense"),
            )
        )
    return rows


def standard_interpreter(model: bytes, threads: int = 1) -> StandardInterpreter:
    """The interpreter as everybody has it, with XNNPACK."""
    return StandardInterpreter(model_content=model, num_threads=threads)


def _unconverted(name: str) -> str:
    return f"{name}, not converted"
