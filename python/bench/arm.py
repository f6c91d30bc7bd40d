"""The Arm kernels' inner loops in models of processors: `./run bench arm`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.assembly import section
from bench.assembly.analyse import analyse
from bench.assembly.report import Report, verdicts
from bench.assembly.table import TILE_HEADINGS, tile_cells
from bench.harness.output import ResultFolder
from bench.harness.page import PAGE, write_section
from bench.harness.table import terminal_table

LIBRARY = Path(__file__).resolve().parents[2] / ".deps" / "aarch64" / "libubp_delegate.so"

_OUTPUT = Path("bench_output")
_TEXT_WIDTH = 120  # characters, where there is no terminal to ask


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, 1 when a target is missed."""
    options = _parser().parse_args(arguments)
    width = None if sys.stdout.isatty() else _TEXT_WIDTH
    console = Console(highlight=False, soft_wrap=True, width=width)
    try:
        folder = ResultFolder(options.output, "arm")
        if options.write_docs:
            report = Report.from_json(folder.load())
            write_section(section.HEADING, section.render(report))
            console.print(f"Wrote the section '{section.HEADING}' of {PAGE}.")
            return 0
        report = analyse(options.library, datetime.now(UTC).isoformat(timespec="seconds"))
        _print(report, console)
        folder.save(report.to_json())
        console.print(f"Wrote {folder.json}.")
    except (OSError, ValueError) as error:
        print(f"bench arm: error: {error}", file=sys.stderr)
        return 1
    return 0 if all(verdict.met for verdict in verdicts(report)) else 1


def _print(report: Report, console: Console) -> None:
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
    parser = argparse.ArgumentParser(
        prog="./run bench arm",
        description="Disassemble the delegate for 64-bit Arm, find the inner loop of each kernel, "
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
        "--output",
        type=Path,
        default=_OUTPUT,
        metavar="DIR",
        help="where arm.json goes; the results of an earlier run there are overwritten (default: "
        f"{_OUTPUT})",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="look at nothing; write a section of docs/performance.md from arm.json",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
