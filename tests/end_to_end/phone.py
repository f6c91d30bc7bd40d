# SPDX-License-Identifier: Apache-2.0
"""This machine as an Android device: what stand_ins/adb finds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_STAND_INS = Path(__file__).parent / "stand_ins"
BENCHMARK_MODEL = _STAND_INS / "benchmark_model"


def environment(files: Path) -> dict[str, str]:
    """Variables of processes that have the device.

    files: the folder that the device's files lie in.
    """
    path = f"{_STAND_INS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "STAND_IN_DEVICE": str(files)}
