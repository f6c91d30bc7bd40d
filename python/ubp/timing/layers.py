# SPDX-License-Identifier: Apache-2.0
"""Measure: the speed-up of every converted layer by itself, next to the one that was predicted.

Each layer is cut out of the model and runs alone, activations [batch, height, width, channels] in
and out, as the prediction of decide.py assumes; within the whole network it shares its layout with
its neighbours and gains more. The dense layer runs in the standard interpreter (XNNPACK).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

from ubp.conversion.converter import ConversionResult
from ubp.conversion.find import find_layers
from ubp.conversion.layer_report import LayerReport
from ubp.conversion.open_sizes import resolve_shapes
from ubp.conversion.unpacking import unpack
from ubp.progress import Bar
from ubp.runtime import Interpreter
from ubp.runtime.inputs import check_sizes
from ubp.tflite import flatbuffer
from ubp.tflite.single_operator import extract_operator
from ubp.timing.interleaved import block_timer, interleave

_BLOCK_MS = 5.0  # of one block of inferences, so that fast layers are timed long enough
_MAX_BLOCK = 200


def measure_layers(
    result: ConversionResult,
    num_threads: int = 1,
    rounds: int = 15,
    progress: bool = True,
    shapes: Sequence[Sequence[int]] | None = None,
) -> ConversionResult:
    """The same result with `measured` filled in for every layer that was converted.

    Args:
        result: of ubp.convert.
        num_threads: of both interpreters.
        rounds: blocks of inferences for each, interleaved; the median of their ratios counts.
        progress: show a progress bar on standard error, if that is a terminal.
        shapes: of the model's inputs, as of ubp.convert.

    Raises:
        ValueError: if rounds is below 1.
        RuntimeError: if an interpreter cannot run a layer.
    """
    if not any(layer.taken for layer in result.report):
        return result
    sparse = flatbuffer.parse(result.model, "the converted model")
    dense = flatbuffer.parse(unpack(result.model), "the unpacked model")
    given = None if shapes is None else check_sizes(shapes)
    resolved = resolve_shapes(result.dense, "the dense model", given).tensors
    report: list[LayerReport] = []
    for layer, place, dense_place in zip(
        Bar(result.report, desc="layers", unit="layer", disable=None if progress else True),
        find_layers(sparse),
        find_layers(dense),
        strict=True,
    ):
        if layer.taken:
            measured = time_pair(
                extract_operator(dense, dense_place.subgraph, dense_place.operator, resolved),
                extract_operator(sparse, place.subgraph, place.operator, resolved),
                num_threads,
                rounds,
            )
            layer = dataclasses.replace(layer, measured=measured)
        report.append(layer)
    return dataclasses.replace(result, report=report)


def time_pair(dense: bytes, sparse: bytes, num_threads: int, rounds: int) -> float:
    """How many times as fast a converted model runs as the dense one: the median of the rounds."""
    interpreters = {
        "dense": StandardInterpreter(model_content=dense, num_threads=num_threads),
        "sparse": Interpreter(sparse, num_threads),
    }
    timers = {name: block_timer(each, seed=0) for name, each in interpreters.items()}
    fastest = min(float(np.median(timer(3))) for timer in timers.values())
    block = int(np.clip(_BLOCK_MS / fastest, 3, _MAX_BLOCK))
    return interleave(timers, rounds, block, progress=False).speedup("sparse", "dense")
