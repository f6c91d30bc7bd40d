# SPDX-License-Identifier: Apache-2.0
"""Tables on terminals that are too narrow for them: a few lines for each row."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_LEAST = 12  # characters of a column whose text may be broken
_EDGES = 3  # characters between two columns


def print_table(table: Table, console: Console) -> None:
    """Print a table; where the console is too narrow, each row as a line and what belongs to it.

    Args:
        table: of texts.
        console: where to.

    Example:
        >>> table = Table("layer", "zeros")
        >>> table.add_row("a_long_name/kernel", "80.0%")
        >>> print_table(table, Console(width=20))
        a_long_name/kernel
          zeros 80.0%
    """
    columns = table.columns
    if sum(_least_width(column) + _EDGES for column in columns) + 1 <= console.width:
        console.print(table)
        return
    for heading in (table.title, table.caption):
        if heading:
            console.print(heading, style="italic", highlight=False)
    for row, *cells in zip(table.rows, *(column.cells for column in columns), strict=True):
        leading = [cell for column, cell in zip(columns, cells, strict=True) if not column.header]
        named = [
            Text.assemble(f"{column.header} ", _text(cell))
            for column, cell in zip(columns, cells, strict=True)
            if column.header and _text(cell)
        ]
        if not leading:
            leading, named = [cells[0]], named[1:] if _text(cells[0]) else named
        console.print(Text(" ").join(map(_text, leading)), style=row.style, highlight=False)
        if named:
            rest = Padding(Text("; ").join(named), (0, 0, 0, 2), expand=False)
            console.print(rest, style=row.style, highlight=False)


def _least_width(column: Column) -> int:
    """What a column needs so as to be read."""
    widest = max(_width(each) for each in (column.header, *column.cells))
    return widest if column.no_wrap else min(widest, _LEAST)


def _width(cell: RenderableType) -> int:
    return max((line.cell_len for line in _text(cell).split("\n")), default=0)


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell))
