# SPDX-License-Identifier: Apache-2.0
"""Child processes that answer lines of JSON."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from bench.harness.child import Child

ECHO = """
import json, sys
for line in sys.stdin:
    word = line.strip()
    if word == "die":
        print("first\\nthe reason", file=sys.stderr)
        sys.exit(3)
    print(json.dumps({"error": "no."} if word == "refuse" else {"word": word}), flush=True)
"""


def child(program: str = ECHO) -> Child:
    return Child("echo", [sys.executable, "-c", program])


def state(process: Child) -> str:
    """The process's state as the kernel names it, once a signal has arrived."""
    time.sleep(0.01)
    stat = Path(f"/proc/{process._process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def test_every_request_is_answered() -> None:
    with child() as echo:
        assert echo.ask("one") == {"word": "one"}
        with pytest.raises(RuntimeError, match=r"^echo: no\.$"):
            echo.ask("refuse")
        assert echo.ask("two") == {"word": "two"}


def test_a_child_that_ends_is_reported_with_its_last_words() -> None:
    with child() as echo:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^echo ended with status 3: the reason$"):
                echo.ask("die")


def test_a_child_that_says_nothing() -> None:
    with (
        child("import sys; sys.exit(1)") as echo,
        pytest.raises(RuntimeError, match="echo ended with status 1: no message"),
    ):
        echo.ask("one")


def test_a_paused_child_does_nothing_until_resumed() -> None:
    with child() as echo:
        echo.ask("one")
        echo.pause()
        assert state(echo) == "T"
        echo.resume()
        assert echo.ask("two") == {"word": "two"}


def test_a_paused_child_ends_with_the_block() -> None:
    with child() as echo:
        echo.ask("one")
        echo.pause()
    assert echo._process.returncode == 0


def test_there_is_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child("none", [tmp_path / "none"])
