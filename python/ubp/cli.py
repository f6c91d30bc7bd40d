"""The command line: ubp convert, unpack, inspect, verify, benchmark, android-benchmark.

Results go to standard output. Whatever goes wrong is one sentence on standard error, with exit
status 2; a verification that fails has status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ubp
from ubp import cli_convert, cli_timing
from ubp.cli_common import (
    EXIT_FAILED,
    add_command,
    add_inputs,
    add_shape,
    console,
    print_assumption,
    print_verification,
)
from ubp.cli_streams import until_closed

_EXIT_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with until_closed():
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        try:
            status = run(options)
            sys.stdout.flush()  # so that a full disk behind it is an error, too
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            print(f"ubp: error: {_sentence(error)}", file=sys.stderr)
            return _EXIT_ERROR
        return status


def _inspect(options: argparse.Namespace) -> int:
    from ubp.convert.converter import convert
    from ubp.convert.report import print_attributes, print_report
    from ubp.runtime.decisions import delegate_report, print_delegate_report

    result = convert(options.model, shapes=options.shape)
    print_report(result.report, console(), done=False)
    print_assumption(result.input_shapes)
    print_attributes(result.report, console())
    print_delegate_report(delegate_report(result.dense), console())
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ubp.convert.verify import verify

    result = verify(
        options.dense,
        options.sparse,
        options.inputs,
        runs=options.runs,
        seed=options.seed,
        num_threads=options.threads,
        tolerance=options.tolerance,
        shapes=options.shape,
    )
    print_assumption(result.input_shapes)
    return 0 if print_verification(result) else EXIT_FAILED


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{place}{error.strerror}."
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ubp",
        description="Make pruned models small and fast in the standard TensorFlow Lite runtime.",
        epilog="'ubp COMMAND --help' explains each command.",
    )
    parser.add_argument("--version", action="version", version=f"ubp {ubp.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (*cli_convert.COMMANDS, _add_inspect, _add_verify, *cli_timing.COMMANDS):
        add(commands)
    return parser


def _add_inspect(commands: Any) -> None:
    parser = add_command(
        commands,
        "inspect",
        _inspect,
        "show every layer's zeros and blocks, and what convert and the delegate would do.\n\n"
        "Layers that are block-sparse already are listed with their attributes. The last table\n"
        "lists every operator of the file as it is: whether the delegate takes it, or why not.",
        "  ubp inspect pruned.tflite\n  ubp inspect sparse.tflite",
    )
    parser.add_argument(
        "model",
        type=Path,
        help="a .tflite file, converted or not, or a Keras model as for 'ubp convert'",
    )
    add_shape(parser)


def _add_verify(commands: Any) -> None:
    parser = add_command(
        commands,
        "verify",
        _verify,
        "compare a converted model with the dense one, through the interpreter.\n\n"
        "Both run on random inputs, or on those given: the main graph and every signature by\n"
        "turns. Exit status 0: they agree; 1: they do not.",
        "  ubp verify pruned.tflite sparse.tflite --threads 2\n"
        "  ubp verify pruned.tflite sparse.tflite --inputs cat.jpg dog.jpg",
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
        "for f16, 5e-2 for bf16)",
    )


if __name__ == "__main__":
    sys.exit(main())
