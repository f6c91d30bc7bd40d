# SPDX-License-Identifier: Apache-2.0
"""The command line: one file for each command.

    program.py  the program `ubp`: its parser, its exit status, and how errors are shown
    installation.py  what of UBP works on this machine, for doctor
    shared.py   what several commands share
    streams.py  standard output for readers that stop reading

Each command's file has `add(commands)`, which adds it to the parser, and `run(options)`.
"""

from ubp.cli.program import main

__all__ = ["main"]
