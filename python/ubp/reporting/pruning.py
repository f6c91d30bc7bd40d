# SPDX-License-Identifier: Apache-2.0
"""Tables of what pruning a .tflite file without training did."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from ubp.reporting.narrow import print_table
from ubp.reporting.tables import short_name
from ubp.tflite_pruning.result import OutputError, PrunedFile, RebuiltLayer


def pruning_text(result: PrunedFile, console: Console) -> str:
    """Print a row for each layer; returns the lines that belong below."""
    table = Table(header_style="bold", pad_edge=False)
    for heading in ("layer", "op", "weights"):
        table.add_column(heading, overflow="fold")
    for heading in ("kept", "error", "samples", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for layer in result.layers:
        table.add_row(*_cells(layer), style=None if layer.pruned else "dim")
    print_table(table, console)
    pruned = sum(layer.pruned for layer in result.layers)
    return "\n".join(
        [
            f"{pruned} of {len(result.layers)} layers pruned, {result.sparsity:.1%} zeros in them; "
            f"{result.samples} samples, {result.seconds:.1f} s",
            *(_output_line(each, result.held_out) for each in result.outputs),
        ]
    )


def _cells(layer: RebuiltLayer) -> list[str]:
    error = layer.relative_error
    verdict = "pruned" if layer.pruned else "re-fitted" if error is not None else "left"
    return [
        short_name(layer.name),
        layer.op,
        "x".join(map(str, layer.shape)),
        f"{layer.kept:.1%}",
        "" if error is None else f"{error:.4f}",
        "" if error is None else str(layer.samples),
        "" if error is None else f"{layer.seconds:.1f}",
        f"{verdict}: {layer.reason}" if layer.reason else verdict,
    ]


def _output_line(output: OutputError, held_out: int) -> str:
    if math.isnan(output.relative_error):
        return f"output '{output.name}' does not vary over {held_out} samples held out"
    return (
        f"output '{output.name}': error {output.relative_error:.4f} of its variance on {held_out} "
        f"samples held out; {output.one_shot:.4f} without re-fitting"
    )
