# SPDX-License-Identifier: Apache-2.0
"""ubp calibrate: the constants of predictions, measured on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from ubp.cli.gpu import add_gpu, delegate_options
from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command
from ubp.output import check_output, write_output


def run(options: argparse.Namespace) -> Outcome:
    """Measure the constants and write them."""
    gpu = delegate_options(options)
    return write_costs(options.output, options.force, options.rounds, options.threads, gpu)


def write_costs(
    output: Path,
    overwrite: bool,
    rounds: int = 15,
    threads: int = 1,
    gpu: dict[str, Any] | None = None,
) -> Outcome:
    """Measure the constants and write them to a file.

    gpu: the delegate's options for one, if it is what they are measured on.
    """
    from ubp.reporting.tables import print_costs
    from ubp.timing.calibration import calibrate, calibrate_gpu

    check_output(output, overwrite)
    costs = calibrate_gpu(rounds, **gpu) if gpu else calibrate(rounds, threads)
    write_output(output, costs.to_json(), overwrite)

    def show(console: Console) -> None:
        print_costs(costs, console)
        print(f"wrote {output}; predict with it by 'ubp convert --costs {output}'")

    return Outcome({"costs": json.loads(costs.to_json()), "written": [output]}, show)


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "calibrate",
        run,
        "measure what layers cost on this machine, for the predictions of 'ubp convert'.\n\n"
        "Single layers of several shapes and sparsities run dense (XNNPACK) and block-sparse by\n"
        "turns, about half a minute; the constants that explain the ratios best are written. The\n"
        "ones that come with the package were measured on x86-64 with AVX-512: another processor\n"
        "may gain from other layers. ubp.LatencyBudget prunes by them, too (ubp.read_costs).\n"
        "With --backend gpu the dense layers run on the GPU, too, in the delegate's own kernels;\n"
        "'ubp convert' then chooses layers and blocks for a GPU. What the delegate itself goes by\n"
        "are estimates (delegate/opencl/costs.cc).\n"
        "Nothing else should run on the machine meanwhile.",
        "  ubp calibrate -o costs.json\n"
        "  ubp convert pruned.tflite -o sparse.tflite --costs costs.json\n"
        "  ubp calibrate --backend gpu --gpu-cache gpu -o gpu_costs.json",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .json file to write")
    parser.add_argument(
        "--rounds", type=int, default=15, help="blocks of inferences for each layer (default: 15)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: 1)")
    add_gpu(parser, "the layers", auto=False)
