# SPDX-License-Identifier: Apache-2.0
"""The program `ubp`.

Results go to standard output. Whatever goes wrong is one sentence on standard error. The exit
status is 0; 1 for a verdict that is negative, such as a verification that fails; 2 for a command
line that is not understood; 3 for what could not be done.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import ubp
from ubp.cli import (
    android_benchmark,
    benchmark,
    calibrate,
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
from ubp.cli.streams import until_closed

_EXIT_ERROR = 3
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

'ubp COMMAND --help' explains each command. The exit status is 0; 1 if the verdict is negative (a
verification fails, something is broken); 2 for wrong usage; 3 if the command fails."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with until_closed(), _warnings_shown():
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        try:
            status = run(options)
            sys.stdout.flush()  # so that a full disk behind it is an error, too
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            print(f"ubp: error: {_sentence(error)}", file=sys.stderr)
            return _EXIT_ERROR
        return status


class _OnStandardError(logging.Handler):
    """Shows what the package logs as sentences like those of errors."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        print(f"ubp: {record.levelname.lower()}: {record.getMessage()}", file=sys.stderr)


@contextlib.contextmanager
def _warnings_shown() -> Iterator[None]:
    """Within, what the package logs as a warning is on standard error."""
    logger, handler = logging.getLogger("ubp"), _OnStandardError(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{place}{error.strerror}."
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ubp",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ubp {ubp.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
