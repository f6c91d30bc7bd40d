# SPDX-License-Identifier: Apache-2.0
"""What the commands of the command line share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.reporting.timings import Row

EXIT_FAILED = 1  # of a command that worked, with a negative verdict


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str, examples: str
) -> argparse.ArgumentParser:
    """Add a command: `text` explains it, its first paragraph in the list of commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text.partition("\n\n")[0].removesuffix("."),
        description=text[0].upper() + text[1:],
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def console() -> Console:
    """A console on standard output; wide enough for the tables where that is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 160)


def parse_shape(text: str) -> tuple[int, ...]:
    """A shape such as 1,180,180,1."""
    sizes = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no shape such as 1,180,180,1")
    return tuple(sizes)


def add_shape(parser: argparse.ArgumentParser) -> None:
    """Add the option for the shapes of inputs that a model leaves open."""
    parser.add_argument(
        "--shape",
        type=parse_shape,
        action="append",
        metavar="N,N,...",
        help="the shape of an input, for a model that leaves sizes open; once for each input "
        "(default: a batch of one, pictures of 224x224, else 128)",
    )


def show_shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    """Shapes as text, such as 1x224x224x3."""
    return ", ".join("x".join(map(str, shape)) or "one value" for shape in shapes)


def print_assumption(shapes: Sequence[tuple[int, ...]]) -> None:
    """Say which sizes were assumed, if any were."""
    if shapes:
        print(f"the model leaves sizes open: inputs of {show_shapes(shapes)}; --shape gives others")


def add_inputs(parser: argparse.ArgumentParser, use: str = "verify with") -> None:
    """Add the option for the inputs of a model."""
    parser.add_argument(
        "--inputs",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=f"{use} these instead of random numbers: a .npy file for each input, [samples, "
        "...], or pictures, which are resized and scaled to 0..1",
    )


def add_timing(parser: argparse.ArgumentParser, rounds: int, unit: str) -> None:
    """Add what the commands that time models have in common."""
    parser.add_argument("--against", type=Path, help="a .tflite file to compare with")
    parser.add_argument(
        "--threads", type=_threads, default=[1], help="numbers of threads, such as 1,2 (default: 1)"
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, help=f"{unit} for each model (default: {rounds})"
    )
    parser.add_argument("--json", type=Path, help="also write the timings to this file")
    parser.add_argument("--csv", type=Path, help="the same as comma-separated values")
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")


def check_timing_outputs(options: argparse.Namespace) -> None:
    """Refuse files for timings that cannot be written, before anything is timed."""
    for path in (options.json, options.csv):
        if path is not None:
            check_output(path, options.force)


def show_timings(rows: list[Row], options: argparse.Namespace) -> None:
    """Write the rows to the --json and --csv files, and print the tables."""
    from ubp.reporting.tables import print_profile
    from ubp.reporting.timings import print_timings, timings_to_csv, timings_to_json

    if options.csv is not None:
        write_output(options.csv, timings_to_csv(rows), options.force)
    if options.json is not None:
        write_output(options.json, timings_to_json(rows), options.force)
    print_timings(rows, console())
    for row in rows:
        if "profile" in row:
            print_profile(row["profile"], console())


def _threads(text: str) -> list[int]:
    counts = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of thread counts such as 1,2")
    return counts
