"""The results as rows: for the terminal, and for the page of documentation."""

from __future__ import annotations

from itertools import groupby

from rich import box
from rich.table import Table

from bench.networks.report import Result

HEADINGS = (
    "network",
    "sparsity",
    "threads",
    "XNNPACK ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "largest error",
)


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    speedup = result.speedup
    return [
        result.network,
        f"{result.sparsity}%",
        str(result.threads),
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        f"{speedup.median:.2f}x",
        f"{speedup.p10:.2f} - {speedup.p90:.2f}",
        f"{result.relative_error:.0e}",
    ]


def terminal_table(results: list[Result]) -> Table:
    """A section for each network."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, collapse_padding=True)
    for index, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for _, section in groupby(results, key=lambda result: result.network):
        table.add_section()
        for result in section:
            table.add_row(*cells(result))
    return table


def markdown_table(results: list[Result]) -> str:
    """The same in Markdown."""
    rows = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1)), *map(cells, results)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
