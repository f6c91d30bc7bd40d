# SPDX-License-Identifier: Apache-2.0
"""The command line: one file for each command.

    program.py  the program `ubp`: its parser, and what is said of wrong usage
    execution.py  runs a command: exit status, errors, warnings, what is printed
    outcome.py  what a command returns, and the JSON object that is made of it
    installation.py  what of UBP works on this machine, for doctor
    shared.py   what several commands share
    gpu.py      what those share that run on a GPU
    adb.py      what those share that measure here or on an Android device
    streams.py  standard output for readers that stop reading, and for one JSON object alone

Each command's file has `add(commands)`, which adds it to the parser, and `run(options)`, which
prints nothing.
"""

from ubp.cli.program import main

__all__ = ["main"]
