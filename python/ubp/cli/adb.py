# SPDX-License-Identifier: Apache-2.0
"""The options of commands that measure here or on an Android device."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ubp.timing.place import Place


def add_adb(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group(
        "on an Android device", "in place of this machine; android/README.md explains it"
    )
    group.add_argument(
        "--adb",
        nargs="?",
        const="",
        metavar="SERIAL",
        help="measure on the device that adb finds; or on this one of several, as 'adb devices' "
        "lists them",
    )
    group.add_argument("--delegate", type=Path, help="libubp_delegate.so, built for the device")
    group.add_argument(
        "--benchmark-model", metavar="PATH", help="benchmark_model, here or on the device"
    )


def place_of(options: argparse.Namespace) -> Place | None:
    """Where to measure; None: on this machine.

    Raises:
        ValueError: if options of a device are missing, or given without one.
        FileNotFoundError, RuntimeError: as of `ubp.timing.android.Device`.
    """
    given = {"--delegate": options.delegate, "--benchmark-model": options.benchmark_model}
    if options.adb is None:
        for name, value in given.items():
            if value is not None:
                raise ValueError(f"{name} is for a device; add --adb, or leave it out.")
        return None
    for name, value in given.items():
        if value is None:
            raise ValueError(f"--adb needs {name}: what to copy to the device.")
    from ubp.timing.android import AndroidPlace, Device

    return AndroidPlace(Device(options.adb or None), options.delegate, options.benchmark_model)
