# SPDX-License-Identifier: Apache-2.0
"""All of keras.applications, pruned, converted, against themselves: `./run bench applications`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.applications import report as results
from bench.applications.measure import measure
from bench.applications.networks import (
    APPLICATIONS,
    BLOCK_SIZE,
    FULL,
    PRUNINGS,
    QUICK,
    SEED,
    Application,
    load_or_build,
)
from bench.applications.report import Report, Result
from bench.harness.command import Command, names_of, now, numbers, rounds
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from ubp.progress import ProgressBar

_ROUNDS, _QUICK_ROUNDS = 10, 2


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these, with each pruning of PRUNINGS.

    rounds: of each measurement, see `ubp.benchmark`.
    """

    applications: Sequence[Application]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    settings = _settings(options)
    report = Report(
        date=now(),
        machine=Machine.this(),
        block_size=BLOCK_SIZE,
        seed=SEED,
        rounds=settings.rounds,
        blocks={each.name: each.block for each in settings.applications},
        results=[],
    )
    for result in _measure_all(settings, folder.cache):
        report.results.append(result)
        folder.save(report)  # an interrupted run keeps what it has measured
    return report


def _show(report: Report, console: Console) -> None:
    rows = [map(results.cells, part) for part in results.by_application(report.results)]
    console.print(terminal_table(results.HEADINGS, rows))
    console.print(
        "XNNPACK: the pruned network before conversion. UBP: after. speed-up: median of the "
        "rounds; file: size after / before."
    )
    console.print(results.verdict(report))


def _measure_all(settings: Settings, cache: Path) -> Iterator[Result]:
    """One network after the other: VGG16 alone takes gigabytes of memory."""
    total = len(settings.applications) * len(PRUNINGS) * len(settings.threads)
    with ProgressBar(total=total, unit="measurement") as bar:
        for application in settings.applications:
            for pruning in PRUNINGS:
                bar.set_description(f"building {application.name} ({pruning})")
                dense = load_or_build(application, pruning, cache)
                bar.set_description(f"timing {application.name} ({pruning})")
                for result in measure(
                    application, pruning, dense, settings.threads, settings.rounds
                ):
                    yield result
                    bar.update()


def _settings(options: argparse.Namespace) -> Settings:
    names = options.networks or (QUICK if options.quick else FULL)
    return Settings(
        applications=[APPLICATIONS[name] for name in names],
        threads=options.threads or [1],
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time networks of every family of keras.applications, pruned to 80% zeros and "
        "to mixed shares, converted, against themselves before conversion in XNNPACK, taking "
        "turns.",
        files=", applications.png and the networks (2.3 GB)",
        quick="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", APPLICATIONS),
        metavar="NAME,...",
        help=f"of {', '.join(APPLICATIONS)} (default: all but the last; VGG16 takes 1.1 GB of "
        "disk and several of memory)",
    )
    parser.add_argument(
        "--threads", type=numbers(1, 64), metavar="N,...", help="of each interpreter (default: 1)"
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"blocks of inferences that each interpreter runs (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="applications",
    report=Report,
    measure=_measure,
    show=_show,
    values=results.values,
    draw=results.draw,
    text_width=110,
)


if __name__ == "__main__":
    sys.exit(main())
