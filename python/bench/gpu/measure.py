# SPDX-License-Identifier: Apache-2.0
"""The part that runs where the GPU is: `python -m bench.gpu.measure FOLDER`, without TensorFlow.

Answers on standard output, a line of JSON each: first `Device`, then a `Result` of every case.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.gpu.cases import Case, read_cases
from bench.gpu.opencl import Device as OpenClDevice
from bench.gpu.peers import ClBlast, peak_gmacs
from bench.gpu.report import Device, Result
from bench.harness.results import to_json
from bench.harness.statistics import take_turns
from ubp.timing.interleaved import BlockTimer, block_timer
from ubp.timing.profile import DelegateProfile, delegate_profile

_SEED = 0
_MANY_ROWS = 512  # of a product that is worth comparing with a library's


def main() -> None:
    """Measure all cases of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    for answer in _answers(options):
        print(json.dumps(to_json(answer)), flush=True)


def _answers(options: argparse.Namespace) -> Iterator[Device | Result]:
    cases = read_cases(options.folder)
    device = OpenClDevice(options.device)
    gpu: dict[str, Any] = {
        "backend": "gpu",
        "precision": options.precision,
        "gpu_cache": str(options.folder / "gpu_cache"),
        "gpu_tune": "on" if options.tune else "off",
        "take": "all",
    }
    if options.device:
        gpu["gpu_device"] = options.device
    try:
        blast: ClBlast | None = ClBlast(device)
    except FileNotFoundError:
        blast = None
    yield Device(device.name, peak_gmacs(device), options.precision, options.tune)
    for case in cases:
        measure = _layer if case.kind == "layer" else _network
        yield measure(case, options, gpu, blast)


def _layer(
    case: Case, options: argparse.Namespace, gpu: dict[str, Any], blast: ClBlast | None
) -> Result:
    """The kernel of a layer alone, from the events of the device."""
    path = options.folder / case.file
    runs = 3 * options.rounds
    on_gpu = delegate_profile(path, runs, inputs=_inputs(path, case), progress=False, **gpu)
    on_cpu = delegate_profile(path, runs, inputs=_inputs(path, case), progress=False, take="all")
    result = Result(case, kernels_us=_least_us(on_gpu), cpu_us=_least_us(on_cpu))
    if blast is None or case.rows < _MANY_ROWS:
        return result
    return Result(
        case,
        result.kernels_us,
        result.cpu_us,
        clblast_us=blast.product_us(case.rows, case.lanes, case.columns),
    )


def _least_us(profile: DelegateProfile) -> float:
    """Of the steps that multiply."""
    return sum(step.min_us for step in profile.steps if step.multiply_adds) or math.nan


def _network(
    case: Case, options: argparse.Namespace, gpu: dict[str, Any], blast: ClBlast | None
) -> Result:
    """Whole inferences, the GPU, the CPU and XNNPACK by turns; then the GPU's kernels."""
    path, ordinary = options.folder / case.file, options.folder / case.dense_file
    inputs = _inputs(path, case)
    interpreters: dict[str, Any] = {
        "gpu": ubp.Interpreter(path, **gpu),
        "cpu": ubp.Interpreter(path, take="all"),
        "xnnpack": StandardInterpreter(model_path=str(ordinary), num_threads=1),
    }
    timers = {name: block_timer(each, _SEED, inputs) for name, each in interpreters.items()}
    for timer in timers.values():
        timer(1)  # some drivers compile when a kernel first runs
    times = take_turns(
        {name: partial(_median_ms, timer) for name, timer in timers.items()}, options.rounds
    )
    del interpreters, timers
    profile = delegate_profile(path, options.rounds, inputs=inputs, progress=False, **gpu)
    return Result(
        case,
        kernels_us=sum(step.min_us for step in profile.steps),
        cpu_us=1e3 * float(np.median(times["cpu"])),
        xnnpack_us=1e3 * float(np.median(times["xnnpack"])),
        inference_us=1e3 * float(np.median(times["gpu"])),
        launches=len(profile.steps),
    )


def _median_ms(timer: BlockTimer) -> float:
    return float(np.median(timer(1)))


def _inputs(path: Path, case: Case) -> list[Any]:
    """Random images of the case's batch."""
    interpreter = StandardInterpreter if case.dense_file else ubp.Interpreter
    model = path.with_name(case.dense_file) if case.dense_file else path
    shape = interpreter(model_path=str(model)).get_input_details()[0]["shape"][1:]
    rng = np.random.default_rng(_SEED)
    return [rng.standard_normal((case.batch, *shape), dtype=np.float32)]


if __name__ == "__main__":
    main()
