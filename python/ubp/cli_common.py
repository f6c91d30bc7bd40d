"""What the commands of the command line share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str, examples: str
) -> argparse.ArgumentParser:
    """Add a command: `text` explains it, its first sentence part in the list of commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text.partition(".")[0],
        description=text[0].upper() + text[1:],
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def console() -> Console:
    """A console on standard output; wide enough for the tables where that is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 160)


def read_model(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        FileNotFoundError: if there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    return path.read_bytes()
