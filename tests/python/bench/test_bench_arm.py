# SPDX-License-Identifier: Apache-2.0
"""The benchmark of Arm code: what it makes of listings; and no kernel of the delegate spills."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest
from bench_reports import measured_now

from bench.arm import __main__ as command
from bench.arm.__main__ import LIBRARY, main
from bench.arm.disassembly import Function, around_loops, disassemble, innermost_loops, parse
from bench.arm.kernels import TileShape, kernels_among, kernels_of, spills_of
from bench.arm.model import Mca
from bench.arm.report import PROCESSORS, KernelResult, Report, TileResult, verdicts
from bench.harness import page
from bench.harness.results import from_json, to_json

TILE = "ubp::(anonymous namespace)::Wros<ubp::(anonymous namespace)::TileRows<{}> >::Run"
NEON_2X1 = TILE.format("ubp::(anonymous namespace)::Neon, 2, 1") + "(ubp::WrosArgs const&)"


def listing(*instructions: str, name: str = NEON_2X1) -> str:
    """As objdump writes a function; `@3` in an instruction is the address of number 3."""
    lines = [f"0000000000001000 <{name}>:"]
    for index, text in enumerate(instructions):
        words = text.replace(" ", "\t", 1)
        if "@" in words:
            start, _, target = words.partition("@")
            words = f"{start}{0x1000 + 4 * int(target):x} <{name}+0x10>"
        lines.append(f"    {0x1000 + 4 * index:x}:\t{words}")
    return "\nfile.o:     file format elf64-littleaarch64\n\n" + "\n".join(lines) + "\n\n"


def only_function(*instructions: str) -> Function:
    (function,) = parse(listing(*instructions))
    return function


def loops_of(*instructions: str) -> list[list[int]]:
    """The innermost loops, by the numbers of their instructions."""
    loops = innermost_loops(only_function(*instructions))
    return [[(each.address - 0x1000) // 4 for each in loop] for loop in loops]


def test_instructions() -> None:
    function = only_function(
        "ldr q0, [x1, #16]",
        "mov x3, #0x0                   \t// #0",
        "cbz x6, @0",
        "b.ne @1",
        "adrp x6, 1f000 <kTable+0x10>",
        "ret",
    )
    assert function.name == NEON_2X1
    names = ["ldr", "mov", "cbz", "b.ne", "adrp", "ret"]
    assert [each.mnemonic for each in function.instructions] == names
    targets = [None, None, 0x1000, 0x1004, None, None]
    assert [each.target for each in function.instructions] == targets
    texts = [each.text("top") for each in function.instructions]
    assert texts[:3] == ["ldr q0, [x1, #16]", "mov x3, #0x0", "cbz x6, top"]
    assert texts[3:] == ["b.ne top", "adrp x6, top", "ret "]


@pytest.mark.parametrize(
    ("instructions", "loops"),
    [
        (("ret",), []),
        (("add", "b.ne @0", "ret"), [[0, 1]]),
        (("b @0",), [[0]]),
        # a loop within a loop: the outer one does not count
        (("add", "fmla", "b.ne @1", "b.ne @0", "ret"), [[1, 2]]),
        # two within one
        (("nop", "b.ne @1", "nop", "b.ne @2", "b.ne @0", "ret"), [[1], [2, 3]]),
        # entered in the middle
        (("b @3", "fmla", "nop", "cmp", "b.ne @1", "ret"), [[1, 2, 3, 4]]),
        # part of the loop lies behind its end
        (("fmla", "b.eq @4", "b.ne @0", "ret", "add", "b @2"), [[0, 1, 2, 4, 5]]),
        # a branch forwards is no loop, nor one to another function
        (("b.eq @2", "nop", "ret"), []),
        (("nop", "b @100"), []),
    ],
)
def test_innermost_loops(instructions: tuple[str, ...], loops: list[list[int]]) -> None:
    assert loops_of(*instructions) == loops


@pytest.mark.parametrize(
    ("instructions", "around"),
    [
        (("add", "b.ne @0", "ret"), []),
        # two loops within one, and one before it
        (
            ("b.ne @0", "nop", "nop", "b.ne @2", "add", "b.ne @4", "b.ne @1", "ret"),
            [[1, 6]],
        ),
        # what a branch skips belongs to it
        (("cbz x1, @2", "ldr", "fmla", "b.ne @2", "fadd", "b.ne @0", "ret"), [[0, 1, 4, 5]]),
        # a loop between the outermost and the innermost
        (("nop", "nop", "fmla", "b.ne @2", "b.ne @1", "b.ne @0", "ret"), [[0, 1, 4, 5]]),
    ],
)
def test_what_is_around_loops(instructions: tuple[str, ...], around: list[list[int]]) -> None:
    loops = around_loops(only_function(*instructions))
    assert [[(each.address - 0x1000) // 4 for each in loop] for loop in loops] == around


def test_computed_jumps_are_refused() -> None:
    with pytest.raises(ValueError, match="jumps to a computed address at 0x1004"):
        loops_of("nop", "br x3", "b @0")


@pytest.mark.parametrize(
    ("instruction", "is_spill"),
    [
        ("ldr q1, [sp, #32]", True),
        ("stp q1, q2, [sp, #-32]!", True),
        ("ld1 {v1.4s}, [sp]", True),
        ("ldr q1, [x29, #32]", True),
        ("ldr q1, [x1, #32]", False),
        ("add x1, sp, #16", False),
        ("prfm pldl1keep, [x2]", False),
    ],
)
def test_spills(instruction: str, is_spill: bool) -> None:
    body = ("mov x29, sp", instruction, "fmla v2.4s, v1.4s, v0.s[0]", instruction, "b.ne @2", "ret")
    (kernel,) = kernels_among([only_function(*body)])
    (loop,) = kernel.loops
    assert [spill.address for spill in loop.spills] == ([0x100C] if is_spill else [])
    assert spills_of(kernel).spills == ([f"0x100c: {instruction}"] if is_spill else [])


def test_the_frame_pointer_may_be_an_ordinary_register() -> None:
    body = ("ldr q1, [x29, #32]", "fmla v2.4s, v1.4s, v0.s[0]", "b.ne @0", "ret")
    (kernel,) = kernels_among([only_function(*body)])
    assert kernel.loops[0].spills == ()


def test_kernels_and_their_loops() -> None:
    product = "fmla v2.4s, v1.4s, v0.s[0]"
    body = (
        *(product, "b.ne @0"),  # a start channel before a range
        *(product, product, "b.ne @2"),  # one block
        *(product, product, product, product, "b.ne @5"),  # two blocks
        *("ldr x1, [x1]", "cbnz x1, @10"),  # does not calculate
        "ret",
    )
    in_order = NEON_2X1.replace("Neon", "NeonInOrder").replace("TileRows", "PipelinedRows")
    text = (
        listing(*body)
        + listing(*body, name=in_order)
        + listing(*body, name=TILE.format("ubp::(anonymous namespace)::Portable, 2, 1"))
        + listing(
            "fadd v0.4s, v0.4s, v1.4s", "b.ne @0", name="ubp::Dot<ubp::Neon>::Run(ubp::A const&)"
        )
    )
    tile, pipelined, dot = kernels_among(parse(text))
    assert tile.name == "Wros<TileRows<Neon, 2, 1>>::Run"
    assert (tile.family, pipelined.family, dot.family) == ("neon", "neon_in_order", "neon")
    assert tile.shape == pipelined.shape == TileShape(2, 1)
    assert [len(loop.multiply_adds) for loop in tile.loops] == [1, 2, 4]
    assert [len(loop.multiply_adds) for loop in tile.block_loops] == [2, 4]
    assert dot.shape is None and dot.block_loops == [] and len(dot.loops) == 1


def test_loops_of_a_single_pixel() -> None:
    product = "fmla v2.4s, v1.4s, v0.s[0]"
    body = (
        "dup v0.4s, w1",
        *(product, product, product, product, "b.ne @1"),  # four blocks
        *(product, "b.ne @6"),  # what is left
        *("str s2, [x0]", "b.ne @0", "ret"),
    )
    name = NEON_2X1.replace("TileRows", "PixelRows").replace("Neon, 2, 1", "Neon, 4")
    (kernel,) = kernels_among(parse(listing(*body, name=name)))
    assert kernel.shape == TileShape(4) and kernel.shape.pixels == 1
    assert [len(loop.multiply_adds) for loop in kernel.loops] == [4, 1]
    assert [len(loop.multiply_adds) for loop in kernel.block_loops] == [4]
    (around,) = kernel.around
    assert [each.mnemonic for each in around] == ["dup", "str", "b.ne"]


def report_of(n1: float = 8.1, v1: float = 4.1, spills: tuple[str, ...] = ()) -> Report:
    cycles = dict(zip(PROCESSORS, (n1, v1, 12.0, 16.0), strict=True))
    channels = dict.fromkeys(PROCESSORS, 20.0)
    return Report(
        date="2026-01-02T03:04:05+00:00",
        library="0123456789abcdef" * 4,
        compiler="GCC: 12.2.0",
        llvm="LLVM version 19.1.7",
        kernels=[KernelResult("neon", "Dot<Neon>::Run", 3, list(spills))],
        tiles=[
            TileResult("neon", 4, 16, cycles, dict.fromkeys(PROCESSORS, 4.0), channels),
            TileResult("neon_in_order", 4, 16, dict.fromkeys(PROCESSORS, 99.0), cycles, channels),
        ],
    )


@pytest.mark.parametrize(
    ("report", "met"),
    [
        (report_of(), [True, True, True]),
        (report_of(n1=8.4, v1=4.3), [True, True, True]),
        (report_of(n1=8.41), [True, False, True]),
        (report_of(v1=4.31), [True, True, False]),
        (report_of(spills=("0x10: ldr q1, [sp]",)), [False, True, True]),
    ],
)
def test_verdicts(report: Report, met: list[bool]) -> None:
    assert [verdict.met for verdict in verdicts(report)] == met
    assert [verdict.line.endswith("missed") for verdict in verdicts(report)] == [not m for m in met]


def test_json_and_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_of()
    assert from_json(Report, json.loads(json.dumps(to_json(report)))) == report
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, {"kernels": [], "tiles": [{"pixels": 4}]})
    (tmp_path / "arm.json").write_text(json.dumps({"benchmark": "arm"} | to_json(report)))
    monkeypatch.setattr(page, "DOCS", tmp_path)
    measured_now(monkeypatch, report.library)
    assert main(["--write-docs", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "performance.md").read_text()
    assert text.count("## Arm kernels in models of processors") == 1
    assert "| neon | 4 | 16 | 8.10 / 4.00 / 20.0 |" in text


@pytest.mark.parametrize(("report", "status"), [(report_of(), 0), (report_of(n1=9.0), 1)])
def test_exit_status(
    report: Report, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def analyse(library: Path, date: str) -> Report:
        return replace(report, library=str(library), date=date)

    monkeypatch.setattr(command, "analyse", analyse)
    assert main(["--library", "delegate.so", "--output", str(tmp_path)]) == status
    saved = json.loads((tmp_path / "arm.json").read_text())
    assert saved["library"] == "delegate.so" and len(saved["tiles"]) == 2


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--library", str(tmp_path / "none.so"), "--output", str(tmp_path)]) == 1
    assert "none.so: no such file" in capsys.readouterr().err


def test_without_llvm_mca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="no llvm-mca of LLVM 17 or newer"):
        Mca.newest()
    with pytest.raises(FileNotFoundError, match="binutils-aarch64-linux-gnu"):
        disassemble(Path(__file__))


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="`./run test` builds for aarch64 on x86-64 only"
)
def test_no_kernel_of_the_delegate_spills() -> None:
    kernels = kernels_of(LIBRARY)
    assert all(kernel.around for kernel in kernels if kernel.shape)
    shapes = {(kernel.family, kernel.shape) for kernel in kernels if kernel.shape}
    assert ("neon", TileShape(4, 4)) in shapes and ("neon_in_order", TileShape(4, 6)) in shapes
    assert {
        kernel.name: spills_of(kernel).spills for kernel in kernels if spills_of(kernel).spills
    } == {}
