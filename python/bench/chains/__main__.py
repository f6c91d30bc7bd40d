# SPDX-License-Identifier: Apache-2.0
"""What take=auto takes of random chains, against XNNPACK, sparse and all: `./run bench chains`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from tqdm import tqdm

from bench.chains.measure import measure
from bench.chains.networks import draw
from bench.chains.report import (
    MISS_HEADINGS,
    SPREAD_HEADINGS,
    Report,
    Result,
    is_miss,
    miss_rows,
    misses,
    spread_rows,
    target,
    values,
)
from bench.harness.command import Command, now, number, rounds
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table

_CHAINS, _QUICK_CHAINS = 500, 3
_ROUNDS, _QUICK_ROUNDS = 8, 1
_MORE_ROUNDS = 4  # times as many for a chain that misses a target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    date, machine = now(), Machine.this()
    chains = options.chains or (_QUICK_CHAINS if options.quick else _CHAINS)
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    results = list(_measure_all(range(options.seed, options.seed + chains), count))
    return Report(date, machine, count, results)


def _measure_all(seeds: range, count: int) -> Iterator[Result]:
    for seed in tqdm(seeds, unit="chain"):
        network = draw(seed)
        result = measure(network, count)
        yield measure(network, _MORE_ROUNDS * count) if is_miss(result) else result


def _show(report: Report, console: Console) -> None:
    console.print(terminal_table(SPREAD_HEADINGS, [spread_rows(report)]))
    if misses(report):
        title = "Chains that miss a target, the worst first"
        console.print(terminal_table(MISS_HEADINGS, [miss_rows(report)], title))
    console.print(target(report))


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time random chains of operators in XNNPACK alone and in the delegate, which takes what "
        "it predicts to be fastest, block-sparse layers only, or all it can.",
        quick="three chains and one round: shows that all works, not how fast",
    )
    parser.add_argument(
        "--chains",
        type=number(1, 100_000),
        metavar="N",
        help=f"how many (default: {_CHAINS})",
    )
    parser.add_argument(
        "--seed",
        type=number(0, 10**9),
        default=0,
        metavar="N",
        help="of the first chain; the others' follow (default: 0)",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"in which each interpreter runs some inferences (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="chains",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
)


if __name__ == "__main__":
    sys.exit(main())
