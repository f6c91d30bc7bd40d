"""What take=auto takes of random chains, against XNNPACK, sparse and all: `./run bench chains`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from tqdm import tqdm

from bench.chain import section, table
from bench.chain.measure import measure
from bench.chain.networks import draw
from bench.chain.report import Report, Result
from bench.harness.arguments import number, rounds
from bench.harness.command import Benchmark
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.harness.table import terminal_table

_CHAINS, _QUICK_CHAINS = 500, 3
_ROUNDS, _QUICK_ROUNDS = 8, 1
_MORE_ROUNDS = 4  # times as many for a chain that misses a target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _BENCHMARK.main(_parser(), arguments)


def _run(options: argparse.Namespace, folder: ResultFolder, console: Console) -> int:
    date, machine = datetime.now(UTC).isoformat(timespec="seconds"), Machine.this()
    chains = options.chains or (_QUICK_CHAINS if options.quick else _CHAINS)
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    results = list(_measure_all(range(options.seed, options.seed + chains), count))
    report = Report(date, machine, count, results)
    _print(report, console)
    folder.save(report.to_json())
    console.print(f"Wrote {folder.json}.")
    return 0


def _measure_all(seeds: range, count: int) -> Iterator[Result]:
    for seed in tqdm(seeds, unit="chain"):
        network = draw(seed)
        result = measure(network, count)
        yield measure(network, _MORE_ROUNDS * count) if table.is_miss(result) else result


def _print(report: Report, console: Console) -> None:
    console.print(terminal_table(table.SPREAD_HEADINGS, [table.spread_rows(report)]))
    if table.misses(report):
        title = "Chains that miss a target, the worst first"
        console.print(terminal_table(table.MISS_HEADINGS, [table.miss_rows(report)], title))
    console.print(table.target(report))


def _parser() -> argparse.ArgumentParser:
    parser = _BENCHMARK.parser(
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


_BENCHMARK = Benchmark(
    name="chains",
    heading=section.HEADING,
    render=lambda results: section.render(Report.from_json(results)),
    run=_run,
)


if __name__ == "__main__":
    sys.exit(main())
