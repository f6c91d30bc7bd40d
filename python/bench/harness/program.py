# SPDX-License-Identifier: Apache-2.0
"""delegate/bench/kernel_benchmark, the program that times single layers and loops."""

from __future__ import annotations

from pathlib import Path

from bench.harness.child import Child

PROGRAM = Path(__file__).resolve().parents[3] / ".deps" / "bin" / "kernel_benchmark"


class BenchmarkProgram(Child):
    """The running program; its commands are in delegate/bench/commands.h.

    Args:
        user: the benchmark that builds it.
        program: the executable.

    Raises:
        FileNotFoundError: if it is missing.
    """

    def __init__(self, user: str, program: Path = PROGRAM) -> None:
        if not program.is_file():
            raise FileNotFoundError(f"{program}: no such file; `./run bench {user}` builds it.")
        super().__init__("kernel_benchmark", [program])
