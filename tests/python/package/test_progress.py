# SPDX-License-Identifier: Apache-2.0
"""ubp.progress: a bar on a terminal, a few lines in a file."""

from __future__ import annotations

import io

from ubp.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_has_a_line_for_every_tenth() -> None:
    log = io.StringIO()
    assert list(ProgressBar(range(3000), "work", file=log)) == list(range(3000))
    lines = log.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        f"work: {done} of 3000" for done in range(0, 3001, 300)
    ]


def test_a_log_says_where_the_work_ended_early() -> None:
    log = io.StringIO()
    with ProgressBar(total=5000, desc="  steps   ", file=log) as bar:
        for _ in range(7):
            bar.set_postfix({"loss": 1})
            bar.update()
    lines = [line.partition(",")[0] for line in log.getvalue().splitlines()]
    assert lines == ["steps: 0 of 5000", "steps: 7 of 5000"]


def test_work_of_unknown_length_has_two_lines() -> None:
    log = io.StringIO()
    with ProgressBar(desc="work", file=log) as bar:
        for _ in range(100):
            bar.update()
    assert [line.partition(",")[0] for line in log.getvalue().splitlines()] == [
        "work: 0",
        "work: 100",
    ]


def test_a_terminal_has_a_bar() -> None:
    terminal = Terminal()
    for _ in ProgressBar(range(10), "work", file=terminal):
        pass
    assert "\r" in terminal.getvalue() and "100%" in terminal.getvalue()


def test_a_bar_that_is_not_wanted_is_silent() -> None:
    log = io.StringIO()
    for _ in ProgressBar(range(10), file=log, disable=True):
        pass
    assert log.getvalue() == ""
