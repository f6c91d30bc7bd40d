# SPDX-License-Identifier: Apache-2.0
"""Programs on a backend of Keras: each in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ubp

BACKENDS = ("tensorflow", "jax", "torch")


def needs(backend: str) -> None:
    """Skip a test of PyTorch where it is not installed: `./run test --torch` has it."""
    if backend == "torch" and importlib.util.find_spec(backend) is None:
        pytest.skip("torch is not installed; './run test --torch' runs this")


def run_on(backend: str, *arguments: str | Path, **environment: str) -> str:
    """What a program prints that runs with KERAS_BACKEND, and with `environment` beside it.

    Args:
        arguments: of Python: a file, say, and what it is given.
    """
    needs(backend)
    paths = [str(Path(ubp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    given = {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling takes longer than what is run
    }
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | given | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout
