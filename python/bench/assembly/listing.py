"""The functions of a 64-bit Arm library or object file, disassembled by GNU objdump."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OBJDUMP = "aarch64-linux-gnu-objdump"
READELF = "aarch64-linux-gnu-readelf"

_FUNCTION = re.compile(r"[0-9a-f]+ <(?P<name>.+)>:")
_INSTRUCTION = re.compile(r" *(?P<address>[0-9a-f]+):\t(?P<mnemonic>\S+)(?:\t(?P<operands>.*))?")
_COMMENT = re.compile(r"\s*//.*")
_BRANCH = re.compile(r"b|b\.\w+|cbn?z|tbn?z")
_TARGET = re.compile(r"(?P<registers>(?:[^,<]+, )*)(?P<address>[0-9a-f]+) <.*>")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    address: in bytes, within the file's code.
    operands: as objdump writes them, without its comments and a branch's target.
    target: of a branch within a function, an address; None for all others, calls and returns too.
    """

    address: int
    mnemonic: str
    operands: str = ""
    target: int | None = None

    def __str__(self) -> str:
        return f"{self.address:#x}: {self.mnemonic} {self.operands}".strip()

    @property
    def falls_through(self) -> bool:
        """Whether the instruction behind it may be the next."""
        return self.mnemonic not in ("b", "br", "ret", "udf", "brk")

    def text(self, label: str) -> str:
        """For an assembler; a branch goes to `label`, wherever it went."""
        if self.target is None:
            return f"{self.mnemonic} {self.operands}"
        return f"{self.mnemonic} {self.operands}{label}"


@dataclass(frozen=True)
class Function:
    """One function: its demangled name, and its instructions in the order of their addresses."""

    name: str
    instructions: tuple[Instruction, ...]


def disassemble(file: Path) -> list[Function]:
    """All functions of `file`, in the file's order.

    Raises:
        FileNotFoundError: if the file or objdump is missing.
        ValueError: if objdump cannot read the file.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file.")
    if shutil.which(OBJDUMP) is None:
        raise FileNotFoundError(
            f"there is no {OBJDUMP}; install Debian's package binutils-aarch64-linux-gnu."
        )
    command = [OBJDUMP, "--disassemble", "--demangle", "--no-show-raw-insn", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ValueError(f"{file} cannot be disassembled: {result.stderr.strip()}.")
    return parse(result.stdout)


def parse(listing: str) -> list[Function]:
    """The functions of a listing by objdump."""
    functions: list[tuple[str, list[Instruction]]] = []
    for line in listing.splitlines():
        if heading := _FUNCTION.fullmatch(line):
            functions.append((heading["name"], []))
        elif functions and (match := _INSTRUCTION.fullmatch(line)):
            functions[-1][1].append(_instruction(match))
    return [Function(name, tuple(instructions)) for name, instructions in functions]


def _instruction(match: re.Match[str]) -> Instruction:
    mnemonic = match["mnemonic"]
    operands = _COMMENT.sub("", match["operands"] or "")
    address = int(match["address"], 16)
    if _BRANCH.fullmatch(mnemonic) and (branch := _TARGET.fullmatch(operands)):
        return Instruction(address, mnemonic, branch["registers"], int(branch["address"], 16))
    return Instruction(address, mnemonic, operands)
