# SPDX-License-Identifier: Apache-2.0
"""What masks and their updates cost while a MobileNet trains: `./run bench pruning`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bench.harness.command import Command, now, number, rounds
from bench.harness.machine import Machine
from bench.harness.quiet import held_back_stderr
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.pruning.report import (
    STEP_HEADINGS,
    UPDATE_HEADINGS,
    Report,
    step_rows,
    target,
    update_row,
    values,
)
from ubp.progress import ProgressBar

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
with held_back_stderr():
    import ubp
    from bench.pruning.measure import measure_steps, measure_updates, mobilenet, random_batch
    from ubp.pruning.layers.pruned_layer import pruned_layers
    from ubp.selection import METHODS

_BLOCK_SIZE = 4
_SPARSITY = 0.8
_FREQUENCY = 100
_SCOPES = ("layer", "global", "latency")
_ROUNDS, _QUICK_ROUNDS = 5, 1


@dataclass(frozen=True)
class Settings:
    """What is measured.

    alpha, size, batch: of MobileNet, its images and its training steps.
    groups: of steps of either model.
    group_size: steps of a group.
    frequency: steps from an update of the masks to the next.
    rounds: how often the update by each method is timed.
    """

    alpha: float
    size: int
    batch: int
    groups: int
    group_size: int
    frequency: int
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    settings = _settings(options)
    date = now()
    dense = mobilenet(settings.alpha, settings.size)
    schedule = ubp.ConstantSparsity(_SPARSITY, frequency=settings.frequency)
    pattern = ubp.UnalignedBlock(_BLOCK_SIZE)
    pruned = ubp.prune(dense, schedule, pattern)
    # Only layers that were pruned for it know what a latency budget needs; it serves all scopes.
    layers = pruned_layers(ubp.prune(dense, schedule, pattern, scope="latency"))
    kernels = [kernel for layer in layers for kernel in layer.kernels]
    total = 2 * settings.groups * settings.group_size
    with ProgressBar(total=total, desc="training steps", unit="step") as bar:
        steps = measure_steps(
            dense,
            pruned,
            random_batch(settings.size, settings.batch),
            settings.groups,
            settings.group_size,
            bar.update,
        )
    total = settings.rounds * len(METHODS) * len(_SCOPES)
    with ProgressBar(total=total, desc="updates of masks", unit="update") as bar:
        between = settings.frequency * steps.pruned.median
        updates = list(
            measure_updates(layers, METHODS, _SCOPES, settings.rounds, between, bar.update)
        )
    return Report(
        date=date,
        machine=Machine.this(),
        alpha=settings.alpha,
        size=settings.size,
        batch=settings.batch,
        kernels=len(kernels),
        weights=sum(kernel.size for kernel in kernels),
        block_size=_BLOCK_SIZE,
        sparsity=_SPARSITY,
        frequency=settings.frequency,
        steps=steps,
        updates=updates,
    )


def _show(report: Report, console: Console) -> None:
    title = f"MobileNet, {report.size}x{report.size}, batches of {report.batch}"
    console.print(terminal_table(STEP_HEADINGS, [step_rows(report)], title))
    title = f"Update of all masks: {report.kernels} kernels, {report.weights:,} weights"
    rows = [update_row(update) for update in report.updates]
    console.print(terminal_table(UPDATE_HEADINGS, [rows], title))
    console.print(target(report))


def _settings(options: argparse.Namespace) -> Settings:
    quick = options.quick
    return Settings(
        alpha=0.25 if quick else 1.0,
        size=32 if quick else 96,
        batch=options.batch or (2 if quick else 32),
        groups=2 if quick else 10,
        group_size=2 if quick else 10,
        frequency=2 if quick else _FREQUENCY,
        rounds=options.rounds or (_QUICK_ROUNDS if quick else _ROUNDS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Train a MobileNet with and without masks: what the masks cost in every step, and what "
        f"their update costs every {_FREQUENCY} steps.",
        quick="a narrow network and a few small batches: shows that all works, not what it costs",
    )
    parser.add_argument(
        "--batch",
        type=number(1, 1024),
        metavar="N",
        help="images of a training step (default: 32)",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"how often the update by each method is timed (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="pruning",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
)


if __name__ == "__main__":
    sys.exit(main())
