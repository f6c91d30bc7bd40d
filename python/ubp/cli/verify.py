# SPDX-License-Identifier: Apache-2.0
"""ubp verify: a converted model against the dense one, through the interpreter."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from ubp.cli.gpu import add_gpu, delegate_options
from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command, add_inputs, add_shape, print_assumption


def run(options: argparse.Namespace) -> Outcome:
    """Compare two models."""
    from ubp.check.verification import verify
    from ubp.reporting.tables import verification_text

    result = verify(
        options.dense,
        options.sparse,
        options.inputs,
        runs=options.runs,
        seed=options.seed,
        num_threads=options.threads,
        tolerance=options.tolerance,
        shapes=options.shape,
        **delegate_options(options),
    )

    def show(console: Console) -> None:
        print_assumption(result.input_shapes)
        print(verification_text(result))

    return Outcome(
        asdict(result) | {"relative_error": result.relative_error, "passed": result.passed},
        show,
        "" if result.passed else f"{options.sparse} does not compute what {options.dense} does.",
    )


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "verify",
        run,
        "compare a converted model with the dense one, through the interpreter.\n\n"
        "Both run on random inputs, or on those given: the main graph and every signature by\n"
        "turns. They agree if no value differs by more than the tolerance, a share of the range\n"
        "of that output. Exit status 0: they agree; 1: they do not.",
        "  ubp verify pruned.tflite sparse.tflite --threads 2\n"
        "  ubp verify pruned.tflite sparse.tflite --inputs cat.jpg dog.jpg\n"
        "  ubp verify pruned.tflite sparse.tflite --backend gpu --precision fp16_storage",
    )
    parser.add_argument("dense", type=Path, help="the .tflite file before conversion")
    parser.add_argument("sparse", type=Path, help="the .tflite file after conversion")
    add_inputs(parser)
    add_shape(parser)
    parser.add_argument("--runs", type=int, default=3, help="random inputs to try (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (default: 0)")
    parser.add_argument("--threads", type=int, default=1, help="for both models (default: 1)")
    parser.add_argument(
        "--tolerance",
        type=float,
        help="accepted error relative to the output range (default: 1e-4 for f32 weights, 1e-2 "
        "for f16 and for another --precision than fp32, 5e-2 for bf16)",
    )
    add_gpu(parser, "the converted model")
