# SPDX-License-Identifier: Apache-2.0
"""What one run finds, as data, as rows of a table and as a section of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.arm.model import WARM_ITERATIONS

# LLVM's names; two that execute out of order, and two in order.
PROCESSORS = ("neoverse-n1", "neoverse-v1", "cortex-a510", "cortex-a55")

# Cycles per block, at most: by family, block size and pixels of a tile.
_TARGETS = {
    ("neon", 4, 16): {"neoverse-n1": 8.4, "neoverse-v1": 4.3},
    ("neon_dot", 2, 24): {"neoverse-n1": 6.18, "neoverse-v1": 3.09},
    ("neon_dot", 4, 16): {"neoverse-n1": 8.24, "neoverse-v1": 4.12, "cortex-a510": 16.0},
}
VECTOR_PIXELS = 4

TILE_HEADINGS = ("kernels", "N", "pixels", *PROCESSORS)


@dataclass(frozen=True)
class KernelResult:
    """One function of a kernel family.

    family: as the delegate's option `kernel` calls it.
    inner_loops: how many there are.
    spills: instructions in them that load from the stack or store to it.
    """

    family: str
    name: str
    inner_loops: int
    spills: list[str]


@dataclass(frozen=True)
class TileResult:
    """The loops of one tile kernel, by processor.

    block_size, pixels: of a tile, N output channels by this many pixels, or by a single one.
    cycles: per block, in the slowest of its loops.
    bounds: per block, of the loop's multiply-adds alone.
    channel_cycles: per output channel, of all that is done for it beside its blocks.
    """

    family: str
    block_size: int
    pixels: int
    cycles: dict[str, float]
    bounds: dict[str, float]
    channel_cycles: dict[str, float]


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: ISO 8601, UTC.
    library: SHA-256 of the file that was disassembled.
    compiler: that made it, in its own words.
    llvm: whose models of processors were used.
    """

    date: str
    library: str
    compiler: str
    llvm: str
    kernels: list[KernelResult]
    tiles: list[TileResult]


@dataclass(frozen=True)
class Verdict:
    """What is expected, what was found, and whether that will do."""

    text: str
    met: bool

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.text}: {'met' if self.met else 'missed'}"


def verdicts(report: Report) -> list[Verdict]:
    """Of the project's targets."""
    loops = sum(kernel.inner_loops for kernel in report.kernels)
    spilling = [kernel for kernel in report.kernels if kernel.spills]
    found = [
        Verdict(
            f"no spills in any of {loops} inner loops of {len(report.kernels)} kernels"
            + "".join(f"; {kernel.name} has {len(kernel.spills)}" for kernel in spilling),
            met=not spilling,
        )
    ]
    for tile in report.tiles:
        targets = _TARGETS.get((tile.family, tile.block_size, tile.pixels), {})
        for processor, most in targets.items():
            cycles, bound = tile.cycles[processor], tile.bounds[processor]
            text = (
                f"{tile.family} on {processor}, N={tile.block_size}, {tile.pixels} pixels: "
                f"{cycles:.2f} cycles per block (<= {most}), the multiply-adds alone {bound:.2f}"
            )
            found.append(Verdict(text, met=cycles <= most))
    return found


def tile_cells(tile: TileResult) -> list[str]:
    """One row under TILE_HEADINGS: cycles per block / those of the multiply-adds alone / cycles per
    channel."""
    figures = [
        f"{tile.cycles[name]:.2f} / {tile.bounds[name]:.2f} / {tile.channel_cycles[name]:.1f}"
        for name in PROCESSORS
    ]
    return [tile.family, str(tile.block_size), str(tile.pixels), *figures]


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "verdicts": verdicts(report),
        "headings": TILE_HEADINGS,
        "rows": [tile_cells(tile) for tile in report.tiles],
        "processors": PROCESSORS,
        "warm_iterations": WARM_ITERATIONS,
    }
