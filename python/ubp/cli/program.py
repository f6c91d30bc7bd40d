# SPDX-License-Identifier: Apache-2.0
"""The program `ubp`: its parser.

The exit status is 0; 1 for a verdict that is negative, such as a verification that fails; 2 for a
command line that is not understood; 3 for what could not be done; 130 if it was interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from typing import NoReturn

import ubp
from ubp.cli import (
    android_benchmark,
    benchmark,
    calibrate,
    completion,
    convert,
    devices,
    doctor,
    inspect,
    map,
    profile,
    prune,
    unpack,
    verify,
)
from ubp.cli.execution import execute
from ubp.cli.outcome import EXIT_USAGE, document
from ubp.cli.shared import fitted
from ubp.cli.streams import until_closed

_COMMANDS = (
    prune,
    convert,
    unpack,
    inspect,
    verify,
    benchmark,
    calibrate,
    profile,
    map,
    devices,
    doctor,
    android_benchmark,
    completion,
)
_DESCRIPTION = """\
Make pruned models small and fast in the standard TensorFlow Lite runtime.

A model is pruned in Python (ubp.prune), with tensorflow-model-optimization, or, without training,
with 'ubp prune': many of its weights become zero. Then
  1. 'ubp inspect' shows which layers gain from their zeros, and why others do not;
  2. 'ubp convert' turns the zeros of those that gain into block-sparse layers;
  3. 'ubp benchmark' times the result against the file that it was made from."""
_EPILOG = """\
examples:
  ubp inspect pruned.keras
  ubp convert pruned.keras -o sparse.tflite --verify
  ubp benchmark sparse.tflite --against dense.tflite --threads 1,2

'ubp COMMAND --help' explains each command; all have --json, --quiet and --verbose. The exit status
is 0; 1 if the verdict is negative (a verification fails, something is broken); 2 for wrong usage;
3 if the command fails."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with until_closed():
        parser = _parser()
        if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next, see completion.py
            import argcomplete

            argcomplete.autocomplete(parser)
        try:
            options = parser.parse_args(arguments)
        except _UsageError as error:
            words = sys.argv[1:] if arguments is None else arguments
            if _json_is_printed(words):
                command = words[0] if words[0] in parser.names else None
                print(document(command, EXIT_USAGE, error=error.message), end="", flush=True)
            error.parser.explain(error.message)
        return execute(options)


class _UsageError(Exception):
    """A command line that is not understood, by this parser."""

    def __init__(self, parser: _Parser, message: str) -> None:
        super().__init__(message)
        self.parser = parser
        self.message = message


class _Parser(argparse.ArgumentParser):
    """A parser that leaves it to its caller to say what is wrong.

    names: of its commands.
    """

    names: Collection[str] = ()

    def error(self, message: str) -> NoReturn:
        raise _UsageError(self, message)

    def explain(self, message: str) -> NoReturn:
        """Print the usage and what is wrong with it, and end with status 2."""
        super().error(message)


def _json_is_printed(arguments: Sequence[str]) -> bool:
    """Whether --json is among the words of a command line, without the name of a file."""
    if "--json" not in arguments:
        return False
    behind = list(arguments)[list(arguments).index("--json") + 1 :]
    return not behind or not behind[0].endswith(".json")


def _parser() -> _Parser:
    parser = _Parser(
        prog="ubp",
        description=fitted(_DESCRIPTION),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ubp {ubp.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    parser.names = commands.choices
    return parser
