"""What the commands of the command line share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from ubp.convert.verify import Verification

EXIT_FAILED = 1  # of a command that worked and found models to differ


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


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the option for the inputs of a verification."""
    parser.add_argument(
        "--inputs",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="verify with these instead of random numbers: a .npy file for each input, [samples, "
        "...], or pictures, which are resized and scaled to 0..1",
    )


def print_verification(result: Verification) -> bool:
    """Print a comparison in a line or two; returns whether it passed."""
    print(
        f"largest error {result.max_abs_error:.3g}, {result.relative_error:.3g} of the output "
        f"range {result.output_range:.4g} (accepted: {result.tolerance:g}): "
        f"{'passed' if result.passed else 'FAILED'}"
    )
    samples = f"{result.samples} sample{'s' * (result.samples != 1)}"
    classes = "" if result.agreement is None else f"; the same class in {result.agreement:.1%}"
    print(f"mean error {result.mean_abs_error:.3g} over {samples}{classes}")
    return result.passed
