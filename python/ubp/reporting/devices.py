# SPDX-License-Identifier: Apache-2.0
"""The list of devices, for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ubp.reporting.narrow import print_table
from ubp.runtime.devices import Device, Devices


def print_devices(devices: Devices, console: Console) -> None:
    """Print the CPU's kernels, a row for each device, and why no GPU can be used."""
    console.print(f"CPU: {devices.kernel} kernels", highlight=False)
    if devices.library:
        console.print(f"OpenCL library: {escape(devices.library)}", highlight=False)
    if devices.devices:
        print_table(_table(devices.devices), console)
    if devices.error:
        console.print(f"No GPU: {escape(devices.error)}", highlight=False)
    for number, device in enumerate(devices.devices):
        for note in _notes(device):
            console.print(f"{number}: {escape(note)}", highlight=False)


def _table(devices: list[Device]) -> Table:
    table = Table(header_style="bold", pad_edge=False)
    for heading in ("", "device", "type", "driver"):
        table.add_column(heading, overflow="fold")
    for heading in ("units", "MHz", "memory", "buffer"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("unified", "fp16"):
        table.add_column(heading)
    for number, device in enumerate(devices):
        table.add_row(
            f"{'>' if device.chosen else ' '} {number}",
            escape(device.name),
            device.type,
            escape(_driver(device)),
            str(device.compute_units),
            str(device.clock_mhz),
            _size(device.memory_bytes),
            _size(device.buffer_bytes),
            "yes" if device.unified_memory else "no",
            "yes" if device.fp16 else "storage only",
            style="dim" if device.unsuitable else None,
        )
    return table


def _driver(device: Device) -> str:
    # "OpenCL 3.0" is followed by whatever the vendor likes.
    version = " ".join(device.version.split()[:2])
    return f"{device.platform}, {version}, driver {device.driver}"


def _notes(device: Device) -> list[str]:
    """What the table has no column for."""
    unusable = [f"cannot be used: {device.unsuitable}"] if device.unsuitable else []
    return unusable + [f"quirk: {quirk}" for quirk in device.quirks]


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"
