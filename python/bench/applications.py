"""All of keras.applications, pruned, converted, against themselves: `./run bench applications`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from bench.families import picture, section, table, zoo
from bench.families.cache import pruned_network
from bench.families.measure import measure
from bench.families.report import Report, Result
from bench.harness.arguments import names_of, numbers, rounds
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.harness.page import PAGE, write_section
from bench.harness.table import terminal_table

_OUTPUT = Path("bench_output")
_QUICK_OUTPUT = _OUTPUT / "quick"
_ROUNDS, _QUICK_ROUNDS = 10, 2
_TEXT_WIDTH = 110  # characters, where there is no terminal to ask


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these, with each pruning of zoo.PRUNINGS.

    rounds: of each measurement, see `ubp.runtime.benchmark`.
    """

    applications: Sequence[zoo.Application]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parser().parse_args(arguments)
    width = None if sys.stdout.isatty() else _TEXT_WIDTH
    console = Console(highlight=False, soft_wrap=True, width=width)
    try:
        default = _QUICK_OUTPUT if options.quick else _OUTPUT
        folder = ResultFolder(options.output or default, "applications")
        if options.write_docs:
            write_section(section.HEADING, section.render(Report.from_json(folder.load())))
            console.print(f"Wrote the section '{section.HEADING}' of {PAGE}.")
        else:
            _run(_settings(options), folder, console)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"bench applications: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench applications: interrupted.", file=sys.stderr)
        return 130
    return 0


def _run(settings: Settings, folder: ResultFolder, console: Console) -> None:
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


def _measure_all(settings: Settings, cache: Path) -> Iterator[Result]:
    """One network after the other: VGG16 alone takes gigabytes of memory."""
    total = len(settings.applications) * len(zoo.PRUNINGS) * len(settings.threads)
    with tqdm(total=total, unit="measurement") as bar:
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
    parser = argparse.ArgumentParser(
        prog="./run bench applications",
        description="Time networks of every family of keras.applications, pruned to 80% zeros and "
        "to mixed shares, converted, against themselves before conversion in XNNPACK, taking "
        "turns.",
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
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where applications.json, applications.png and the networks (2.3 GB) go; the results "
        f"of an earlier run there are overwritten (default: {_OUTPUT}, with --quick "
        f"{_QUICK_OUTPUT})",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing; write a section of docs/performance.md from applications.json",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
