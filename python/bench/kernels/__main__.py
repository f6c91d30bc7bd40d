# SPDX-License-Identifier: Apache-2.0
"""Single convolution layers through the delegate's kernels: `./run bench kernels`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from bench.harness.command import Command, names_of, now, numbers, numbers_among, rounds
from bench.harness.machine import Machine
from bench.harness.networks import FULL, NETWORKS, QUICK, Network
from bench.harness.results import ResultFolder
from bench.harness.table import count_of, terminal_table
from bench.kernels.layers import layer_shapes, patterns, write_weights
from bench.kernels.measure import BLOCK_MS, KernelProgram, LayerTimes, measure
from bench.kernels.report import LAYER_HEADINGS, LayerResult, Report, draw, layer_cells, listed
from bench.kernels.summary import SUMMARY_HEADINGS, summarise, summary_cells, targets, values
from ubp.format import BLOCK_SIZES
from ubp.progress import ProgressBar

_ROUNDS, _QUICK_ROUNDS = 10, 2
_SPARSITIES, _QUICK_SPARSITIES = (80, 90, 95), (80,)
_QUICK_BLOCK_SIZES = (1, 4)

# Kernel families and the instruction sets they need, in /proc/cpuinfo's names; fastest first.
_FAMILIES = {"avx512": "avx512f", "avx2": "avx2", "neon": "asimd", "neon_in_order": "asimd"}
_PORTABLE = "portable"


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these.

    families: of kernels.
    sparsities: percent.
    rounds: how often each is timed.
    """

    networks: Sequence[Network]
    families: Sequence[str]
    block_sizes: Sequence[int]
    sparsities: Sequence[int]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    date, machine = now(), Machine.this()
    settings = _settings(options, machine)
    results: list[LayerResult] = []
    peaks = defaultdict(list)
    for times in _measure_all(settings):
        results += times.results()
        setting = f"{times.family}, {count_of(times.threads, 'thread')}"
        peaks[setting].append(times.peak_gflops)
    return Report(
        date=date,
        machine=machine,
        rounds=settings.rounds,
        peaks={name: median(values) for name, values in peaks.items()},
        results=results,
    )


def _measure_all(settings: Settings) -> Iterator[LayerTimes]:
    wanted = patterns(settings.block_sizes, settings.sparsities)
    with (
        KernelProgram(BLOCK_MS) as program,
        tempfile.TemporaryDirectory() as folder,
        ProgressBar(total=1, unit="measurement", desc="reading the networks") as bar,
    ):
        shapes = layer_shapes(settings.networks)
        bar.reset(len(shapes) * len(settings.families) * len(settings.threads))
        for layer, networks in shapes.items():
            bar.set_description(layer.name)
            weights = dict(zip(wanted, write_weights(layer, wanted, Path(folder)), strict=True))
            for family in settings.families:
                for threads in settings.threads:
                    yield measure(
                        program, layer, networks, weights, family, threads, settings.rounds
                    )
                    bar.update()


def _show(report: Report, console: Console) -> None:
    shown = listed(report.results)
    for family in dict.fromkeys(result.family for result in shown):
        own = [result for result in shown if result.family == family]
        title = (
            f"{family}, N={own[0].block_size}, {own[0].sparsity}% zeros, threads: {own[0].threads}"
        )
        rows = map(layer_cells, own)
        console.print(terminal_table(LAYER_HEADINGS, [rows], title))
    summaries = summarise(report.results)
    rows = map(summary_cells, summaries)
    title = "All layers: geometric mean and worst layer"
    console.print(terminal_table(SUMMARY_HEADINGS, [rows], title))
    console.print(
        "to aligned: time over that of aligned blocks; of peak: share of the multiply-adds that the"
        "\nmachine can do, of layers with K >= 256 at >= 14x14; speed-up: over the dense layer in "
        "XNNPACK."
    )
    for line in targets(summaries):
        console.print(line)


def _settings(options: argparse.Namespace, machine: Machine) -> Settings:
    names = options.networks or (QUICK if options.quick else FULL)
    families = [name for name, needed in _FAMILIES.items() if needed in machine.instruction_sets]
    default_threads = [count for count in (1, 2) if count <= (os.cpu_count() or 1)]
    return Settings(
        networks=[NETWORKS[name] for name in names],
        families=options.kernel or families or [_PORTABLE],
        block_sizes=options.block_sizes or (_QUICK_BLOCK_SIZES if options.quick else BLOCK_SIZES),
        sparsities=options.sparsity or (_QUICK_SPARSITIES if options.quick else _SPARSITIES),
        threads=options.threads or default_threads,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time every convolution layer of networks of keras.applications in the "
        "delegate's kernels: against the machine's peak, against aligned blocks, and against the "
        "dense layer in XNNPACK, taking turns.",
        files=" and kernels.png",
        quick="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", NETWORKS),
        metavar="NAME,...",
        help=f"of {', '.join(NETWORKS)} (default: {','.join(FULL)})",
    )
    parser.add_argument(
        "--kernel",
        type=names_of("kernel family", [*_FAMILIES, _PORTABLE]),
        metavar="NAME,...",
        help=f"of {', '.join(_FAMILIES)}, {_PORTABLE} (default: all that the processor "
        f"has, without {_PORTABLE})",
    )
    parser.add_argument(
        "--block-sizes",
        type=numbers_among("block size", BLOCK_SIZES),
        metavar="N,...",
        help=f"output channels per block (default: {','.join(map(str, BLOCK_SIZES))})",
    )
    parser.add_argument(
        "--sparsity",
        type=numbers(1, 99),
        metavar="PERCENT,...",
        help=f"zeros among the weights (default: {','.join(map(str, _SPARSITIES))})",
    )
    parser.add_argument(
        "--threads",
        type=numbers(1, 64),
        metavar="N,...",
        help="of the kernels and of XNNPACK (default: 1,2)",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"how often each is timed, for {BLOCK_MS:g} ms or more (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="kernels",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    draw=draw,
)


if __name__ == "__main__":
    sys.exit(main())
