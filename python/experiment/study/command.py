# SPDX-License-Identifier: Apache-2.0
"""The command of an experiment: what `./run experiment NAME` does whatever NAME is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.harness import page
from bench.harness.command import Command, Kind, names_of, now, number
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from experiment.study.recipe import REFERENCE, Cell
from experiment.study.report import Report, gather
from experiment.study.runner import run_all
from experiment.study.settings import BATCH, FULL, QUICK, Settings
from experiment.study.store import Run, Store

_KIND = Kind(
    "experiment",
    Path("experiment_output"),
    page.ACCURACY,
    "interrupted; started again, it goes on from here.",
)
_RUNS = "runs"  # the folder in the output that experiments share
_SEEDS, _QUICK_SEEDS = 12, 1


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    name: as in `./run experiment NAME`, which is also its folder.
    description: for --help.
    cells: what is compared.
    values: what its template shows beside `report`.
    tables: the results, for the terminal.
    draw: the results as a picture.
    reference: the recipe of every cell that others are compared with.
    settle: fills in what cells can only say once something is measured; may leave recipes out.
    """

    name: str
    description: str
    cells: Sequence[Cell]
    values: Callable[[Report], dict[str, Any]]
    tables: Callable[[Report], Iterable[Table]]
    draw: Callable[[Path, Report], None]
    reference: str = REFERENCE
    settle: Callable[[Sequence[Cell], Store, Settings], Sequence[Cell]] = lambda cells, *_: cells

    @property
    def command(self) -> Command[Report]:
        """As a command."""
        return Command(
            name=self.name,
            report=Report,
            measure=self._run,
            show=self._show,
            values=lambda report: {"batch": BATCH, **self.values(report)},
            draw=self.draw,
            picture_in_docs=True,
            kind=_KIND,
            text_width=150,
        )

    def main(self, arguments: Sequence[str] | None) -> int:
        """Run the command; returns the exit status."""
        return self.command.main(_parser(self), arguments)

    def _run(self, options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
        machine = Machine.this()
        settings = QUICK if options.quick else FULL
        seeds = range(options.seeds or (_QUICK_SEEDS if options.quick else _SEEDS))
        store = Store(folder.path / _RUNS, settings)
        chosen = self.settle(_chosen(self, options), store, settings)
        cells = [_limited(cell, settings) for cell in chosen]
        runs = (
            Run(cell.network, seed, recipe)
            for seed in seeds
            for cell in cells
            for recipe in cell.recipes.values()
        )
        run_all(runs, store, settings, options.jobs)
        return gather(cells, seeds, store, settings, now(), machine)

    def _show(self, report: Report, console: Console) -> None:
        for each in self.tables(report):
            console.print(each)


def _chosen(experiment: Experiment, options: argparse.Namespace) -> list[Cell]:
    """The cells that the options name, with the methods that they name, and the reference.

    Raises:
        ValueError: if none is left.
    """
    methods = {experiment.reference, *options.methods} if options.methods else None
    chosen = [
        _with_methods(cell, methods)
        for cell in experiment.cells
        if (not options.cells or cell.name in options.cells)
        and (not options.networks or cell.network in options.networks)
    ]
    if not chosen:
        raise ValueError("no cell is of these networks; leave out --cells or --networks.")
    return chosen


def _with_methods(cell: Cell, methods: Collection[str] | None) -> Cell:
    if methods is None:
        return cell
    return replace(cell, recipes={n: r for n, r in cell.recipes.items() if n in methods})


def _limited(cell: Cell, settings: Settings) -> Cell:
    """The cell with recipes of at most the settings' number of steps."""
    recipes = {
        name: recipe.but(steps=min(recipe.steps, settings.most_steps))
        for name, recipe in cell.recipes.items()
    }
    return replace(cell, recipes=recipes)


def _parser(experiment: Experiment) -> argparse.ArgumentParser:
    parser = experiment.command.parser(
        f"{experiment.description} Interrupted and started again, it goes on where it "
        "was; runs are done again where settings, this project's code or versions have changed.",
        files=f", {experiment.name}.png and the finished runs",
        quick="one seed, few pictures and steps: shows that all works, not what is better",
    )
    parser.add_argument(
        "--seeds", type=number(1, 1000), metavar="N", help=f"how many (default: {_SEEDS})"
    )
    parser.add_argument(
        "--jobs",
        type=number(1, 256),
        metavar="N",
        default=os.cpu_count() or 1,
        help="processes, of one thread each (default: one for each processor)",
    )
    _add_choices(parser, experiment)
    return parser


def _add_choices(parser: argparse.ArgumentParser, experiment: Experiment) -> None:
    cells = experiment.cells
    networks = dict.fromkeys(cell.network for cell in cells)
    methods = dict.fromkeys(name for cell in cells for name in cell.recipes)
    for plural, known in (
        ("networks", list(networks)),
        ("cells", [cell.name for cell in cells]),
        ("methods", list(methods)),
    ):
        also = f"; {experiment.reference} is always among them" if plural == "methods" else ""
        parser.add_argument(
            f"--{plural}",
            type=names_of(plural.removesuffix("s"), known),
            metavar="NAME,...",
            help=f"of {', '.join(known)} (default: all{also})",
        )
