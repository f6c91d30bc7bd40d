# SPDX-License-Identifier: Apache-2.0
"""Progress bars, which in a file or the log of a build are a few lines instead of thousands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

_LINES = 10  # in a log, not counting that of the start
_hidden = False


@contextmanager
def progress_hidden(hidden: bool = True) -> Iterator[None]:
    """Within, bars that are made show nothing, if `hidden`.

    Example:
        >>> with progress_hidden():
        ...     list(ProgressBar([1, 2]))
        [1, 2]
    """
    global _hidden
    before = _hidden
    _hidden = hidden or before
    try:
        yield
    finally:
        _hidden = before


class Bar(tqdm):
    """A bar of tqdm that shows nothing within `progress_hidden`. Takes what tqdm takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        hidden = {"disable": True} if _hidden else {}
        super().__init__(*arguments, **(options | hidden))


class ProgressBar(Bar):
    """A bar on a terminal; elsewhere a line at the start and after every tenth of the work.

    Takes what tqdm takes.
    """

    disable: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._tenths, self._printed = -1, -1  # of the work; where the last line was
        super().__init__(*arguments, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Draw the bar, or print a line where another tenth is done."""
        if self.fp.isatty():
            drawn: bool = super().display(msg, pos)
            return drawn
        self.miniters, self.mininterval, self.dynamic_miniters = 1, 0, False
        tenths = self.n * _LINES // self.total if self.total else 0
        if tenths == self._tenths:
            return False
        self._tenths, self._printed = tenths, self.n
        of_all = f" of {self.total}" if self.total else ""
        elapsed = self.format_interval(self.format_dict["elapsed"])
        print(f"{self.desc.strip(' :')}: {self.n}{of_all}, {elapsed}", file=self.fp, flush=True)
        return True

    def close(self) -> None:
        """End the bar; of one that ended early, the last line says where."""
        if self.disable or self.fp.isatty():
            super().close()
            return
        if self.n != self._printed:
            self._tenths = -1
            self.display()
        self.disable = True
