# SPDX-License-Identifier: Apache-2.0
"""Standard error is held back, but shown when something goes wrong."""

import os

import pytest

from bench.harness.quiet import held_back_stderr


def test_notes_are_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with held_back_stderr():
        os.write(2, b"a note\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_notes_are_shown_if_the_block_raises(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        os.write(2, b"the library is broken\n")
        raise ImportError

    with pytest.raises(ImportError), held_back_stderr():
        fail()
    assert capfd.readouterr().err == "the library is broken\n"
