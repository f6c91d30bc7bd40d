# SPDX-License-Identifier: Apache-2.0
"""The functions of a 64-bit Arm library, disassembled by GNU objdump, and their innermost loops.

A loop is a set of instructions each of which can be reached from each: a strongly connected
component of the graph of what may follow what. The loops within it are those that remain without
the jumps to where it is entered.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OBJDUMP = "aarch64-linux-gnu-objdump"
READELF = "aarch64-linux-gnu-readelf"

_FUNCTION = re.compile(r"[0-9a-f]+ <(?P<name>.+)>:")
_INSTRUCTION = re.compile(r" *(?P<address>[0-9a-f]+):\t(?P<mnemonic>\S+)(?:\t(?P<operands>.*))?")
_COMMENT = re.compile(r"\s*//.*")
_BRANCH = re.compile(r"b|b\.\w+|cbn?z|tbn?z")
_ADDRESSES = ("adr", "adrp")  # of data, relative to the instruction
_TARGET = re.compile(r"(?P<registers>(?:[^,<]+, )*)(?P<address>[0-9a-f]+) <.*>")

Graph = Mapping[int, frozenset[int]]  # from each address to those that may follow


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
        """For an assembler; a branch goes to `label`, wherever it went, and so does an address."""
        if self.mnemonic in _ADDRESSES:
            return f"{self.mnemonic} {self.operands.partition(',')[0]}, {label}"
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


# ---- loops ---------------------------------------------------------------------------------------


def innermost_loops(function: Function) -> list[tuple[Instruction, ...]]:
    """The loops without a loop within, in the order of their first instructions, each in the order
    of its addresses.

    Raises:
        ValueError: if the function jumps to a computed address, so that loops may be hidden.
    """
    by_address = {each.address: each for each in function.instructions}
    loops = _innermost(_graph(function))
    bodies = [tuple(by_address[address] for address in sorted(loop)) for loop in loops]
    return sorted(bodies, key=lambda body: body[0].address)


def around_loops(function: Function) -> list[tuple[Instruction, ...]]:
    """Of each outermost loop that has loops within, what is in none of the innermost, in the order
    of addresses.

    Raises:
        ValueError: as of `innermost_loops`.
    """
    by_address = {each.address: each for each in function.instructions}
    graph = _graph(function)
    found = []
    for loop in _components(graph):
        if inner := _within(graph, loop):
            rest = sorted(loop - frozenset().union(*inner))
            found.append(tuple(by_address[address] for address in rest))
    return sorted(found, key=lambda body: body[0].address)


def _graph(function: Function) -> Graph:
    instructions = function.instructions
    own = {each.address for each in instructions}
    graph = {}
    for index, each in enumerate(instructions):
        if each.mnemonic == "br":
            raise ValueError(
                f"{function.name} jumps to a computed address at {each.address:#x}; "
                "its loops cannot be told."
            )
        following = {each.target} & own
        if each.falls_through and index + 1 < len(instructions):
            following.add(instructions[index + 1].address)
        graph[each.address] = frozenset(address for address in following if address is not None)
    return graph


def _innermost(graph: Graph) -> Iterator[frozenset[int]]:
    for loop in _components(graph):
        yield from _within(graph, loop) or [loop]


def _within(graph: Graph, loop: frozenset[int]) -> list[frozenset[int]]:
    """The innermost loops within a loop."""
    entries = _entries(graph, loop)
    return list(_innermost({node: (graph[node] & loop) - entries for node in loop}))


def _entries(graph: Graph, loop: frozenset[int]) -> frozenset[int]:
    """Where a loop is entered from outside; its first instruction if it is the whole graph's."""
    entered = {target for node in graph.keys() - loop for target in graph[node] & loop}
    return frozenset(entered or {min(loop)})


def _components(graph: Graph) -> list[frozenset[int]]:
    """The strongly connected components that have a cycle (Kosaraju's algorithm)."""
    backwards: dict[int, set[int]] = {node: set() for node in graph}
    for node, following in graph.items():
        for target in following:
            backwards[target].add(node)
    components = []
    seen: set[int] = set()
    for root in reversed(_postorder(graph, graph, set())):
        if root in seen:
            continue
        component = frozenset(_postorder(backwards, [root], seen))
        if len(component) > 1 or root in graph[root]:
            components.append(component)
    return components


def _postorder(
    graph: Mapping[int, Iterable[int]], roots: Iterable[int], seen: set[int]
) -> list[int]:
    """What can be reached from the roots and is not in `seen`, which is brought up to date; each
    behind what it leads to, depth first."""
    order = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        path = [(root, iter(graph[root]))]
        while path:
            node, following = path[-1]
            target = next((each for each in following if each not in seen), None)
            if target is None:
                order.append(node)
                path.pop()
            else:
                seen.add(target)
                path.append((target, iter(graph[target])))
    return order
