# SPDX-License-Identifier: Apache-2.0
"""Tables of latency models for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ubp.latency import LatencyModel, MeasuredNetwork
from ubp.reporting.narrow import print_table

_SHOWN_DENSITY = 0.2


def print_latency(model: LatencyModel, console: Console) -> None:
    """Print where was measured, what layers take, and how far predictions are off."""
    device = model.device
    if device is not None:
        threads = f"{device.threads} thread{'s' * (device.threads != 1)}"
        console.print(f"{device.name}, {device.instruction_set}, {threads}, {device.date}")
    if model.network is not None:
        print_table(_layers(model.network), console)
        console.print(_rest(model.network))
    console.print(str(model.errors()))


def _layers(network: MeasuredNetwork) -> Table:
    sizes = sorted({n for layer in network.layers for n in layer.sparse})
    table = Table(header_style="bold", pad_edge=False)
    table.add_column("layer", overflow="fold")
    for heading in ("lanes", "channels", "pixels", "dense", *(f"N={n}" for n in sizes)):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in network.layers:
        shape = layer.shape
        weights = shape.lanes * shape.channels
        cells = [str(shape.lanes), str(shape.channels), f"{shape.out_pixels:g}"]
        cells.append(f"{layer.dense_us:.1f}")
        for n in sizes:
            line = layer.sparse.get(n)
            cells.append("" if line is None else f"{line.us(_SHOWN_DENSITY * weights / n):.1f}")
        table.add_row(layer.name, *cells)
    table.caption = f"microseconds; with blocks, of {_SHOWN_DENSITY:.0%} of the weights"
    return table


def _rest(network: MeasuredNetwork) -> str:
    return (
        f"the dense network {network.dense_us / 1e3:.3f} ms; beside the layers above "
        f"{network.fixed_us / 1e3:.3f} ms"
    )
