# SPDX-License-Identifier: Apache-2.0
"""The worked example of PyTorch: training to the end, and a file if litert-torch is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="'./run test --torch' runs this")
EXAMPLE = Path(__file__).parents[3] / "examples" / "prune_in_pytorch.py"


def run(*arguments: str) -> list[str]:
    command = [sys.executable, str(EXAMPLE), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_training_ends_pruned() -> None:
    assert run()[-1].endswith("0.900 pruned")


def test_the_way_to_a_verified_file(tmp_path: Path) -> None:
    if importlib.util.find_spec("litert_torch") is None:
        pytest.skip("litert-torch is not installed")
    path = tmp_path / "model.tflite"
    assert run(str(path))[-1] == "verified: True"
    assert path.with_name("model.ubp.tflite").stat().st_size < path.stat().st_size
