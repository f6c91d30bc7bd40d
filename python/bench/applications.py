"""All of keras.applications, pruned, converted, against themselves: `./run bench applications`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.families import picture, section, table, zoo
from bench.families.cache import pruned_network
from bench.families.measure import measure
from bench.families.report import Report, Result
from bench.harness.arguments import names_of, numbers, rounds
from bench.harness.command import Benchmark
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.harness.table import terminal_table
from ubp.progress import ProgressBar

_ROUNDS, _QUICK_ROUNDS = 10, 2


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these, with each pruning of zoo.PRUNINGS.

    rounds: of each measurement, see `ubp.benchmark`.
    """

    applications: Sequence[zoo.Application]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _BENCHMARK.main(_parser(), arguments)


def _run(options: argparse.Namespace, folder: ResultFolder, console: Console) -> int:
    settings = _settings(options)
    report = Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=Machine.this(),
        block_size=zoo.BLOCK_SIZE,
        seed=zoo.SEED,
        rounds=settings.rounds,
        blocks={each.name: each.block for each in settings.applications},
        results=[],
    )
    for result in _measure_all(settings, folder.cache):
        report.results.append(result)
        folder.save(report.to_json())  # an interrupted run keeps what it has measured
    rows = [map(table.cells, part) for part in table.by_application(report.results)]
    console.print(terminal_table(table.HEADINGS, rows))
    console.print(
        "XNNPACK: the pruned network before conversion. UBP: after. speed-up: median of the "
        "rounds; file: size after / before."
    )
    console.print(section.verdict(report))
    picture.draw(folder.picture, report)
    console.print(f"Wrote {folder.json} and {folder.picture}.")
    return 0


def _measure_all(settings: Settings, cache: Path) -> Iterator[Result]:
    """One network after the other: VGG16 alone takes gigabytes of memory."""
    total = len(settings.applications) * len(zoo.PRUNINGS) * len(settings.threads)
    with ProgressBar(total=total, unit="measurement") as bar:
        for application in settings.applications:
            for pruning in zoo.PRUNINGS:
                bar.set_description(f"building {application.name} ({pruning})")
                dense = pruned_network(application, pruning, cache)
                bar.set_description(f"timing {application.name} ({pruning})")
                for result in measure(
                    application, pruning, dense, settings.threads, settings.rounds
                ):
                    yield result
                    bar.update()


def _settings(options: argparse.Namespace) -> Settings:
    names = options.networks or (zoo.QUICK if options.quick else zoo.FULL)
    return Settings(
        applications=[zoo.APPLICATIONS[name] for name in names],
        threads=options.threads or [1],
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _BENCHMARK.parser(
        "Time networks of every family of keras.applications, pruned to 80% zeros and "
        "to mixed shares, converted, against themselves before conversion in XNNPACK, taking "
        "turns.",
        files=", applications.png and the networks (2.3 GB)",
        quick="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", zoo.APPLICATIONS),
        metavar="NAME,...",
        help=f"of {', '.join(zoo.APPLICATIONS)} (default: all but the last; VGG16 takes 1.1 GB of "
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


_BENCHMARK = Benchmark(
    name="applications",
    heading=section.HEADING,
    render=lambda results: section.render(Report.from_json(results)),
    run=_run,
    text_width=110,
)


if __name__ == "__main__":
    sys.exit(main())
