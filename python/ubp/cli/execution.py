# SPDX-License-Identifier: Apache-2.0
"""Runs a command: its exit status, and what it says to whom.

Results go to standard output, as text or as one JSON object; warnings, progress and the sentence on
what went wrong to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import ubp
from ubp.cli.outcome import EXIT_ERROR, EXIT_INTERRUPTED, Outcome, document
from ubp.cli.shared import console
from ubp.cli.streams import onto_standard_error
from ubp.output import check_distinct, check_output, write_output
from ubp.progress import progress_hidden

_LOGGER = logging.getLogger("ubp.cli")
_EXPECTED = (ValueError, OSError, ImportError, RuntimeError)
_OUTPUTS = ("output", "report", "csv", "calibrate")  # options that name files to write, beside json


def execute(options: argparse.Namespace) -> int:
    """Run the command that the options name; returns the exit status."""
    warnings: list[str] = []
    start = time.monotonic()
    with _log_shown(options.verbose, warnings), progress_hidden(options.quiet):
        _LOGGER.info(
            "ubp %s, Python %s, %s %s",
            *(ubp.__version__, platform.python_version()),
            *(platform.system(), platform.machine()),
        )
        status = _execute(options, warnings)
        _LOGGER.info("exit status %d after %.1f s", status, time.monotonic() - start)
    return status


def _execute(options: argparse.Namespace, warnings: list[str]) -> int:
    outputs = [each for name in _OUTPUTS if (each := getattr(options, name, None)) is not None]
    try:
        if isinstance(options.json, Path):
            check_output(options.json, options.force)
            for output in outputs:
                check_distinct(output, options.json)
    except _EXPECTED as error:
        return _failed(error, options.verbose)[0]
    outcome: Outcome | None = None
    try:
        # Packages, and libraries in C++, print what they like.
        with onto_standard_error() if options.json is True else contextlib.nullcontext():
            check_distinct(*outputs)
            outcome = options.run(options)
        assert isinstance(outcome, Outcome)
        status, sentence = outcome.status, outcome.failure
        if options.json is None or isinstance(options.json, Path):
            _show(outcome, options.quiet)
        if sentence:
            _say("error", sentence)
    except KeyboardInterrupt:
        _say("error", "interrupted.")
        status, sentence = EXIT_INTERRUPTED, "interrupted."
    except Exception as error:
        status, sentence = _failed(error, options.verbose)
    return _write_document(options, outcome, status, sentence, warnings)


def _show(outcome: Outcome, quiet: bool) -> None:
    if not quiet:
        outcome.show(console())
    sys.stdout.flush()  # so that a full disk behind it is an error, too


def _write_document(
    options: argparse.Namespace,
    outcome: Outcome | None,
    status: int,
    sentence: str,
    warnings: list[str],
) -> int:
    """Write the JSON object, if one is asked for; returns the exit status."""
    if options.json is None:
        return status
    data = None if outcome is None else outcome.data
    text = document(options.command, status, data, sentence, warnings)
    try:
        if isinstance(options.json, Path):
            write_output(options.json, text, options.force)
        else:
            sys.stdout.write(text)
            sys.stdout.flush()
    except _EXPECTED as error:
        return _failed(error, options.verbose)[0]
    return status


def _failed(error: Exception, verbose: bool) -> tuple[int, str]:
    """Say what went wrong; returns the exit status, and the sentence."""
    expected = isinstance(error, _EXPECTED)
    if verbose or not expected:
        traceback.print_exception(error)
    sentence = _sentence(error)
    if not expected:
        sentence = (
            f"{type(error).__name__}: {sentence} This is a fault of ubp {ubp.__version__}; please "
            "report it with the lines above."
        )
    _say("error", sentence)
    return EXIT_ERROR, sentence


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{place}{error.strerror}."
    return " ".join(str(error).split())


def _say(kind: str, sentence: str) -> None:
    print(f"ubp: {kind}: {sentence}", file=sys.stderr)


class _OnStandardError(logging.Handler):
    """Shows what the package logs as sentences like those of errors, and keeps the warnings."""

    def __init__(self, level: int, warnings: list[str]) -> None:
        super().__init__(level)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        if record.levelno >= logging.WARNING:
            self._warnings.append(record.getMessage())
        _say(record.levelname.lower(), record.getMessage())


@contextlib.contextmanager
def _log_shown(verbose: bool, warnings: list[str]) -> Iterator[None]:
    """Within, what the package logs as a warning is on standard error; all of it if verbose."""
    logger = logging.getLogger("ubp")
    before = logger.level
    handler = _OnStandardError(logging.DEBUG if verbose else logging.WARNING, warnings)
    logger.addHandler(handler)
    if verbose:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
