# SPDX-License-Identifier: Apache-2.0
"""The machine that this runs on, as reports name it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, str | int]:
    """Processor, architecture, cores, operating system and the version of Python.

    Example:
        >>> sorted(describe_machine())
        ['architecture', 'cores', 'processor', 'python', 'system']
    """
    return {
        "processor": processor_name(),
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def processor_name() -> str:
    """The model name of the processor, or its architecture where the system does not say."""
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
