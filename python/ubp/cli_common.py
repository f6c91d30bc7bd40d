"""What the commands of the command line share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
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


def print_verification(result: Verification) -> bool:
    """Print a comparison in a line or two; returns whether it passed."""
    print(
        f"largest error {result.max_abs_error:.3g}, {result.relative_error:.3g} of the output "
        f"range {result.output_range:.4g} (accepted: {result.tolerance:g}): "
        f"{'passed' if result.passed else 'FAILED'}"
    )
    samples = f"{result.samples} sample{'s' * (result.samples != 1)}"
    classes = "" if result.agreement is None else f"; the same class in {result.agreement:.1%}"
    several = f" of {len(result.signatures)} signatures" * (len(result.signatures) > 1)
    print(f"mean error {result.mean_abs_error:.3g} over {samples}{several}{classes}")
    for name, reason in result.not_run.items():
        print(f"not run: {name}: {reason}")
    return result.passed
