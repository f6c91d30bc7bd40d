# SPDX-License-Identifier: Apache-2.0
"""All benchmarks in at most an hour, published where the machine was quiet: `./run bench all`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.all.plan import STEPS, Done, Surroundings, run_benchmark, run_steps
from bench.harness.command import BENCHMARK, names_of, now
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table

_NAME = "all"
_HEADINGS = ("benchmark", "result", "seconds", "stolen", "others", "unevenness", "scatter")


@dataclass(frozen=True)
class Report:
    """What became of all benchmarks.

    date: of the start.
    results: of each that was to run, in their order.
    """

    date: str
    results: list[Done]


def main(arguments: Sequence[str] | None = None, world: Surroundings | None = None) -> int:
    """Run or publish all benchmarks; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    world = world or Surroundings(run_benchmark)
    try:
        folder = ResultFolder(options.output, _NAME)
        if options.write_docs:
            return _publish(folder, world, console)
        return _measure(options, folder, world, console)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"bench all: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench all: interrupted.", file=sys.stderr)
        return 130


def _measure(
    options: argparse.Namespace, folder: ResultFolder, world: Surroundings, console: Console
) -> int:
    steps = [step for step in STEPS if options.names is None or step.name in options.names]
    known = {}
    if folder.json.is_file():
        known = {each.name: each.seconds for each in folder.load(Report).results if each.noise}
    date = now()
    results: list[Done] = []
    for done in run_steps(steps, folder.path, world, known, 60.0 * options.minutes):
        results.append(done)
        folder.save(Report(date, results))
        console.print(f"bench {done.name}: {done.state}, {done.seconds:.0f} s")
    _show(results, console)
    return 0 if all(done.state == "done" for done in results) else 1


def _show(results: list[Done], console: Console) -> None:
    rows = []
    for done in results:
        noise = done.noise
        cells = ["", "", "", ""]
        if noise is not None:
            scatter = "" if noise.scatter is None else f"{noise.scatter:.0%}"
            cells = [
                f"{noise.stolen:.2f}",
                f"{noise.others:.2f}",
                f"{noise.unevenness:.0%}",
                scatter,
            ]
        rows.append([done.name, done.state, f"{done.seconds:.0f}", *cells])
    console.print(terminal_table(_HEADINGS, [rows]))
    for done in results:
        if done.noise is not None and done.noise.reasons:
            console.print(f"{done.name}: too noisy to publish: {'; '.join(done.noise.reasons)}.")


def _publish(folder: ResultFolder, world: Surroundings, console: Console) -> int:
    """Write the sections of those that may be; each command refuses results of older libraries."""
    status = 0
    for done in folder.load(Report).results:
        if done.why_not:
            console.print(f"{done.name}: its section stays as it is: {'; '.join(done.why_not)}.")
            status = 1
        elif world.run(done.name, ["--write-docs", "--output", str(folder.path)], 60.0) != 0:
            status = 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench all",
        description="Run all benchmarks one after the other within an hour, the most quoted first, "
        "and say how noisy the machine was. With --write-docs ./run then builds again and writes "
        "the sections of those that were measured with what it has built, on a quiet machine.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=BENCHMARK.output,
        metavar="DIR",
        help="where results go (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes", type=float, default=60.0, metavar="M", help="for all (default: %(default)g)"
    )
    parser.add_argument(
        "--names",
        type=names_of("benchmark", [step.name for step in STEPS]),
        metavar="NAME,...",
        help="run these alone",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="run nothing; write the sections from the last results",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
