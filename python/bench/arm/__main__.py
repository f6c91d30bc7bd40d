# SPDX-License-Identifier: Apache-2.0
"""The Arm kernels' inner loops in models of processors: `./run bench arm`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.arm.kernels import analyse
from bench.arm.profile import write_profiles
from bench.arm.report import TILE_HEADINGS, Report, tile_cells, values, verdicts
from bench.harness.command import Command, now
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table

LIBRARY = Path(__file__).resolve().parents[3] / ".deps" / "aarch64" / "libubp_delegate.so"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, 1 when a target is missed."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    report = analyse(options.library, now())
    if options.profiles is not None:
        for path in write_profiles(report, options.profiles):
            console.print(f"Wrote {path}, for 'ubp map --latency'.")
    return report


def _show(report: Report, console: Console) -> None:
    for kernel in report.kernels:
        for spill in kernel.spills:
            console.print(f"{kernel.name} spills: {spill}")
    title = "Cycles per block / of its multiply-adds alone"
    rows = map(tile_cells, report.tiles)
    console.print(terminal_table(TILE_HEADINGS, [rows], title))
    console.print(f"Models of processors: {report.llvm}. Compiled by {report.compiler}.")
    for verdict in verdicts(report):
        console.print(verdict.line)


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Disassemble the delegate for 64-bit Arm, find the inner loop of each kernel, "
        "and count its cycles in LLVM's models of processors. Fails when an inner loop spills, or "
        "takes more cycles than the project allows.",
    )
    parser.add_argument(
        "--library",
        type=Path,
        default=LIBRARY,
        metavar="FILE",
        help="the delegate, not stripped (default: the one that ./run builds for aarch64)",
    )
    parser.add_argument(
        "--profiles",
        type=Path,
        metavar="DIR",
        help="also write a file for each processor as 'ubp profile' writes it, computed and not "
        "measured; files of these names there are overwritten",
    )
    return parser


_COMMAND = Command(
    name="arm",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    is_met=lambda report: all(verdict.met for verdict in verdicts(report)),
    text_width=120,
    library=lambda report: (report.library, LIBRARY),
)


if __name__ == "__main__":
    sys.exit(main())
