"""Single convolution layers through the delegate's kernels: `./run bench kernels`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from bench.harness.arguments import names_of, numbers, numbers_among, rounds
from bench.harness.command import Benchmark
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from bench.harness.table import count_of, terminal_table
from bench.layers import picture, section, table
from bench.layers.measure import BLOCK_MS, LayerTimes, measure
from bench.layers.program import KernelProgram
from bench.layers.report import LayerResult, Report, select
from bench.layers.shapes import layer_shapes
from bench.layers.summary import TARGET_BLOCK_SIZE, TARGET_SPARSITY, summarise, targets
from bench.layers.weights import patterns, write_weights
from bench.networks import zoo
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

    networks: Sequence[zoo.Network]
    families: Sequence[str]
    block_sizes: Sequence[int]
    sparsities: Sequence[int]
    threads: Sequence[int]
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _BENCHMARK.main(_parser(), arguments)


def _run(options: argparse.Namespace, folder: ResultFolder, console: Console) -> int:
    date, machine = datetime.now(UTC).isoformat(timespec="seconds"), Machine.this()
    settings = _settings(options, machine)
    results: list[LayerResult] = []
    peaks = defaultdict(list)
    for times in _measure_all(settings):
        results += times.results()
        setting = f"{times.family}, {count_of(times.threads, 'thread')}"
        peaks[setting].append(times.peak_gflops)
    report = Report(
        date=date,
        machine=machine,
        rounds=settings.rounds,
        peaks={name: median(values) for name, values in peaks.items()},
        results=results,
    )
    _print(report, console)
    folder.save(report.to_json())
    picture.draw(folder.picture, report, _shown(results))
    console.print(f"Wrote {folder.json} and {folder.picture}.")
    return 0


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


def _print(report: Report, console: Console) -> None:
    shown = _shown(report.results)
    for family in dict.fromkeys(result.family for result in shown):
        own = [result for result in shown if result.family == family]
        title = (
            f"{family}, N={own[0].block_size}, {own[0].sparsity}% zeros, threads: {own[0].threads}"
        )
        rows = map(table.layer_cells, own)
        console.print(terminal_table(table.LAYER_HEADINGS, [rows], title))
    summaries = summarise(report.results)
    rows = map(table.summary_cells, summaries)
    title = "All layers: geometric mean and worst layer"
    console.print(terminal_table(table.SUMMARY_HEADINGS, [rows], title))
    console.print(
        "to aligned: time over that of aligned blocks; of peak: share of the multiply-adds that the"
        "\nmachine can do, of layers with K >= 256 at >= 14x14; speed-up: over the dense layer in "
        "XNNPACK."
    )
    for line in targets(summaries):
        console.print(line)


def _render(results: dict[str, Any]) -> str:
    report = Report.from_json(results)
    return section.render(report, _shown(report.results))


def _shown(results: list[LayerResult]) -> list[LayerResult]:
    """Those to be listed layer by layer: of the targets' setting, if measured, on fewest threads.

    Raises:
        ValueError: if there are no results.
    """
    if not results:
        raise ValueError("there are no results.")

    def of_interest(result: LayerResult) -> tuple[bool, bool, int]:
        size, sparsity = result.block_size, result.sparsity
        return size != TARGET_BLOCK_SIZE, sparsity != TARGET_SPARSITY, result.threads

    best = min(results, key=of_interest)
    return select(results, best.block_size, best.sparsity, best.threads)


def _settings(options: argparse.Namespace, machine: Machine) -> Settings:
    names = options.networks or (zoo.QUICK if options.quick else zoo.FULL)
    families = [name for name, needed in _FAMILIES.items() if needed in machine.instruction_sets]
    default_threads = [count for count in (1, 2) if count <= (os.cpu_count() or 1)]
    return Settings(
        networks=[zoo.NETWORKS[name] for name in names],
        families=options.kernel or families or [_PORTABLE],
        block_sizes=options.block_sizes or (_QUICK_BLOCK_SIZES if options.quick else BLOCK_SIZES),
        sparsities=options.sparsity or (_QUICK_SPARSITIES if options.quick else _SPARSITIES),
        threads=options.threads or default_threads,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _BENCHMARK.parser(
        "Time every convolution layer of networks of keras.applications in the "
        "delegate's kernels: against the machine's peak, against aligned blocks, and against the "
        "dense layer in XNNPACK, taking turns.",
        files=" and kernels.png",
        quick="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", zoo.NETWORKS),
        metavar="NAME,...",
        help=f"of {', '.join(zoo.NETWORKS)} (default: {','.join(zoo.FULL)})",
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


_BENCHMARK = Benchmark(
    name="kernels",
    heading=section.HEADING,
    render=_render,
    run=_run,
)


if __name__ == "__main__":
    sys.exit(main())
