# SPDX-License-Identifier: Apache-2.0
"""ubp doctor: whether all that UBP needs is there, and what to do where it is not."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command
from ubp.reporting.narrow import print_table

if TYPE_CHECKING:
    from ubp.cli.installation import Finding

_STYLES = {"ok": "green", "missing": "yellow", "broken": "bold red"}


def run(options: argparse.Namespace) -> Outcome:
    """Look at everything."""
    from ubp.cli.installation import examine_installation

    findings = examine_installation()
    broken = ", ".join(finding.name for finding in findings if finding.state == "broken")
    return Outcome(
        {"healthy": not broken, "findings": findings},
        lambda console: print_table(_table(findings), console),
        f"{broken}: broken; the last column says what to do." if broken else "",
    )


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        state = f"[{_STYLES[finding.state]}]{finding.state}"
        table.add_row(state, finding.name, escape(finding.found), escape(finding.advice))
    return table


def add(commands: Any) -> None:
    """Add the command."""
    add_command(
        commands,
        "doctor",
        run,
        "look at what UBP uses on this machine, and say what to do about what is missing.\n\n"
        "A line each for the two libraries of the package and the instruction set they use here,\n"
        "the Python packages and their versions, OpenCL devices, and adb. 'missing' is what UBP\n"
        "can do without, until a command or function asks for it; with something 'broken' the\n"
        "exit status is 1.",
        "  ubp doctor\n  ubp doctor --json",
    )
