"""Block selection, exact and greedy, against textbook algorithms: `./run bench selection`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.blocks import layers, picture, section
from bench.blocks.measure import measure
from bench.blocks.peers import Peers
from bench.blocks.report import Report
from bench.blocks.table import HEADINGS, cells
from bench.blocks.targets import checks
from bench.harness.arguments import names_of, number, rounds
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.harness.page import PAGE, write_section
from bench.harness.table import terminal_table

_OUTPUT = Path("bench_output")
_QUICK_OUTPUT = _OUTPUT / "quick"
_ROUNDS, _QUICK_ROUNDS = 5, 2
_TEXT_WIDTH = 100  # characters, where there is no terminal to ask


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parser().parse_args(arguments)
    width = None if sys.stdout.isatty() else _TEXT_WIDTH
    console = Console(highlight=False, soft_wrap=True, width=width)
    try:
        folder = ResultFolder(
            options.output or (_QUICK_OUTPUT if options.quick else _OUTPUT), "selection"
        )
        if options.write_docs:
            write_section(section.HEADING, section.render(Report.from_json(folder.load())))
            console.print(f"Wrote the section '{section.HEADING}' of {PAGE}.")
        else:
            _run(options, folder, console)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"bench selection: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench selection: interrupted.", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace, folder: ResultFolder, console: Console) -> None:
    date, machine = datetime.now(UTC).isoformat(timespec="seconds"), Machine.this()
    names = options.cases or (layers.QUICK if options.quick else layers.FULL)
    cases = [layers.cases()[name] for name in names]
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    block_size, sparsity = options.block_size, options.sparsity
    peers = Peers()
    results = []
    for case in cases:
        console.print(f"{case.name}:")
        results += measure(case, block_size, sparsity, count, peers)
    weights = {case.name: case.num_weights for case in cases}
    report = Report(date, machine, block_size, sparsity, count, weights, results)
    _print(report, console)
    folder.save(report.to_json())
    picture.draw(folder.picture, report)
    console.print(f"Wrote {folder.json} and {folder.picture}.")


def _print(report: Report, console: Console) -> None:
    for case in report.weights:
        title = f"{case}, N={report.block_size}, {report.sparsity}% removed"
        console.print(terminal_table(HEADINGS, [map(cells, report.of(case))], title))
    console.print("to optimal: time over the exact optimum's; kept: importance over the optimum's.")
    for check in checks(report):
        console.print(str(check))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench selection",
        description="Time the selection of blocks in all its forms, taking turns: against BED with "
        "a heap, and, where that is feasible, against the O(n m) dynamic programme.",
    )
    known = layers.cases()
    parser.add_argument(
        "--cases",
        type=names_of("case", known),
        metavar="NAME,...",
        help=f"of {', '.join(known)} (default: {','.join(layers.FULL)})",
    )
    parser.add_argument(
        "--block-size",
        type=number(1, 64),
        default=4,
        metavar="N",
        help="channels of a block (default: 4)",
    )
    parser.add_argument(
        "--sparsity",
        type=number(1, 99),
        default=80,
        metavar="PERCENT",
        help="of the weights (default: 80)",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"how often each is timed (default: {_ROUNDS})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where selection.json and selection.png go; the results of an earlier run there are "
        f"overwritten (default: {_OUTPUT}, with --quick {_QUICK_OUTPUT})",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a small layer and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing; write a section of docs/performance.md from selection.json",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
