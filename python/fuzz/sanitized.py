# SPDX-License-Identifier: Apache-2.0
"""The delegate built with the address and undefined-behaviour sanitizers, in a process of Python.

Python itself is not built so: the sanitizers' runtime, preloaded into it, watches all memory that
the process allocates, and what the delegate reads and writes. What is still allocated when the
process ends is not looked at.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / ".deps" / "sanitized" / "libubp_delegate.so"


def sanitized_environment() -> dict[str, str]:
    """What to add to a process's environment.

    Raises:
        FileNotFoundError: if the library is not there, saying what to do.
    """
    if not LIBRARY.is_file():
        raise FileNotFoundError(f"{LIBRARY} is not there: run './run test --sanitize'.")
    return {
        "UBP_DELEGATE": str(LIBRARY),
        "LD_PRELOAD": f"{_runtime('libasan.so')} {_runtime('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def _runtime(name: str) -> str:
    """The path of one of GCC's libraries."""
    command = ["g++", f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
