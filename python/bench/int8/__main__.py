# SPDX-License-Identifier: Apache-2.0
"""Pruned int8 layers and networks against LiteRT's int8: `./run bench int8`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.harness.command import Command, names_of, now, numbers, numbers_among, rounds
from bench.harness.machine import Machine
from bench.harness.networks import FULL, NETWORKS, QUICK
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.int8.layers import DEPTHWISE, LAYERS, Layer
from bench.int8.measure import check_kernel, measure_layer, measure_network
from bench.int8.networks import SEED, load_or_build
from bench.int8.report import (
    LAYER_HEADINGS,
    NETWORK_HEADINGS,
    Report,
    by_layer,
    by_network,
    layer_cells,
    network_cells,
    targets,
    values,
)
from ubp.progress import ProgressBar

_NONE = "none"  # in place of names of networks
_BLOCKS = [2, 4]
_SPARSITIES = [80, 90, 95]
_ROUNDS, _QUICK_ROUNDS = 20, 2
_QUICK_LAYERS = (LAYERS[0], DEPTHWISE[1])


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these.

    blocks: output channels of a block.
    sparsities: percent.
    rounds: in each of which either interpreter runs a block of inferences.
    kernel: of the delegate, as of `ubp.load_delegate`.
    """

    networks: Sequence[str]
    layers: Sequence[Layer]
    blocks: Sequence[int]
    sparsities: Sequence[int]
    rounds: int
    kernel: str

    @property
    def zeros(self) -> list[tuple[int, int]]:
        """Block size and sparsity of what is pruned."""
        return [(block, sparsity) for block in self.blocks for sparsity in self.sparsities]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    default = QUICK if options.quick else FULL
    settings = Settings(
        networks=[name for name in options.networks or default if name != _NONE],
        layers=[] if options.no_layers else _QUICK_LAYERS if options.quick else LAYERS + DEPTHWISE,
        blocks=options.blocks or (_BLOCKS[:1] if options.quick else _BLOCKS),
        sparsities=options.sparsity or (_SPARSITIES[:1] if options.quick else _SPARSITIES),
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        kernel=options.kernel,
    )
    check_kernel(settings.kernel)
    report = Report(
        date=now(),
        machine=Machine.this(),
        seed=SEED,
        rounds=settings.rounds,
        networks=[],
        layers=[],
    )
    pruned = [layer for layer in settings.layers if not layer.depthwise]
    total = (len(settings.networks) + len(pruned)) * len(settings.zeros)
    total += len(settings.layers) - len(pruned)
    with ProgressBar(total=total, unit="measurement") as bar:
        _measure_layers(settings, folder, report, bar)
        _measure_networks(settings, folder, report, bar)
    return report


def _measure_layers(
    settings: Settings, folder: ResultFolder, report: Report, bar: ProgressBar
) -> None:
    for layer in settings.layers:
        for block, sparsity in [(0, 0)] if layer.depthwise else settings.zeros:
            bar.set_description(f"{layer.name} {sparsity}%")
            report.layers.append(
                measure_layer(layer, block, sparsity, settings.rounds, settings.kernel)
            )
            folder.save(report)  # an interrupted run keeps what it has measured
            bar.update()


def _measure_networks(
    settings: Settings, folder: ResultFolder, report: Report, bar: ProgressBar
) -> None:
    for name in settings.networks:
        for block, sparsity in settings.zeros:
            bar.set_description(f"{name} {sparsity}%")
            file = load_or_build(NETWORKS[name], block, sparsity, Path(folder.cache))
            report.networks.append(
                measure_network(
                    NETWORKS[name], block, sparsity, file, settings.rounds, settings.kernel
                )
            )
            folder.save(report)
            bar.update()


def _show(report: Report, console: Console) -> None:
    if report.layers:
        rows = [map(layer_cells, part) for part in by_layer(report.layers)]
        console.print(terminal_table(LAYER_HEADINGS, rows))
    if report.networks:
        sections = [map(network_cells, part) for part in by_network(report.networks)]
        console.print(terminal_table(NETWORK_HEADINGS, sections))
    console.print(
        "LiteRT: XNNPACK, the ordinary file. One thread. Speed-up: median of the rounds. file: "
        "converted over ordinary."
    )
    for line in targets(report):
        console.print(f"Targets: {line}.")


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time int8 layers and networks, pruned in unaligned blocks of 4 inputs, in the delegate "
        "against LiteRT, on one thread, taking turns. Outputs must be equal.",
        files=" and the networks (300 MB)",
        quick="a tiny network, two layers and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", [*NETWORKS, _NONE]),
        metavar="NAME,...",
        help=f"of {', '.join(NETWORKS)}, or {_NONE} (default: {', '.join(FULL)})",
    )
    parser.add_argument("--no-layers", action="store_true", help="measure networks only")
    parser.add_argument(
        "--blocks",
        type=numbers_among("block size", (1, 2, 4, 8)),
        metavar="N,...",
        help=f"output channels of a block (default: {','.join(map(str, _BLOCKS))})",
    )
    parser.add_argument(
        "--sparsity",
        type=numbers(1, 99),
        metavar="PERCENT,...",
        help="zeros in all convolutions but the first and in no dense layer (default: "
        f"{','.join(map(str, _SPARSITIES))})",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"blocks of inferences that each interpreter runs (default: {_ROUNDS})",
    )
    parser.add_argument(
        "--kernel",
        choices=["auto", "portable"],
        default="auto",
        help="of the delegate; the portable ones run on every processor (default: %(default)s)",
    )
    return parser


_COMMAND = Command(
    name="int8",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    text_width=120,
)


if __name__ == "__main__":
    sys.exit(main())
