# SPDX-License-Identifier: Apache-2.0
"""ubp profile: how long layers take on this machine, or the layers of a network in place."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from ubp.cli.adb import add_adb, place_of
from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command, add_shape
from ubp.format import BLOCK_SIZES
from ubp.latency.in_place import MEASURED_DENSITIES, MEASURED_SIZES
from ubp.output import check_output

_SHAPES_ON_A_DEVICE = 12  # each file is a process there, in each of its turns


def run(options: argparse.Namespace) -> Outcome:
    """Measure, write the latency model and print it."""
    from ubp.latency.record import to_json
    from ubp.reporting.latency import print_latency
    from ubp.timing.grid import SHAPES, measure_device
    from ubp.timing.network import measure_network

    check_output(options.output, options.force)
    if options.model is None:
        _refuse_options_of_networks(options)
    place = place_of(options)
    if options.model is None:
        model = measure_device(
            num_threads=options.threads,
            seed=options.seed,
            shapes=SHAPES if place is None else _SHAPES_ON_A_DEVICE,
            place=place,
        )
    else:
        model = measure_network(
            options.model,
            num_threads=options.threads,
            block_sizes=options.block_sizes or MEASURED_SIZES,
            densities=options.densities or MEASURED_DENSITIES,
            held_out=6 if options.held_out is None else options.held_out,
            rounds=15 if options.rounds is None else options.rounds,
            seed=options.seed,
            shapes=options.shape,
            place=place,
        )
    model.save(options.output, options.force)

    def show(console: Console) -> None:
        print_latency(model, console)
        print(f"wrote {options.output}; plan with it by 'ubp map --latency {options.output}'")

    return Outcome(
        {
            "latency": json.loads(to_json(model)),
            "errors": model.errors(),
            "written": [options.output],
        },
        show,
    )


def _refuse_options_of_networks(options: argparse.Namespace) -> None:
    for name in ("block_sizes", "densities", "held_out", "rounds", "shape"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} is for a network measured in place; name its file, or "
                "leave the option out."
            )


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "profile",
        run,
        "measure how long layers take, or those of a network in place, here or on a phone.\n\n"
        "Without a model single layers of many shapes run, dense and with blocks, for two to\n"
        "three minutes; predictions for layers of any shape follow.\n\n"
        "With one, the network is converted about a dozen times, each time with other blocks in\n"
        "every layer, and each step of the delegate is timed: for each layer and N the result has\n"
        "a line over the number of blocks, beside what the dense layer takes and the fixed rest.\n"
        "Mixtures that nothing was fitted to say how far predictions are off. With one thread\n"
        "processor time is measured, which a busy machine disturbs little; otherwise nothing else\n"
        "should run meanwhile. With --adb all of it runs on an Android device, in some minutes.\n"
        "'ubp map', 'ubp convert --costs' and ubp.LatencyBudget take the file.",
        "  ubp profile -o host.json\n"
        "  ubp profile model.keras -o latency.json\n"
        "  ubp profile model.tflite -o latency.json --threads 2\n"
        "  ubp profile model.keras -o phone.json --adb --delegate libubp_delegate.so \\\n"
        "      --benchmark-model benchmark_model",
    )
    parser.add_argument(
        "model", type=Path, nargs="?", help="a dense network, as 'ubp convert' reads it"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .json file to write")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: 1)")
    parser.add_argument(
        "--block-sizes",
        type=int,
        nargs="+",
        choices=BLOCK_SIZES,
        metavar="N",
        help="output channels in a block (default: 1 2 4 8)",
    )
    parser.add_argument(
        "--densities",
        type=float,
        nargs="+",
        metavar="SHARE",
        help="shares of the weights to measure each N at (default: 0.04 0.12 0.35)",
    )
    parser.add_argument(
        "--held-out", type=int, help="mixtures to find the errors with (default: 6)"
    )
    parser.add_argument("--rounds", type=int, help="how often each file has its turn (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="of the mixtures (default: 0)")
    add_shape(parser)
    add_adb(parser)
