"""Block selection, exact and greedy, against textbook algorithms: `./run bench selection`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from bench.blocks import layers, picture, section
from bench.blocks.measure import measure
from bench.blocks.peers import Peers
from bench.blocks.report import Report
from bench.blocks.table import HEADINGS, cells
from bench.blocks.targets import checks
from bench.harness.arguments import names_of, number, rounds
from bench.harness.command import Benchmark
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.harness.table import terminal_table

_ROUNDS, _QUICK_ROUNDS = 5, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _BENCHMARK.main(_parser(), arguments)


def _run(options: argparse.Namespace, folder: ResultFolder, console: Console) -> int:
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
    return 0


def _print(report: Report, console: Console) -> None:
    for case in report.weights:
        title = f"{case}, N={report.block_size}, {report.sparsity}% removed"
        console.print(terminal_table(HEADINGS, [map(cells, report.of(case))], title))
    console.print("to optimal: time over the exact optimum's; kept: importance over the optimum's.")
    for check in checks(report):
        console.print(str(check))


def _parser() -> argparse.ArgumentParser:
    parser = _BENCHMARK.parser(
        "Time the selection of blocks in all its forms, taking turns: against BED with "
        "a heap, and, where that is feasible, against the O(n m) dynamic programme.",
        files=" and selection.png",
        quick="a small layer and few rounds: shows that all works, not how fast",
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
    return parser


_BENCHMARK = Benchmark(
    name="selection",
    heading=section.HEADING,
    render=lambda results: section.render(Report.from_json(results)),
    run=_run,
)


if __name__ == "__main__":
    sys.exit(main())
