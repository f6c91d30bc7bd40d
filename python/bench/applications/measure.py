# SPDX-License-Identifier: Apache-2.0
"""One pruned network: converted in UBP against itself in XNNPACK."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.applications.networks import BLOCK_SIZE, SEED, Application, random_images
from bench.applications.report import TOLERANCE, Result
from ubp.conversion.candidates import CANDIDATES
from ubp.timing.interleaved import benchmark

_COMPARED_IMAGES = 3


@dataclass(frozen=True)
class Conversion:
    """What became of a file.

    layers, converted_layers: those that the converter can pack, depthwise ones not, and how many
        of them are block-sparse now.
    relative_error: largest difference of the outputs, over their range.
    """

    layers: int
    converted_layers: int
    relative_error: float


def measure(
    application: Application, pruning: str, dense: Path, threads: Sequence[int], rounds: int
) -> Iterator[Result]:
    """Convert a file, compare the outputs, then time with each number of threads.

    Args:
        application: for its name, size and block.
        pruning: how the network is pruned, for the results.
        dense: .tflite file of the network, with zeros.
        threads: of each interpreter.
        rounds: see `ubp.benchmark`.

    Raises:
        RuntimeError: if the outputs differ by more than TOLERANCE.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "converted.tflite"
        conversion = _convert(f"{application.name} ({pruning})", dense, model, application.size)
        for count in threads:
            # From files, as programs load them: bytes would be a second copy of all weights.
            interpreters = {
                "XNNPACK": StandardInterpreter(str(dense), num_threads=count),
                "UBP": ubp.Interpreter(model, num_threads=count),
            }
            timed = benchmark(interpreters, rounds, application.block, SEED, progress=False)
            yield Result(
                application=application.name,
                size=application.size,
                pruning=pruning,
                threads=count,
                layers=conversion.layers,
                converted_layers=conversion.converted_layers,
                dense_bytes=dense.stat().st_size,
                ubp_bytes=model.stat().st_size,
                relative_error=conversion.relative_error,
                xnnpack_rounds_ms=timed.block_medians_ms["XNNPACK"].tolist(),
                ubp_rounds_ms=timed.block_medians_ms["UBP"].tolist(),
            )


def _convert(label: str, dense: Path, model: Path, size: int) -> Conversion:
    """Write the converted file `model`; its bytes are given back before anything is timed."""
    result = ubp.convert(dense, block_size=BLOCK_SIZE)
    images = random_images(size, _COMPARED_IMAGES, SEED)
    found = ubp.verify(result.dense, result.model, [images], tolerance=TOLERANCE)
    if not found.passed:
        raise RuntimeError(
            f"{label}: the outputs of UBP and XNNPACK differ by {found.relative_error:.2g} of "
            f"their range, accepted are {TOLERANCE:g}."
        )
    result.save(model)
    layers = [layer for layer in result.report if layer.op in CANDIDATES]
    return Conversion(len(layers), sum(layer.taken for layer in layers), found.relative_error)
