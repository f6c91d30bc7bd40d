# SPDX-License-Identifier: Apache-2.0
"""Block selection, exact and greedy, against textbook algorithms: `./run bench selection`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from bench.harness.command import Command, names_of, now, number, rounds
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.selection.contenders import FULL, QUICK, Peers, cases, measure
from bench.selection.report import HEADINGS, Report, cells, checks, draw, values

_ROUNDS, _QUICK_ROUNDS = 5, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    date, machine = now(), Machine.this()
    names = options.cases or (QUICK if options.quick else FULL)
    chosen = [cases()[name] for name in names]
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    block_size, sparsity = options.block_size, options.sparsity
    peers = Peers()
    results = []
    for case in chosen:
        console.print(f"{case.name}:")
        results += measure(case, block_size, sparsity, count, peers)
    weights = {case.name: case.num_weights for case in chosen}
    return Report(date, machine, block_size, sparsity, count, weights, results)


def _show(report: Report, console: Console) -> None:
    for case in report.weights:
        title = f"{case}, N={report.block_size}, {report.sparsity}% removed"
        console.print(terminal_table(HEADINGS, [map(cells, report.of(case))], title))
    console.print("to optimal: time over the exact optimum's; kept: importance over the optimum's.")
    for check in checks(report):
        console.print(str(check))


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time the selection of blocks in all its forms, taking turns: against BED with "
        "a heap, and, where that is feasible, against the O(n m) dynamic programme.",
        files=" and selection.png",
        quick="a small layer and few rounds: shows that all works, not how fast",
    )
    known = cases()
    parser.add_argument(
        "--cases",
        type=names_of("case", known),
        metavar="NAME,...",
        help=f"of {', '.join(known)} (default: {','.join(FULL)})",
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


_COMMAND = Command(
    name="selection",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    draw=draw,
)


if __name__ == "__main__":
    sys.exit(main())
