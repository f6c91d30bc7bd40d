"""A library's kernels, looked at: spills, and cycles per block."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.assembly.kernels import InnerLoop, Kernel, TileShape, kernels_among
from bench.assembly.listing import READELF, disassemble
from bench.assembly.model import Mca
from bench.assembly.report import (
    PROCESSORS,
    VECTOR_PIXELS,
    KernelResult,
    Report,
    TileResult,
)

_STRING = re.compile(r"^ *\[ *[0-9a-f]+\] +(.+)$", re.MULTILINE)


def analyse(library: Path, date: str) -> Report:
    """All that the benchmark is about.

    Args:
        library: the delegate for 64-bit Arm.
        date: ISO 8601, UTC.

    Raises:
        FileNotFoundError: if the library or a tool is missing.
        ValueError: if the library cannot be disassembled or has no such kernels.
    """
    kernels = kernels_of(library)
    mca = Mca.newest()
    return Report(
        date=date,
        library=hashlib.sha256(library.read_bytes()).hexdigest(),
        compiler=_compiler(library),
        llvm=mca.version,
        kernels=[spills_of(kernel) for kernel in kernels],
        tiles=_tiles(kernels, mca),
    )


def kernels_of(library: Path) -> list[Kernel]:
    """The library's NEON kernels.

    Raises:
        FileNotFoundError, ValueError: as `analyse`.
    """
    kernels = kernels_among(disassemble(library))
    if not kernels:
        raise ValueError(
            f"{library} has no NEON kernels, or no symbols that name them; expected a delegate for "
            "64-bit Arm, not stripped."
        )
    for kernel in kernels:
        if kernel.shape and not kernel.block_loops:
            raise ValueError(f"{library}: no loop over blocks was found in {kernel.name}.")
    return kernels


def spills_of(kernel: Kernel) -> KernelResult:
    """What a kernel keeps on the stack."""
    spills = [str(spill) for loop in kernel.loops for spill in loop.spills]
    return KernelResult(kernel.family, kernel.name, len(kernel.loops), spills)


@dataclass(frozen=True)
class _BlockLoop:
    """One loop of a tile kernel, and how many blocks an iteration computes."""

    family: str
    shape: TileShape
    loop: InnerLoop

    @property
    def blocks(self) -> int:
        return len(self.loop.multiply_adds) // self.shape.multiply_adds


def _tiles(kernels: Sequence[Kernel], mca: Mca) -> list[TileResult]:
    loops = [
        _BlockLoop(kernel.family, kernel.shape, loop)
        for kernel in kernels
        if kernel.shape
        for loop in kernel.block_loops
    ]
    bodies = [each.loop.instructions for each in loops]
    products = [each.loop.multiply_adds for each in loops]
    tiles: dict[tuple[str, int, int], TileResult] = {}
    for processor in PROCESSORS:
        cycles, bounds = mca.cycles(bodies, processor), mca.cycles(products, processor)
        for each, whole, least in zip(loops, cycles, bounds, strict=True):
            pixels = each.shape.vectors * VECTOR_PIXELS
            key = (each.family, each.shape.block_size, pixels)
            tile = tiles.setdefault(key, TileResult(*key, cycles={}, bounds={}))
            slowest = tile.cycles.get(processor, 0.0)
            tile.cycles[processor] = max(slowest, whole / each.blocks)
            tile.bounds[processor] = least / each.blocks
    return [tiles[key] for key in sorted(tiles)]


def _compiler(library: Path) -> str:
    """What the compilers have left in the file."""
    command = [READELF, "--string-dump=.comment", str(library)]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "; ".join(_STRING.findall(dump)) or "not known"
