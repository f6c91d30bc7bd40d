# SPDX-License-Identifier: Apache-2.0
"""Lines that a caller has asked for: through `logging`, and seen where nobody has set that up."""

from __future__ import annotations

import logging
import sys
from typing import TextIO


class _ToStandardOutput(logging.StreamHandler[TextIO]):
    """Writes to what standard output is at the time, on a line of its own below a progress bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("\n%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def shown_logger(name: str) -> logging.Logger:
    """The logger of a module of the package, whose lines of level INFO are seen.

    They go to the handlers that the program has set up, or else to standard output. A level that
    the program has given the logger, or that of the package, holds.
    """
    logger, package = logging.getLogger(name), logging.getLogger(name.partition(".")[0])
    if package.level == logging.NOTSET:
        package.setLevel(logging.INFO)
    if not logger.hasHandlers():
        package.addHandler(_ToStandardOutput())
    return logger
