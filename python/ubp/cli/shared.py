# SPDX-License-Identifier: Apache-2.0
"""What the commands of the command line share."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ubp.cli.outcome import Outcome
from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.reporting.timings import Row

_NOT_A_TERMINAL = 160  # characters of a line, where tables go elsewhere
_TEXT = 92  # that explanations are written for


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], Outcome], text: str, examples: str
) -> argparse.ArgumentParser:
    """Add a command, with the options that all have.

    text: explains it, its first paragraph in the list of commands.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text.partition("\n\n")[0].removesuffix("."),
        description=fitted(text[0].upper() + text[1:]),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, command=name)
    _add_output(parser)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add what all commands have: how much they say, and in which form."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json",
        type=_json_file,
        nargs="?",
        const=True,
        metavar="FILE.json",
        help="print one JSON object and nothing else, also where the command fails; or write it to "
        "a file, beside the tables (docs/command-line.md lists its fields)",
    )
    group.add_argument("--force", action="store_true", help="overwrite files that exist")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing but warnings and errors"
    )
    volume.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="say more on standard error: versions, times, and where in the code an error arose",
    )


def _json_file(text: str) -> Path:
    # Without it a model behind --json would be what is written.
    if not text.endswith(".json"):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no name of a .json file; put --json last to print instead"
        )
    return Path(text)


def fitted(text: str) -> str:
    """Paragraphs, broken anew where the terminal is too narrow for them."""
    width = shutil.get_terminal_size().columns - 2  # as argparse has it
    if width >= _TEXT:
        return text
    return "\n\n".join(_fitted(paragraph, width) for paragraph in text.split("\n\n"))


def _fitted(paragraph: str, width: int) -> str:
    lines = paragraph.split("\n")
    if not any(line.startswith(" ") for line in lines):
        return textwrap.fill(" ".join(lines), width)
    return "\n".join(textwrap.fill(line, width, subsequent_indent="     ") for line in lines)


def console() -> Console:
    """A console on standard output; wide enough for the tables where that is no terminal."""
    asked = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(width=None if asked else _NOT_A_TERMINAL)


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
    parser.add_argument("--csv", type=Path, help="also write the timings as comma-separated values")


def check_timing_outputs(options: argparse.Namespace) -> None:
    """Refuse files for timings that cannot be written, before anything is timed."""
    if options.csv is not None:
        check_output(options.csv, options.force)


def timing_outcome(rows: list[Row], options: argparse.Namespace) -> Outcome:
    """Write the rows to the --csv file; returns what else is to be said."""
    from ubp.reporting.tables import print_profile
    from ubp.reporting.timings import print_timings, timings_to_csv

    if options.csv is not None:
        write_output(options.csv, timings_to_csv(rows), options.force)

    def show(console: Console) -> None:
        print_timings(rows, console)
        for row in rows:
            if "profile" in row:
                print_profile(row["profile"], console)

    written = [] if options.csv is None else [options.csv]
    return Outcome({"timings": rows, "written": written}, show)


def _threads(text: str) -> list[int]:
    counts = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of thread counts such as 1,2")
    return counts
