"""Whole networks, pruned and converted, against dense XNNPACK: `./run bench models`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.networks import page, picture, table, zoo
from bench.networks.cache import load_or_build
from bench.networks.measure import Candidate, measure
from bench.networks.report import Report, Result

_OUTPUT = Path("bench_output")
_QUICK_OUTPUT = _OUTPUT / "quick"
_ROUNDS, _QUICK_ROUNDS = 30, 2
_SPARSITIES, _QUICK_SPARSITIES = (0, 80, 90, 95), (0, 80)
_TEXT_WIDTH = 100  # characters, where there is no terminal to ask


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these.

    sparsities: percent.
    rounds: of each measurement, see `ubp.runtime.benchmark`.
    """

    networks: Sequence[zoo.Network]
    sparsities: Sequence[int]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parser().parse_args(arguments)
    width = None if sys.stdout.isatty() else _TEXT_WIDTH
    console = Console(highlight=False, soft_wrap=True, width=width)
    try:
        folder = ResultFolder(
            options.output or (_QUICK_OUTPUT if options.quick else _OUTPUT), "models"
        )
        if options.write_docs:
            page.PAGE.write_text(page.render(Report.from_json(folder.load())))
            console.print(f"Wrote {page.PAGE}.")
        else:
            _run(_settings(options), folder, console)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"bench models: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench models: interrupted.", file=sys.stderr)
        return 130
    return 0


def _run(settings: Settings, folder: ResultFolder, console: Console) -> None:
    date, machine = datetime.now(UTC).isoformat(timespec="seconds"), Machine.this()
    results = list(_measure_all(settings, folder.cache))
    report = Report(
        date=date,
        machine=machine,
        block_size=zoo.BLOCK_SIZE,
        seed=zoo.SEED,
        rounds=settings.rounds,
        blocks={network.name: network.block for network in settings.networks},
        results=results,
    )
    console.print(table.terminal_table(results))
    console.print(
        "XNNPACK: the unpruned network. UBP: the pruned one, converted; at 0% the unpruned one, "
        "forced.\nspeed-up: median of the rounds; largest error: of the outputs' range."
    )
    folder.save(report.to_json())
    picture.draw(folder.picture, report)
    console.print(f"Wrote {folder.json} and {folder.picture}.")


def _measure_all(settings: Settings, cache: Path) -> Iterator[Result]:
    total = len(settings.networks) * len(settings.sparsities) * len(settings.threads)
    with tqdm(total=total, unit="measurement") as bar:
        for network in settings.networks:
            bar.set_description(f"building {network.name}")
            dense = load_or_build(network, 0, cache)
            for sparsity in settings.sparsities:
                bar.set_description(f"building {network.name} {sparsity}%")
                candidate = Candidate.of(sparsity, load_or_build(network, sparsity, cache))
                bar.set_description(f"timing {network.name} {sparsity}%")
                for threads in settings.threads:
                    yield measure(network, dense, candidate, threads, settings.rounds)
                    bar.update()


def _settings(options: argparse.Namespace) -> Settings:
    names = options.networks or (zoo.QUICK if options.quick else zoo.FULL)
    default_threads = [count for count in (1, 2) if count <= (os.cpu_count() or 1)]
    return Settings(
        networks=[zoo.NETWORKS[name] for name in names],
        sparsities=options.sparsity or (_QUICK_SPARSITIES if options.quick else _SPARSITIES),
        threads=options.threads or default_threads,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench models",
        description="Time networks of keras.applications, pruned in random unaligned blocks and "
        "converted, against the unpruned ones in XNNPACK, taking turns.",
    )
    parser.add_argument(
        "--networks",
        type=_names,
        metavar="NAME,...",
        help=f"of {', '.join(zoo.NETWORKS)} (default: {','.join(zoo.FULL)})",
    )
    parser.add_argument(
        "--sparsity",
        type=_numbers(0, 99),
        metavar="PERCENT,...",
        help="zeros in the 1x1 and 3x3 convolutions but the first; 0 runs the unpruned network in "
        f"the delegate (default: {','.join(map(str, _SPARSITIES))})",
    )
    parser.add_argument(
        "--threads",
        type=_numbers(1, 64),
        metavar="N,...",
        help="of each interpreter (default: 1,2)",
    )
    parser.add_argument(
        "--rounds",
        type=_count,
        metavar="N",
        help=f"blocks of inferences that each interpreter runs (default: {_ROUNDS})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where models.json, models.png and the networks (0.6 GB) go; the results of an "
        f"earlier run there are overwritten (default: {_OUTPUT}, with --quick {_QUICK_OUTPUT})",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing; write docs/performance.md from models.json",
    )
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in zoo.NETWORKS:
            raise argparse.ArgumentTypeError(
                f"there is no network '{name}'; there are {', '.join(zoo.NETWORKS)}"
            )
    return names


def _numbers(low: int, high: int) -> Callable[[str], list[int]]:
    """A parser of lists of numbers from low to high."""

    def parse(text: str) -> list[int]:
        return [_number(word, low, high) for word in text.split(",")]

    return parse


def _count(text: str) -> int:
    return _number(text, 1, 10_000)


def _number(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low} to {high}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
