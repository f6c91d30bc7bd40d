# SPDX-License-Identifier: Apache-2.0
"""The table of results, for the terminal and as text."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from demo.measure import Row
from demo.settings import TEXT_WIDTH

_HEADINGS = ("accuracy", "zeros", "KiB", "threads", "XNNPACK\nms", "UBP\nms", "speed-up")


def results_table(sections: dict[str, list[Row]]) -> Table:
    """One section per network, whose first row is the dense model."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, collapse_padding=True)
    table.add_column("model", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for title, rows in sections.items():
        table.add_section()
        table.add_row(title, style="bold")
        for row in rows:
            table.add_row(*_cells(row))
    return table


def save_text(table: Table, path: Path) -> None:
    """Write the table as plain text, overwriting the file."""
    with path.open("w") as file:
        Console(file=file, width=TEXT_WIDTH).print(table)


def _cells(row: Row) -> list[str]:
    return [
        f"  {row.model}",
        "" if row.accuracy is None else f"{row.accuracy:.1%}",
        f"{row.sparsity:.0%}",
        f"{row.file_bytes / 1024:.0f}",
        str(row.threads),
        f"{row.xnnpack_ms:.3f}",
        "" if row.ubp_ms is None else f"{row.ubp_ms:.3f}",
        "" if row.speedup is None else f"{row.speedup:.2f}x",
    ]
