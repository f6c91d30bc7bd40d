"""The command of an experiment: what `./run experiment NAME` does whatever NAME is."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.harness.arguments import names_of, number
from bench.harness.machine import Machine
from bench.harness.output import ResultFolder
from experiment.study import section
from experiment.study.recipe import REFERENCE, Cell
from experiment.study.report import Report, gather
from experiment.study.runner import run_all
from experiment.study.settings import FULL, QUICK, Settings
from experiment.study.store import Run, Store

_OUTPUT = Path("experiment_output")
_QUICK_OUTPUT = _OUTPUT / "quick"
_RUNS = "runs"  # the folder in it that experiments share
_SEEDS, _QUICK_SEEDS = 12, 1
_TEXT_WIDTH = 150  # characters of a line, where there is no terminal to ask
_INTERRUPTED = 130  # exit status, as shells have it


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    name: as in `./run experiment NAME`.
    description: for --help.
    heading: of its section of docs/accuracy.md.
    cells: what is compared.
    render: the section's body.
    tables: the results, for the terminal.
    draw: the results as a picture.
    """

    name: str
    description: str
    heading: str
    cells: Sequence[Cell]
    render: Callable[[Report], str]
    tables: Callable[[Report], Iterable[Table]]
    draw: Callable[[Path, Report], None]

    def main(self, arguments: Sequence[str] | None) -> int:
        """Run the command; returns the exit status. What goes wrong is one sentence on stderr."""
        options = _parser(self).parse_args(arguments)
        console = Console(
            highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _TEXT_WIDTH
        )
        default = _QUICK_OUTPUT if options.quick else _OUTPUT
        try:
            folder = ResultFolder(options.output or default, self.name)
            if options.write_docs:
                self._write_docs(Report.from_json(folder.load()), console)
            else:
                self._run(options, folder, console)
        except (BrokenProcessPool, OSError, RuntimeError, ValueError) as error:
            print(f"experiment {self.name}: error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(
                f"\nexperiment {self.name}: interrupted; started again, it goes on from here.",
                file=sys.stderr,
            )
            return _INTERRUPTED
        return 0

    def _run(self, options: argparse.Namespace, folder: ResultFolder, console: Console) -> None:
        machine = Machine.this()
        settings = QUICK if options.quick else FULL
        seeds = range(options.seeds or (_QUICK_SEEDS if options.quick else _SEEDS))
        cells = [_limited(cell, settings) for cell in _chosen(self.cells, options)]
        store = Store(folder.path / _RUNS, settings)
        runs = (
            Run(cell.network, seed, recipe)
            for seed in seeds
            for cell in cells
            for recipe in cell.recipes.values()
        )
        run_all(runs, store, settings, options.jobs)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        report = gather(cells, seeds, store, settings, date, machine)
        for each in self.tables(report):
            console.print(each)
        folder.save(report.to_json())
        self.draw(folder.picture, report)
        console.print(f"Wrote {folder.json} and {folder.picture}.")

    def _write_docs(self, report: Report, console: Console) -> None:
        section.write_section(self.heading, self.render(report))
        drawn = section.DOCS / f"{self.name}.svg"
        self.draw(drawn, report)
        console.print(f"Wrote the section '{self.heading}' of {section.PAGE}, and {drawn}.")


def _chosen(cells: Iterable[Cell], options: argparse.Namespace) -> list[Cell]:
    """The cells that the options name, with the methods that they name, and REFERENCE.

    Raises:
        ValueError: if none is left.
    """
    chosen = [
        _with_methods(cell, options.methods)
        for cell in cells
        if (not options.cells or cell.name in options.cells)
        and (not options.networks or cell.network in options.networks)
    ]
    if not chosen:
        raise ValueError("no cell is of these networks; leave out --cells or --networks.")
    return chosen


def _with_methods(cell: Cell, methods: Collection[str] | None) -> Cell:
    if not methods:
        return cell
    wanted = {REFERENCE, *methods}
    return replace(cell, recipes={n: r for n, r in cell.recipes.items() if n in wanted})


def _limited(cell: Cell, settings: Settings) -> Cell:
    """The cell with recipes of at most the settings' number of steps."""
    recipes = {
        name: recipe.but(steps=min(recipe.steps, settings.most_steps))
        for name, recipe in cell.recipes.items()
    }
    return replace(cell, recipes=recipes)


def _parser(experiment: Experiment) -> argparse.ArgumentParser:
    name = experiment.name
    parser = argparse.ArgumentParser(
        prog=f"./run experiment {name}",
        description=f"{experiment.description} Interrupted and started again, it goes on where it "
        "was; runs are done again where settings, this project's code or versions have changed.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=f"where {name}.json, {name}.png and the finished runs go "
        f"(default: {_OUTPUT}, with --quick {_QUICK_OUTPUT})",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one seed, few pictures and steps: shows that all works, not what is better",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help=f"run nothing; write a section of docs/accuracy.md from {name}.json",
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
    _add_choices(parser, experiment.cells)
    return parser


def _add_choices(parser: argparse.ArgumentParser, cells: Sequence[Cell]) -> None:
    networks = dict.fromkeys(cell.network for cell in cells)
    methods = dict.fromkeys(name for cell in cells for name in cell.recipes)
    for plural, known in (
        ("networks", list(networks)),
        ("cells", [cell.name for cell in cells]),
        ("methods", list(methods)),
    ):
        also = f"; {REFERENCE} is always among them" if plural == "methods" else ""
        parser.add_argument(
            f"--{plural}",
            type=names_of(plural.removesuffix("s"), known),
            metavar="NAME,...",
            help=f"of {', '.join(known)} (default: all{also})",
        )
