# SPDX-License-Identifier: Apache-2.0
"""The timings of a benchmark, one row for each model and number of threads.

A row is a dictionary: model, threads, median_ms, p10_ms and p90_ms; speedup where there is another
model; delegate (whether it is attached), backend (what it runs on; empty without a delegate) and
profile (a DelegateProfile) where a command adds them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ubp.reporting.narrow import print_table
from ubp.timing.interleaved import BenchmarkResult

Row = dict[str, Any]


def timing_rows(result: BenchmarkResult, threads: int, against: str | None) -> list[Row]:
    """One row for each model, with its speed-up over `against` if there is one."""
    rows = []
    for name, timing in result.timings.items():
        row = {"model": name, "threads": threads, **vars(timing)}
        if against is not None:
            row["speedup"] = result.speedup(name, against)
        rows.append(row)
    return rows


def timings_to_csv(rows: Sequence[Row]) -> str:
    """The rows as comma-separated values, without profiles."""
    text = io.StringIO(newline="")
    fields = [key for key in rows[0] if key != "profile"]
    writer = csv.DictWriter(text, fields, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def print_timings(rows: Sequence[Row], console: Console) -> None:
    """Print a row for each model."""
    table = Table(header_style="bold", pad_edge=False)
    table.add_column("model", overflow="fold")
    table.add_column("delegate")
    for heading in ("threads", "median ms", "p10", "p90", "speed-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        times = (f"{row[key]:.3f}" for key in ("median_ms", "p10_ms", "p90_ms"))
        speedup = f"{row['speedup']:.2f}x" if "speedup" in row else ""
        backend = row.get("backend", "")
        on = f" on {backend}" if backend not in ("", "cpu") else ""
        delegate = f"UBP{on}" if row.get("delegate") else ""
        table.add_row(row["model"], delegate, str(row["threads"]), *times, speedup)
    print_table(table, console)
