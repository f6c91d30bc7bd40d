"""The C++ program that runs single layers through the delegate's kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.harness.child import Child
from bench.layers.shapes import LayerShape
from ubp.timing.interleaved import BlockTimer

PROGRAM = Path(__file__).resolve().parents[3] / ".deps" / "bin" / "kernel_benchmark"


@dataclass(frozen=True)
class Timed:
    """Something that the program times.

    time: runs blocks, and returns the milliseconds of one run: each block's median.
    multiply_adds: of one run.
    """

    time: BlockTimer
    multiply_adds: int


class KernelProgram(Child):
    """delegate/bench/kernel_benchmark, which `./run build` builds; ends with the `with` block.

    Args:
        block_ms: what a block takes at least.
        program: the executable.

    Raises:
        FileNotFoundError: if it is missing.
    """

    def __init__(self, block_ms: float, program: Path = PROGRAM) -> None:
        if not program.is_file():
            raise FileNotFoundError(f"{program}: no such file; `./run bench kernels` builds it.")
        super().__init__("kernel_benchmark", [program])
        self._block_ms = block_ms

    def load(
        self, shape: LayerShape, stems: Sequence[Path], family: str, threads: int
    ) -> list[Timed]:
        """Prepare a layer; what was loaded before is forgotten.

        Args:
            stems: one for each set of weights, see `write_weights`.
            family: which kernels.

        Raises:
            RuntimeError: if the program refuses, in its own words.
        """
        form = "image" if shape.first else "planes"
        words = ["layer", family, threads, shape.in_h, shape.in_w, form, *stems]
        counts = self.ask(" ".join(map(str, words)))["multiply_adds"]
        return [Timed(partial(self._time, f"time {i}"), count) for i, count in enumerate(counts)]

    def peak(self) -> Timed:
        """The multiply-adds that the loaded layer's kernels and threads could do at best."""
        return Timed(partial(self._time, "peak"), self.ask("peak 0")["multiply_adds"])

    def _time(self, command: str, blocks: int) -> list[float]:
        answers = [self.ask(f"{command} {self._block_ms}") for _ in range(blocks)]
        return [answer["ns"] / 1e6 for answer in answers]
