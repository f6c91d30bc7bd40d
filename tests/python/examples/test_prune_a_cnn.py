# SPDX-License-Identifier: Apache-2.0
"""The worked example in Python runs, and overwrites nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "prune_a_cnn.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, EXAMPLE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.slow
def test_all_of_the_way(tmp_path):
    made = run(tmp_path / "digits.tflite", "--epochs", "2")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "digits.tflite").stat().st_size > 10_000
    for line in ("pruned: ", "of the dense file's size", "times as fast", "90.0%"):
        assert line in made.stdout
    again = run(tmp_path / "digits.tflite")
    assert again.returncode == 2 and "exists already; name another file" in again.stderr
