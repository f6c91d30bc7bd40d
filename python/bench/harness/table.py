# SPDX-License-Identifier: Apache-2.0
"""Tables of results: for the terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table

Row = Sequence[str]


def count_of(number: int, unit: str) -> str:
    """Such as "1 thread" or "2 threads"."""
    return f"{number} {unit}{'' if number == 1 else 's'}"


def terminal_table(
    headings: Row, sections: Iterable[Iterable[Row]], title: str | None = None
) -> Table:
    """For rich; the first column is of words, the others of numbers.

    Args:
        sections: of rows; there is a gap between two sections.
    """
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for section in sections:
        table.add_section()
        for row in section:
            table.add_row(*row)
    return table


def markdown_table(headings: Row, rows: Iterable[Row]) -> str:
    """The same in Markdown, without sections."""
    lines = [headings, ("---", *["---:"] * (len(headings) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
