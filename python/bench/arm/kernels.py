# SPDX-License-Identifier: Apache-2.0
"""The kernels among the functions of a library: spills, and cycles per block.

An inner loop is an innermost loop that calculates. What it keeps on the stack, for want of
registers, is loaded and stored again in every round: a spill.
"""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.arm.disassembly import (
    READELF,
    Function,
    Instruction,
    around_loops,
    disassemble,
    innermost_loops,
)
from bench.arm.model import Mca
from bench.arm.report import PROCESSORS, VECTOR_PIXELS, KernelResult, Report, TileResult

_STRING = re.compile(r"^ *\[ *[0-9a-f]+\] +(.+)$", re.MULTILINE)
_OURS = re.compile(r"(?:ubp::)?\(anonymous namespace\)::|ubp::")
_CLONE = re.compile(r" \[clone [^\]]*\]")
_FAMILY = re.compile(r"\bNeon\w*")  # the C++ class of its instruction set
_CAPITAL = re.compile(r"(?<=\w)(?=[A-Z])")
_TILE = re.compile(
    r"(?:Wros<(?:(?:Tile|Pipelined)Rows<\w+, (\d+), (\d+)>|PixelRows<\w+, (\d+)>) ?>::Run\b"
    r"|void RunQuadTile<\w+, (\d+), (\d+)>).*"
)
_REGISTER = re.compile(r"\b([bhsdqvxw])(\d+)\b")
_DOTS = ("sdot", "smmla")  # int8: 4, or 16, products to a lane
_INT8 = "neon_dot"
_QUAD = 4  # channels that int8 kernels store together
_ADDITIONS = ("fmla", "fmadd", *_DOTS)
_NO_CALCULATION = ("fmov", "fcmp", "fccmp", "fcsel")
_FRAME_POINTER = "x29"
_MEMORY = re.compile(r"\[(\w+)")


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


_Key = tuple[str, int, int]  # family, N and pixels of a tile kernel


@dataclass(frozen=True)
class _TileLoop:
    """One loop of a tile kernel, and how many blocks, or channels, an iteration is for."""

    key: _Key
    body: tuple[Instruction, ...]
    count: int


def _tiles(kernels: Sequence[Kernel], mca: Mca) -> list[TileResult]:
    blocks, channels = _block_loops(kernels), _channel_loops(kernels)
    products = [_multiply_adds(each.body) for each in blocks]
    tiles = {each.key: TileResult(*each.key, {}, {}, {}) for each in blocks}
    for processor in PROCESSORS:
        cycles = mca.cycles([each.body for each in blocks], processor)
        bounds = mca.cycles(products, processor)
        for loop, whole, least in zip(blocks, cycles, bounds, strict=True):
            tile = tiles[loop.key]
            slowest = tile.cycles.get(processor, 0.0)
            tile.cycles[processor] = max(slowest, whole / loop.count)
            tile.bounds[processor] = least / loop.count
        around = mca.cycles([each.body for each in channels], processor)
        for loop, whole in zip(channels, around, strict=True):
            of_channels = tiles[loop.key].channel_cycles
            of_channels[processor] = max(of_channels.get(processor, 0.0), whole / loop.count)
    return [tiles[key] for key in sorted(tiles)]


def _block_loops(kernels: Sequence[Kernel]) -> list[_TileLoop]:
    """Of each tile kernel the different loops over blocks."""
    different: dict[tuple[_Key, str], _TileLoop] = {}
    for kernel in kernels:
        if kernel.shape is None:
            continue
        key = (kernel.family, kernel.shape.block_size, kernel.shape.pixels)
        for loop in kernel.block_loops:
            count = len(loop.multiply_adds) // kernel.shape.multiply_adds
            different[key, _renamed(loop)] = _TileLoop(key, loop.instructions, count)
    return list(different.values())


def _channel_loops(kernels: Sequence[Kernel]) -> list[_TileLoop]:
    """Of each tile kernel the loops over groups of channels, without those over blocks."""
    found = []
    for kernel in kernels:
        if kernel.shape is None:
            continue
        n = kernel.shape.block_size
        group = max(n, _QUAD) if kernel.family == _INT8 else n
        key = (kernel.family, n, kernel.shape.pixels)
        found += [_TileLoop(key, body, group) for body in kernel.around]
    return found


