# SPDX-License-Identifier: Apache-2.0
"""Keeps TensorFlow's start-up notes off the screen: it prints some before its log level counts."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2  # the file descriptor, which the C++ code writes to


@contextmanager
def held_back_stderr() -> Iterator[None]:
    """Show what is written to standard error only if the block raises."""
    sys.stderr.flush()
    terminal = os.dup(_STDERR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            if failed:
                held.seek(0)
                os.write(_STDERR, held.read())
