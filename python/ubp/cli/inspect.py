# SPDX-License-Identifier: Apache-2.0
"""ubp inspect: every layer of a model, and what convert and the delegate would do with it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from ubp.cli.gpu import add_gpu, delegate_options
from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command, add_shape, print_assumption


def run(options: argparse.Namespace) -> Outcome:
    """Show what is in a model."""
    from ubp.conversion.converter import convert
    from ubp.reporting.conversion import report_data
    from ubp.reporting.tables import print_attributes, print_delegate_report, print_report
    from ubp.runtime.decisions import delegate_report

    result = convert(options.model, shapes=options.shape)
    delegate = delegate_report(result.dense, **delegate_options(options))

    def show(console: Console) -> None:
        print_report(result.report, console, done=False)
        print_assumption(result.input_shapes)
        print_attributes(result.report, console)
        print_delegate_report(delegate, console)

    found = report_data(result, options.model.name)
    return Outcome(
        {
            **{name: found[name] for name in ("model", "totals", "layers")},
            "input_shapes": result.input_shapes,
            "delegate": delegate,
        },
        show,
    )


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "inspect",
        run,
        "show every layer's zeros and blocks, and what convert and the delegate would do.\n\n"
        "For each layer with weights: the share of zeros, the block size N that is predicted\n"
        "fastest, the blocks of N channels that hold all non-zeros, the size of the weights\n"
        "before and after, and the predicted speed-up. Zeros without structure, as of ordinary\n"
        "pruning, have N = 1 and gain least.\n"
        "Layers that are block-sparse already are listed with their attributes. The last table\n"
        "lists every operator of the file as it is: whether the delegate takes it, or why not.",
        "  ubp inspect pruned.tflite\n  ubp inspect sparse.tflite\n"
        "  ubp inspect sparse.tflite --backend gpu",
    )
    parser.add_argument(
        "model",
        type=Path,
        help="a .tflite file, converted or not, or a Keras model as for 'ubp convert'",
    )
    add_shape(parser)
    add_gpu(parser, "the model of the last table")
