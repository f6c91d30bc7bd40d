# SPDX-License-Identifier: Apache-2.0
"""Single operators in the delegate and in XNNPACK: `./run bench operators`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from tqdm import tqdm

from bench.harness.command import Command, now, rounds
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.operators.cases import cases
from bench.operators.measure import measure
from bench.operators.report import (
    Report,
    headings,
    layout_rows,
    speed_rows,
    summary,
    values,
)

_ROUNDS, _QUICK_ROUNDS = 5, 1
_QUICK_STEP = 17  # not a multiple of the number of shapes: all of them have their turn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    date, machine = now(), Machine.this()
    count = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    measured = list(cases())[:: _QUICK_STEP if options.quick else 1]
    results = [measure(case, count) for case in tqdm(measured, unit="operator")]
    return Report(date, machine, count, results)


def _show(report: Report, console: Console) -> None:
    title = "Microseconds in the delegate (and how many times as fast as XNNPACK)"
    console.print(terminal_table(headings(report), [speed_rows(report)], title))
    title = "Microseconds of a change of layout"
    console.print(terminal_table(headings(report), [layout_rows(report)], title))
    console.print(summary(report))


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time single operators of usual shapes in XNNPACK and in the delegate, and the changes of "
        "layout that the delegate makes around them.",
        quick="some operators and one round: shows that all works, not how fast",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"in which both take turns (default: {_ROUNDS})",
    )
    return parser


_COMMAND = Command(
    name="operators",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
)


if __name__ == "__main__":
    sys.exit(main())
