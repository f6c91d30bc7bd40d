# SPDX-License-Identifier: Apache-2.0
"""Lines that a caller asks for: logged, and on standard output where logging is not set up."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import logging
{before}
from ubp.log import shown_logger
for number in range(2):
    shown_logger("ubp.walked").info("line %d", number)
"""


def run(before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(before=before)],
        capture_output=True,
        text=True,
        check=True,
    )


def test_without_handlers_lines_go_to_standard_output() -> None:
    process = run("")
    assert (process.stdout, process.stderr) == ("\nline 0\n\nline 1\n", "")


def test_handlers_of_the_program_get_the_lines() -> None:
    process = run("logging.basicConfig(format='%(levelname)s %(name)s: %(message)s')")
    assert process.stdout == ""
    assert process.stderr == "INFO ubp.walked: line 0\nINFO ubp.walked: line 1\n"


@pytest.mark.parametrize("name", ["ubp", "ubp.walked"])
def test_a_level_of_the_program_holds(name: str) -> None:
    process = run(f"logging.getLogger({name!r}).setLevel(logging.WARNING)")
    assert (process.stdout, process.stderr) == ("", "")
