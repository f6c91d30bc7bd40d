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
    """The logger of a module, whose lines of level INFO are seen.

    They go to the handlers that the application has set up, or else to standard output. A level
    that the application has given the logger stays.
    """
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        logger.addHandler(_ToStandardOutput())
    return logger
