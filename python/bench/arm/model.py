# SPDX-License-Identifier: Apache-2.0
"""Cycles of loops on processors, by llvm-mca: LLVM's own model of each processor's pipelines.

All data is in the first-level cache, and no branch is mispredicted.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bench.arm.disassembly import Instruction

# The first LLVM with models of their own for all processors of the benchmark.
OLDEST = 17
_NEWEST = 30
_VERSION = re.compile(r"LLVM version (\d+)[\d.]*")
# Cycles are counted behind so many iterations, when the loop has settled, for so many more.
WARM_ITERATIONS, _MORE = 200, 400


@dataclass(frozen=True)
class Mca:
    """An llvm-mca.

    program: its name.
    version: of LLVM, such as "LLVM version 19.1.7".
    """

    program: str
    version: str

    @classmethod
    def newest(cls) -> Mca:
        """The newest that is installed.

        Raises:
            FileNotFoundError: if there is none, or none that knows the processors.
        """
        names = [f"llvm-mca-{number}" for number in range(_NEWEST, OLDEST - 1, -1)]
        for name in [*names, "llvm-mca"]:
            if shutil.which(name) is None:
                continue
            text = subprocess.run([name, "--version"], capture_output=True, text=True, check=True)
            version = _VERSION.search(text.stdout)
            if version and int(version[1]) >= OLDEST:
                return cls(name, version[0])
        raise FileNotFoundError(
            f"there is no llvm-mca of LLVM {OLDEST} or newer; older ones have no models of these "
            "processors. Install Debian's package llvm-19, or a newer one."
        )

    def cycles(self, loops: Sequence[Sequence[Instruction]], processor: str) -> list[float]:
        """Cycles of one iteration of each loop, once it has settled.

        Args:
            processor: LLVM's name of it.

        Raises:
            ValueError: if llvm-mca refuses the code or the processor.
        """
        if not loops:
            return []
        source = "".join(map(_region, range(len(loops)), loops))
        warm = self._total(source, processor, WARM_ITERATIONS)
        total = self._total(source, processor, WARM_ITERATIONS + _MORE)
        return [(end - begin) / _MORE for end, begin in zip(total, warm, strict=True)]

    def _total(self, source: str, processor: str, iterations: int) -> list[int]:
        command = [
            self.program,
            "--mtriple=aarch64-linux-gnu",
            f"--mcpu={processor}",
            f"--iterations={iterations}",
            "--json",
        ]
        result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        if result.returncode:
            raise ValueError(f"{self.program} for {processor}: {result.stderr.strip()}")
        regions = json.loads(result.stdout)["CodeRegions"]
        return [region["SummaryView"]["TotalCycles"] for region in regions]


def _region(number: int, loop: Sequence[Instruction]) -> str:
    """A loop as llvm-mca reads it; the name of its label is its own."""
    lines = [f"# LLVM-MCA-BEGIN {number}", f"loop_{number}:"]
    lines += [instruction.text(f"loop_{number}") for instruction in loop]
    return "\n".join([*lines, "# LLVM-MCA-END", ""])
