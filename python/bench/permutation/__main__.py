# SPDX-License-Identifier: Apache-2.0
"""Permuted channels: what blocks keep, and that the function stays: `./run bench permutation`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.harness.command import Command, names_of, now, number, rounds
from bench.harness.machine import Machine
from bench.harness.quiet import held_back_stderr
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.permutation.report import (
    GAIN_HEADINGS,
    METHODS,
    PROOF_HEADINGS,
    SPEED_HEADINGS,
    NetworkResult,
    Report,
    SpeedResult,
    draw,
    gain_cells,
    proof_cells,
    speed_cells,
    targets,
    values,
)
from ubp.progress import ProgressBar
from ubp.selection.order.channel_order import DEFAULT_ROUNDS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
with held_back_stderr():
    from bench.permutation.measure import (
        FULL,
        NETWORKS,
        QUICK,
        SEED,
        digits_of_size,
        measure_network,
        measure_speed,
        random_network,
        trained_network,
    )

_BLOCK_SIZE = 4
_SPARSITY = 80
_ROUNDS, _QUICK_ROUNDS = 5, 1
_QUICK_SEARCH_ROUNDS = 3
_QUICK_IMAGES, _QUICK_EPOCHS = 256, 1
_SHAPES, _QUICK_SHAPES = ((512, 512), (4608, 512)), ((64, 64),)


@dataclass(frozen=True)
class Settings:
    """What is measured.

    networks: by name.
    sparsity: percent.
    shapes: (lanes, channels) of single layers that the search is timed on.
    rounds: how often that is done.
    search_rounds: of each hill climb.
    images, epochs: to train with; None for all, and for each network's own.
    """

    networks: Sequence[str]
    block_size: int
    sparsity: int
    shapes: Sequence[tuple[int, int]]
    rounds: int
    search_rounds: int
    images: int | None
    epochs: int | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    settings = _settings(options)
    return Report(
        date=now(),
        machine=Machine.this(),
        block_size=settings.block_size,
        sparsity=settings.sparsity / 100,
        seed=SEED,
        rounds=settings.rounds,
        networks=list(_measure_networks(settings, folder.cache)),
        speeds=list(_measure_speeds(settings)),
    )


def _measure_networks(settings: Settings, cache: Path) -> Iterator[NetworkResult]:
    weights = ("random", "trained")
    total = len(settings.networks) * len(weights) * len(METHODS)
    with ProgressBar(total=total, unit="network") as bar:
        for name in settings.networks:
            network = NETWORKS[name]
            train, test = digits_of_size(network.size)
            for kind in weights:
                bar.set_description(f"making {name}, {kind}")
                if kind == "random":
                    model = random_network(network)
                else:
                    epochs = settings.epochs or network.epochs
                    model = trained_network(network, train.first(settings.images), cache, epochs)
                bar.set_description(f"permuting {name}, {kind}")
                yield measure_network(
                    name,
                    model,
                    test if kind == "trained" else None,
                    settings.block_size,
                    settings.sparsity / 100,
                    settings.search_rounds,
                    bar.update,
                )


def _measure_speeds(settings: Settings) -> Iterator[SpeedResult]:
    for lanes, channels in ProgressBar(settings.shapes, desc="timing single layers", unit="layer"):
        yield measure_speed(
            lanes, channels, settings.block_size, settings.sparsity / 100, settings.rounds
        )


def _show(report: Report, console: Console) -> None:
    gains = [gain_cells(result) for result in report.networks]
    title = f"Importance kept: blocks of {report.block_size}, {report.sparsity:.0%} zeros"
    console.print(terminal_table(GAIN_HEADINGS, gains, title))
    console.print(
        "kept: share of the sum of absolute weights, in the original order; chain, hill climb: more"
        "\nby permuting, all layers together; least, most: of single layers, with the hill climb."
    )
    proofs = map(proof_cells, report.networks)
    title = "The function is unchanged"
    console.print(terminal_table(PROOF_HEADINGS, [proofs], title))
    console.print(
        "accuracy: of the network and of its permuted copies; difference: of outputs, relative to "
        "the\nlargest."
    )
    speeds = map(speed_cells, report.speeds)
    console.print(terminal_table(SPEED_HEADINGS, [speeds], "One layer"))
    for line in targets(report):
        console.print(line)


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        networks=options.networks or (QUICK if options.quick else FULL),
        block_size=options.block_size,
        sparsity=options.sparsity,
        shapes=_QUICK_SHAPES if options.quick else _SHAPES,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        search_rounds=_QUICK_SEARCH_ROUNDS if options.quick else DEFAULT_ROUNDS,
        images=_QUICK_IMAGES if options.quick else None,
        epochs=_QUICK_EPOCHS if options.quick else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Permute the output channels of networks so that unaligned blocks keep more: "
        "with random weights and with weights trained on scikit-learn's digits.",
        files=", permutation.png and the trained networks (0.1 GB)",
        quick="one small network, hardly trained: shows that all works, not what it gains",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", NETWORKS),
        metavar="NAME,...",
        help=f"of {', '.join(NETWORKS)} (default: {','.join(FULL)})",
    )
    parser.add_argument(
        "--block-size",
        type=number(2, 64),
        default=_BLOCK_SIZE,
        metavar="N",
        help=f"output channels of a block (default: {_BLOCK_SIZE})",
    )
    parser.add_argument(
        "--sparsity",
        type=number(1, 99),
        default=_SPARSITY,
        metavar="PERCENT",
        help=f"zeros among the weights (default: {_SPARSITY})",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"how often the search for one layer's order is timed (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="permutation",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    draw=draw,
)


if __name__ == "__main__":
    sys.exit(main())
