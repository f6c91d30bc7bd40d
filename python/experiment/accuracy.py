"""Which blocks to keep, by what it costs in accuracy: `./run experiment accuracy`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.table import Table

from bench.harness.table import terminal_table
from experiment.study import accuracy_section, picture, table
from experiment.study.command import Experiment
from experiment.study.methods import cells
from experiment.study.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    return _EXPERIMENT.main(arguments)


def _tables(report: Report) -> Iterator[Table]:
    yield terminal_table(table.DENSE_HEADINGS, [table.dense_rows(report)])
    for cell in report.cells:
        yield terminal_table(table.HEADINGS, [table.cell_rows(cell)], cell.title)
    title = "Differences in accuracy, points ± half of the 95% interval"
    yield terminal_table(table.question_headings(), [table.question_rows(report)], title)


_EXPERIMENT = Experiment(
    name="accuracy",
    description="Prune two small networks on a hard, generated task in eight ways, twelve times "
    "each, at once and gradually, and compare their accuracy in pairs.",
    heading=accuracy_section.HEADING,
    cells=cells(),
    render=accuracy_section.render,
    tables=_tables,
    draw=picture.draw,
)


if __name__ == "__main__":
    sys.exit(main())
