# SPDX-License-Identifier: Apache-2.0
"""Every step of pruned networks beside the least time it can take: `./run bench limits`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

import ubp
from bench.harness.command import Command, names_of, now, numbers, rounds
from bench.harness.machine import Machine
from bench.harness.networks import FULL, NETWORKS, QUICK, Network
from bench.harness.pruned import BLOCK_SIZE, SEED, load_or_build
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.limits import report as results
from bench.limits.measure import LoopProgram, best_rates, profile_steps, read_caches
from bench.limits.model import Rates
from bench.limits.report import Report, result_of
from ubp.progress import ProgressBar
from ubp.timing import DelegateProfile

_INFERENCES = 10
_ROUNDS, _QUICK_ROUNDS = 10, 2
_SPARSITIES, _QUICK_SPARSITIES = (80, 90), (80,)


@dataclass(frozen=True)
class Candidate:
    """A network that is measured.

    sparsity: percent.
    model: converted.
    """

    network: Network
    sparsity: int
    model: bytes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    date, machine, caches = now(), Machine.this(), read_caches()
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    candidates = _candidates(options, folder)
    kernel = profile_steps(candidates[0].model, 1).kernel
    rates: list[Rates] = []
    profiles: list[list[DelegateProfile]] = [[] for _ in candidates]
    with LoopProgram(kernel) as program, ProgressBar(total=count, unit="round") as bar:
        for _ in range(count):
            rates.append(program.rates(caches))
            for candidate, own in zip(candidates, profiles, strict=True):
                bar.set_description(f"{candidate.network.name} {candidate.sparsity}%")
                own.append(profile_steps(candidate.model, _INFERENCES))
            bar.update()
    best = best_rates(rates)
    return Report(
        date=date,
        machine=machine,
        kernel=kernel,
        block_size=BLOCK_SIZE,
        seed=SEED,
        rounds=count,
        inferences=_INFERENCES,
        rates=best,
        results=[
            result_of(each.network.name, each.sparsity, own, best)
            for each, own in zip(candidates, profiles, strict=True)
        ],
    )


def _candidates(options: argparse.Namespace, folder: ResultFolder) -> list[Candidate]:
    """The networks, converted, from the folder of the benchmark that measures them whole."""
    cache = ResultFolder(folder.path, "models").cache
    names = options.networks or (QUICK if options.quick else FULL)
    sparsities = options.sparsity or (_QUICK_SPARSITIES if options.quick else _SPARSITIES)
    found = []
    with ProgressBar(total=len(names) * len(sparsities), unit="network") as bar:
        for network in (NETWORKS[name] for name in names):
            for sparsity in sparsities:
                bar.set_description(f"building {network.name} {sparsity}%")
                file = load_or_build(network, sparsity, cache)
                model = ubp.convert(file, block_size=BLOCK_SIZE).model
                found.append(Candidate(network, sparsity, model))
                bar.update()
    return found


def _show(report: Report, console: Console) -> None:
    for result in report.results:
        rows = results.step_rows(result, result.by_loss())
        console.print(terminal_table(results.STEP_HEADINGS, [rows], result.title))
    console.print(terminal_table(results.RATE_HEADINGS, [results.rate_rows(report.rates)]))
    console.print(f"{report.kernel}: {report.rates.gmacs:.1f} * 10^9 multiply-adds per second.")
    rows = [results.summary_cells(result) for result in report.results]
    console.print(terminal_table(results.SUMMARY_HEADINGS, [rows]))
    for result in report.results:
        console.print(f"{results.slow_line(result)}.")


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time the steps of networks of keras.applications, pruned in random unaligned blocks and "
        "converted, on one thread, beside the least time that each can take: by its multiply-adds "
        "and by what it reads and writes, at speeds measured by turns.",
        files=", limits.png and the networks, which 'models' uses too (0.6 GB)",
        quick="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", NETWORKS),
        metavar="NAME,...",
        help=f"of {', '.join(NETWORKS)} (default: {','.join(FULL)})",
    )
    parser.add_argument(
        "--sparsity",
        type=numbers(1, 99),
        metavar="PERCENT,...",
        help="zeros in the 1x1 and 3x3 convolutions but the first (default: "
        f"{','.join(map(str, _SPARSITIES))})",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"in each of which all loops and networks are timed (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="limits",
    report=Report,
    measure=_measure,
    show=_show,
    values=results.values,
    draw=results.draw,
    picture_in_docs=True,
    text_width=140,
)


if __name__ == "__main__":
    sys.exit(main())
