# SPDX-License-Identifier: Apache-2.0
"""Pruned U-Nets with three ways up, against themselves in XNNPACK: `./run bench unet`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.harness.command import Command, names_of, now, numbers, rounds
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.unet.measure import measure
from bench.unet.networks import BLOCK_SIZE, FULL, SEED, SMALL, WAYS, Dimensions, load_or_build
from bench.unet.report import HEADINGS, Report, Result, by_way, cells, target, values
from ubp.progress import ProgressBar

_SPARSITIES = [80]
_ROUNDS, _QUICK_ROUNDS = 20, 2


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these.

    ways: up, of WAYS.
    sparsities: percent.
    rounds: in each of which every interpreter runs a block of inferences.
    """

    dimensions: Dimensions
    ways: Sequence[str]
    sparsities: Sequence[int]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    settings = Settings(
        dimensions=SMALL if options.quick else FULL,
        ways=options.ways or [*WAYS],
        sparsities=options.sparsity or _SPARSITIES,
        threads=options.threads or [1],
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
    )
    report = Report(
        date=now(),
        machine=Machine.this(),
        size=settings.dimensions.size,
        widths=[*settings.dimensions.widths],
        block_size=BLOCK_SIZE,
        seed=SEED,
        rounds=settings.rounds,
        results=[],
    )
    for result in _measure_all(settings, folder.cache):
        report.results.append(result)
        folder.save(report)  # an interrupted run keeps what it has measured
    return report


def _measure_all(settings: Settings, cache: Path) -> Iterator[Result]:
    total = len(settings.ways) * len(settings.sparsities) * len(settings.threads)
    with ProgressBar(total=total, unit="measurement") as bar:
        for way in settings.ways:
            for sparsity in settings.sparsities:
                bar.set_description(f"building {way} {sparsity}%")
                file = load_or_build(way, settings.dimensions, sparsity, cache)
                bar.set_description(f"timing {way} {sparsity}%")
                for threads in settings.threads:
                    yield from measure(way, sparsity, file, threads, settings.rounds)
                    bar.update()


def _show(report: Report, console: Console) -> None:
    rows = [map(cells, part) for part in by_way(report.results)]
    console.print(terminal_table(HEADINGS, rows))
    console.print(
        "XNNPACK: the ordinary file of the pruned network. UBP: that file, or converted. speed-up: "
        "median of the rounds."
    )
    console.print(f"Target: {target(report)}.")


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time U-Nets, pruned in unaligned blocks, in the delegate, converted and as ordinary "
        "files, against the same weights in XNNPACK, taking turns.",
        files=" and the networks (22 MB)",
        quick="small networks and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--ways",
        type=names_of("way up", WAYS),
        metavar="NAME,...",
        help=f"how height and width are doubled: {', '.join(WAYS)} (default: all)",
    )
    parser.add_argument(
        "--sparsity",
        type=numbers(0, 99),
        metavar="PERCENT,...",
        help="zeros in all convolutions but the first and the last (default: "
        f"{','.join(map(str, _SPARSITIES))})",
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
    name="unet",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    text_width=120,
)


if __name__ == "__main__":
    sys.exit(main())
