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
from bench.harness.command import Benchmark
from bench.harness.output import ResultFolder
from bench.harness.table import terminal_table

LIBRARY = Path(__file__).resolve().parents[2] / ".deps" / "aarch64" / "libubp_delegate.so"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, 1 when a target is missed."""
    return _BENCHMARK.main(_parser(), arguments)


def _run(options: argparse.Namespace, folder: ResultFolder, console: Console) -> int:
    report = analyse(options.library, datetime.now(UTC).isoformat(timespec="seconds"))
    _print(report, console)
    folder.save(report.to_json())
    console.print(f"Wrote {folder.json}.")
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
    parser = _BENCHMARK.parser(
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
    return parser


_BENCHMARK = Benchmark(
    name="arm",
    heading=section.HEADING,
    render=lambda results: section.render(Report.from_json(results)),
    run=_run,
    text_width=120,
)


if __name__ == "__main__":
    sys.exit(main())
