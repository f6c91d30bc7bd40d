# SPDX-License-Identifier: Apache-2.0
"""ubp android-benchmark: the same on an Android device."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command, add_timing, check_timing_outputs, timing_outcome


def run(options: argparse.Namespace) -> Outcome:
    """Time models on a device."""
    from ubp.reporting.timings import timing_rows
    from ubp.timing.android import Device, DeviceBenchmark

    check_timing_outputs(options)
    rows = []
    with DeviceBenchmark(
        Device(options.serial),
        options.model,
        options.delegate,
        options.benchmark_model,
        options.against,
    ) as benchmark:
        against = None if options.against is None else benchmark.against_name
        for threads in options.threads:
            result = benchmark.run(
                threads, options.rounds, backends=options.backend, precision=options.precision
            )
            rows += timing_rows(result, threads, against)
    return timing_outcome(rows, options)


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "android-benchmark",
        run,
        "time a model on an Android device, and another one against it.\n\n"
        "adb copies everything to the device; benchmark_model runs the model with the UBP\n"
        "delegate and the other one in XNNPACK, by turns in processes of a second or more. The\n"
        "times are of the processes' medians; the speed-up is the median of the rounds' ratios.\n"
        "--backend cpu,gpu runs the model on either, by turns as well.\n"
        "benchmark_model must be of LiteRT 2.1 or later. android/README.md explains all of it.",
        "  ubp android-benchmark sparse.tflite --against dense.tflite --threads 1,2 \\\n"
        "      --delegate libubp_delegate.so --benchmark-model benchmark_model\n"
        "  ubp android-benchmark sparse.tflite --backend cpu,gpu --precision fp16_storage \\\n"
        "      --delegate libubp_delegate.so --benchmark-model benchmark_model",
    )
    parser.add_argument("model", type=Path, help="the .tflite file to time")
    add_timing(parser, rounds=10, unit="processes")
    parser.add_argument(
        "--delegate", type=Path, required=True, help="libubp_delegate.so, built for the device"
    )
    parser.add_argument(
        "--benchmark-model", required=True, help="its path here, or else on the device"
    )
    parser.add_argument("--serial", help="which device, as 'adb devices' lists them")
    parser.add_argument(
        "--backend",
        type=_backends,
        default=["cpu"],
        metavar="cpu,gpu",
        help="what the delegate runs the model on (default: cpu)",
    )
    parser.add_argument(
        "--precision",
        choices=["fp32", "fp16_storage", "fp16"],
        default="fp32",
        help="of the GPU (default: fp32)",
    )


def _backends(text: str) -> list[str]:
    backends = text.split(",")
    if not set(backends) <= {"cpu", "gpu"} or len(set(backends)) < len(backends):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of backends such as cpu,gpu")
    return backends
