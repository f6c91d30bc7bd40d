# SPDX-License-Identifier: Apache-2.0
"""Standard output and error of the command line, for readers that stop reading.

`ubp inspect m.tflite | head -1` closes the pipe while the command still prints: that is the end of
printing, and neither an error nor the end of the command. With --json nothing but one object may be
on standard output, whatever packages print there.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

_STDOUT, _STDERR = 1, 2  # the file descriptors, which C++ writes to


class UntilClosed(io.TextIOBase):
    """A text stream whose text goes nowhere once nobody reads it any more.

    Args:
        stream: where the text goes until then.
        name: what to call the stream where text cannot be written for another reason; that is an
            OSError, once.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._open = True

    def write(self, text: str) -> int:
        """Write, as long as somebody reads; returns the number of characters."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Send what is buffered, as long as somebody reads."""
        self._try(self._stream.flush)

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The number of the stream's file."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override] # a property here, an attribute there
        """Of the stream."""
        return self._stream.encoding

    def _try(self, action: Callable[[], object]) -> None:
        if not self._open:
            return
        try:
            action()
        except OSError as error:
            self._open = False
            # What is buffered is written once more when the process ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                raise OSError(error.errno, error.strerror, self._name) from error


@contextlib.contextmanager
def until_closed() -> Iterator[None]:
    """Within, nobody has to care whether standard output and error are still read, or there."""
    names = {"stdout": "standard output", "stderr": "standard error"}
    streams: dict[str, Any] = {name: getattr(sys, name) for name in names}
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - os.devnull is no path of ours
        for name, stream in streams.items():
            there = nowhere if stream is None else UntilClosed(stream, names[name])
            setattr(sys, name, there)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            for name, stream in streams.items():
                setattr(sys, name, stream)


@contextlib.contextmanager
def onto_standard_error() -> Iterator[None]:
    """Within, what is printed on standard output goes to standard error: from C++, too."""
    sys.stdout.flush()
    _flush_c()
    kept = -1
    with contextlib.suppress(OSError):  # either may be closed
        kept = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept >= 0:
            _flush_c()
            os.dup2(kept, _STDOUT)
            os.close(kept)


def _flush_c() -> None:
    """Send what C's own streams have buffered, which Python does not know of."""
    if os.name == "posix":  # elsewhere a process has no library of its own to look in
        ctypes.CDLL(None).fflush(None)
