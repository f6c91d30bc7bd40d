# SPDX-License-Identifier: Apache-2.0
"""Runs programs of this folder in the Python for aarch64, under qemu-user.

`./run setup` makes that Python with ai-edge-litert, `./run test` the libraries for it.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AARCH64 = ROOT / ".deps" / "aarch64"

only_on_x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64",
    reason="emulates aarch64 on x86-64; on aarch64 the other tests run the same code",
)


def run_on_aarch64(program: str, *arguments: object) -> None:
    """Fails the test if the program fails."""
    process = subprocess.run(
        [AARCH64 / "python", Path(__file__).with_name(program), *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "python"),
            "UBP_DELEGATE": str(AARCH64 / "libubp_delegate.so"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
