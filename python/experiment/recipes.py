"""Which recipe comes closest to unstructured pruning: `./run experiment recipes`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.table import Table

from bench.harness.table import terminal_table
from experiment.study import recipes_picture, recipes_section, table
from experiment.study.combinations import UPPER, cells, plain_cell
from experiment.study.command import Experiment
from experiment.study.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def _tables(report: Report) -> Iterator[Table]:
    plain = plain_cell(report)
    for cell in report.cells:
        rows = table.recipe_rows(cell, plain, UPPER)
        yield terminal_table(table.RECIPE_HEADINGS, [rows], cell.title)


_EXPERIMENT = Experiment(
    name="recipes",
    description="Prune a small network to 95% in blocks of 8, with combinations of permutation, "
    "budgets, importances, regularisation, learning rates and distillation, and report how much of "
    "the gap between aligned blocks and unstructured pruning each closes.",
    heading=recipes_section.HEADING,
    cells=cells(),
    render=recipes_section.render,
    tables=_tables,
    draw=recipes_picture.draw,
)


if __name__ == "__main__":
    sys.exit(main())
