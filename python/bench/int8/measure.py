# SPDX-License-Identifier: Apache-2.0
"""Int8 layers and networks in UBP against LiteRT's, in the same rounds, with equal results."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.harness.networks import Network
from bench.harness.statistics import take_turns
from bench.int8.layers import DEPTHWISE, Layer, layer_file
from bench.int8.report import BLOCK, LITERT, UBP, LayerResult, NetworkResult
from ubp.runtime.decisions import delegate_report
from ubp.runtime.inputs import random_inputs, set_inputs
from ubp.timing.interleaved import BlockTimer, block_timer, interleave
from ubp.timing.profile import read_profile

_SEED = 0
_LAYER_BLOCK = 20  # inferences of one layer in a round

Output = npt.NDArray[np.int8]


def check_kernel(kernel: str) -> None:
    """Whether these kernels of the delegate take ordinary int8 layers.

    Raises:
        RuntimeError: if the processor has no dot products of int8, and they need them.
    """
    (node,) = delegate_report(layer_file(DEPTHWISE[0], 0, 0), take="all", kernel=kernel).nodes
    if not node.taken:
        raise RuntimeError(
            f"{node.reason.removesuffix('.')}; run it where there are, or give --kernel portable."
        )


def measure_network(
    network: Network, block_size: int, sparsity: int, file: bytes, rounds: int, kernel: str
) -> NetworkResult:
    """Compare the outputs, then time, on one thread.

    Args:
        network, block_size, sparsity: what `file` is.
        file: the ordinary int8 file, which LiteRT runs; converted, UBP does.
        rounds: in each of which either interpreter runs a block of inferences.
        kernel: as of `ubp.load_delegate`.

    Raises:
        RuntimeError: if an output of UBP is not that of LiteRT.
    """
    model = ubp.convert(file).model
    litert = StandardInterpreter(model_content=file, num_threads=1)
    ours = ubp.Interpreter(model, 1, kernel=kernel)
    label = f"{network.name} in blocks of {block_size}x4 at {sparsity}%"
    _check_equal(label, _output(litert), _output(ours))
    timers = {
        name: block_timer(each, _SEED, clock=time.thread_time_ns)
        for name, each in ((LITERT, litert), (UBP, ours))
    }
    times = interleave(timers, rounds, BLOCK, progress=False).block_medians_ms
    return NetworkResult(
        network=network.name,
        block_size=block_size,
        sparsity=sparsity,
        file_bytes=len(file),
        ubp_bytes=len(model),
        xnnpack_rounds_ms=times[LITERT].tolist(),
        ubp_rounds_ms=times[UBP].tolist(),
    )


def measure_layer(
    layer: Layer, block_size: int, sparsity: int, rounds: int, kernel: str
) -> LayerResult:
    """The same for one layer: LiteRT's inferences, and the step of the delegate.

    What the delegate needs to change the layout of input and output is no part of the layer: inside
    a network there is none.

    Raises:
        RuntimeError: if an output of UBP is not that of LiteRT, or the delegate left the layer.
    """
    file = layer_file(layer, block_size, sparsity)
    model = file if layer.depthwise else ubp.convert(file, min_speedup=0).model
    litert = StandardInterpreter(model_content=file, num_threads=1)
    ours = ubp.Interpreter(model, 1, take="all", kernel=kernel)
    _check_equal(layer.name, _output(litert), _output(ours))
    times = take_turns(
        {
            LITERT: partial(_least_us, block_timer(litert, _SEED)),
            UBP: partial(_step_us, model, layer, kernel),
        },
        rounds,
    )
    return LayerResult(
        layer=layer,
        block_size=block_size,
        sparsity=sparsity,
        xnnpack_rounds_ms=[each / 1e3 for each in times[LITERT]],
        ubp_rounds_ms=[each / 1e3 for each in times[UBP]],
    )


def _check_equal(label: str, expected: Output, found: Output) -> None:
    wrong = int(np.count_nonzero(expected != found))
    if wrong:
        raise RuntimeError(
            f"{label}: {wrong} of {expected.size} outputs of UBP are not those of LiteRT; expected "
            "none. Please report this."
        )


def _output(interpreter: Any) -> Output:
    """Of random inputs, which stay."""
    interpreter.allocate_tensors()
    set_inputs(interpreter, random_inputs(interpreter, np.random.default_rng(_SEED)))
    interpreter.invoke()
    (detail,) = interpreter.get_output_details()
    return np.array(interpreter.get_tensor(detail["index"]))


def _least_us(timer: BlockTimer) -> float:
    """The quickest inference of a block."""
    return 1e3 * min(timer(_LAYER_BLOCK))


def _step_us(model: bytes, layer: Layer, kernel: str) -> float:
    """The quickest run of the delegate's only step that is no change of layout."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "profile.json")
        interpreter = ubp.Interpreter(model, 1, take="all", kernel=kernel, profile=path)
        _output(interpreter)
        for _ in range(_LAYER_BLOCK):
            interpreter.invoke()
        del interpreter  # the delegate writes the file
        steps = [step for step in read_profile(path) if not step.conversion]
    if len(steps) != 1:
        raise RuntimeError(f"{layer.name}: the delegate ran {len(steps)} steps, expected one.")
    return steps[0].min_us