def _renamed(loop: InnerLoop) -> str:
    """A loop's text, registers numbered as they come: loops that differ in these are one."""
    numbers: dict[tuple[bool, str], int] = {}

    def rename(register: re.Match[str]) -> str:
        is_vector = register[1] not in "xw"
        return f"{register[1]}{numbers.setdefault((is_vector, register[2]), len(numbers))}"

    text = "\n".join(f"{each.mnemonic} {each.operands}" for each in loop.instructions[:-1])
    return _REGISTER.sub(rename, text)


def _compiler(library: Path) -> str:
    """What the compilers have left in the file."""
    command = [READELF, "--string-dump=.comment", str(library)]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "; ".join(_STRING.findall(dump)) or "not known"


# ---- functions and loops -------------------------------------------------------------------------


@dataclass(frozen=True)
class TileShape:
    """Of a tile kernel: N channels of V vectors of pixels; with none, of a single pixel, whose
    channels lie in vectors."""

    block_size: int
    vectors: int = 0

    @property
    def pixels(self) -> int:
        """Of a tile."""
        return self.vectors * VECTOR_PIXELS or 1

    @property
    def multiply_adds(self) -> int:
        """Instructions that a block takes."""
        return self.block_size * self.vectors or math.ceil(self.block_size / VECTOR_PIXELS)


@dataclass(frozen=True)
class InnerLoop:
    """One inner loop.

    spills: those of its instructions that load from the stack or store to it.
    """

    instructions: tuple[Instruction, ...]
    spills: tuple[Instruction, ...]

    @property
    def multiply_adds(self) -> tuple[Instruction, ...]:
        """The instructions that multiply and add."""
        return _multiply_adds(self.instructions)


@dataclass(frozen=True)
class Kernel:
    """One function of a kernel family.

    name: the function's, without namespaces and parameters.
    family: as the delegate's option `kernel` calls it.
    shape: of a tile kernel; None for all others.
    around: what its outer loops have beside the innermost.
    """

    name: str
    family: str
    shape: TileShape | None
    loops: tuple[InnerLoop, ...]
    around: tuple[tuple[Instruction, ...], ...]

    @property
    def block_loops(self) -> list[InnerLoop]:
        """Of a tile kernel: the loops over blocks of all N channels.

        The others are those over the first N - 1 start channels of a range, where not all rows
        count yet, and those over what is left of start channels behind loops over several blocks.
        """
        if self.shape is None:
            return []
        count = self.shape.multiply_adds
        most = max((len(loop.multiply_adds) for loop in self.loops), default=0)
        least = count if self.shape.vectors else most
        return [
            loop
            for loop in self.loops
            if len(loop.multiply_adds) >= max(least, 1) and len(loop.multiply_adds) % count == 0
        ]


def kernels_among(functions: Iterable[Function]) -> list[Kernel]:
    """The functions that belong to a kernel family for NEON.

    Raises:
        ValueError: if the loops of one cannot be told.
    """
    kernels = []
    for function in functions:
        name = _CLONE.sub("", _OURS.sub("", function.name)).replace("> >", ">>")
        if family := _FAMILY.search(name):
            tile = _TILE.fullmatch(name)
            shape = TileShape(*(int(size) for size in tile.groups() if size)) if tile else None
            short = name.removeprefix("void ").partition("(")[0]
            option = _CAPITAL.sub("_", family[0]).lower()
            around = tuple(around_loops(function))
            kernels.append(Kernel(short, option, shape, _inner_loops(function), around))
    return kernels


def _multiply_adds(body: Iterable[Instruction]) -> tuple[Instruction, ...]:
    return tuple(each for each in body if each.mnemonic in _ADDITIONS)


def _inner_loops(function: Function) -> tuple[InnerLoop, ...]:
    stack = {"sp"}
    if any(_sets_frame_pointer(each) for each in function.instructions):
        stack.add(_FRAME_POINTER)
    return tuple(
        InnerLoop(loop, tuple(each for each in loop if _base(each) in stack))
        for loop in innermost_loops(function)
        if any(_calculates(each) for each in loop)
    )


def _calculates(instruction: Instruction) -> bool:
    name = instruction.mnemonic
    return name in _DOTS or (name.startswith("f") and name not in _NO_CALCULATION)


def _sets_frame_pointer(instruction: Instruction) -> bool:
    return instruction.operands.startswith(f"{_FRAME_POINTER}, sp")


def _base(instruction: Instruction) -> str | None:
    """The register that an instruction's address starts from, if it reads or writes memory."""
    memory = _MEMORY.search(instruction.operands)
    return memory[1] if memory else None
