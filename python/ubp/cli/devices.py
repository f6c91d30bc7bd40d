# SPDX-License-Identifier: Apache-2.0
"""ubp devices: the processors that the delegate can run models on."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command


def run(options: argparse.Namespace) -> Outcome:
    """List the devices."""
    from ubp.reporting.devices import print_devices
    from ubp.runtime.devices import list_devices

    devices = list_devices()
    return Outcome(asdict(devices), lambda console: print_devices(devices, console))


def add(commands: Any) -> None:
    """Add the command."""
    add_command(
        commands,
        "devices",
        run,
        "list the processors that models can run on: the CPU, and GPUs through OpenCL.\n\n"
        "The delegate opens an OpenCL library where there is one; nothing needs to be linked or\n"
        "configured, OpenCL 1.2 is enough. For each device: its driver, how many compute units it\n"
        "has at which clock, its memory, whether it shares the CPU's ('unified', so that nothing\n"
        "is copied), whether it computes with 16 bits (precision:fp16; precision:fp16_storage\n"
        "works everywhere), and the quirks: what the delegate does for this driver only.\n"
        "'>' marks the device that the delegate's option backend=gpu takes; gpu_device takes\n"
        "another one, by its number or a part of its name. CPUs among OpenCL's devices (PoCL) are\n"
        "for tests: the delegate's own CPU kernels are much faster.",
        "  ubp devices\n"
        "  ubp devices --json\n"
        "  UBP_OPENCL_LIBRARY=/opt/vendor/libOpenCL.so ubp devices   another OpenCL library",
    )
