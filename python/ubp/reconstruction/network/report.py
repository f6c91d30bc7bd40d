# SPDX-License-Identifier: Apache-2.0
"""What `prune_without_training` did to each layer, as data and as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class RebuiltLayer:
    """What became of one layer.

    Attributes:
        name: of the layer.
        kind: "pruned", "re-fitted", "re-fitted depthwise" or "statistics".
        lanes, channels: of its kernel; 0 and the channels for statistics.
        samples: that were added up: output pixels, of all pictures or drawn.
        kept: share of its weights that are kept.
        relative_error: |outputs - dense outputs|^2 / |dense outputs|^2 on the calibration samples,
            about the means where these are free; 0 for statistics.
        seconds: that it took.
        norm: the name of the batch normalisation behind it that was fitted with it, if any.
    """

    name: str
    kind: str
    lanes: int
    channels: int
    samples: int
    kept: float
    relative_error: float
    seconds: float
    norm: str = ""


@dataclass(frozen=True)
class RebuildingReport:
    """What `prune_without_training` did.

    Attributes:
        layers: in the order of the model.
        samples: on which it was calibrated.
        output_errors: of each output, |output - dense output|^2 relative to the variance of the
            dense one, on samples that were held out; NaN where it does not vary.
        held_out: how many these were.
        seconds: in all.
    """

    layers: tuple[RebuiltLayer, ...]
    samples: int
    output_errors: tuple[float, ...]
    held_out: int
    seconds: float

    @property
    def pruned(self) -> tuple[RebuiltLayer, ...]:
        """The layers that have zeros now."""
        return tuple(layer for layer in self.layers if layer.kind == "pruned")

    @property
    def sparsity(self) -> float:
        """The share of zeros in the pruned layers, all together."""
        sizes = [layer.lanes * layer.channels for layer in self.pruned]
        kept = sum(size * layer.kept for size, layer in zip(sizes, self.pruned, strict=True))
        return 1.0 - kept / sum(sizes)

    def print(self, console: Console | None = None) -> None:
        """Print one row per layer."""
        table = Table(header_style="bold", pad_edge=False)
        table.add_column("layer", overflow="fold")
        table.add_column("result", no_wrap=True)
        for heading in ("lanes", "channels", "samples", "kept", "error", "seconds"):
            table.add_column(heading, justify="right", no_wrap=True)
        for layer in self.layers:
            has_kernel = layer.kind != "statistics"
            table.add_row(
                layer.name,
                layer.kind,
                str(layer.lanes) if has_kernel else "",
                str(layer.channels),
                str(layer.samples),
                f"{layer.kept:.1%}" if has_kernel else "",
                f"{layer.relative_error:.4f}" if has_kernel else "",
                f"{layer.seconds:.1f}",
                style=None if layer.kind == "pruned" else "dim",
            )
        console = console or Console()
        console.print(table)
        errors = ", ".join(f"{error:.4f}" for error in self.output_errors)
        console.print(
            f"outputs: relative error {errors} on {self.held_out} samples held out; "
            f"{self.sparsity:.1%} zeros in the pruned layers; {self.seconds:.1f} s"
        )


@dataclass(frozen=True)
class PrunedWithoutTraining:
    """What `prune_without_training` returns.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> x = np.random.default_rng(0).normal(size=(100, 16)).astype("float32")
        >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
        >>> found = ubp.prune_without_training(model, x, 0.5, layers="hidden", progress=False)
        >>> (row,) = found.report.pruned
        >>> row.kept, 0 < row.relative_error < 1
        (0.5, True)

    Attributes:
        model: a copy of the model with exact zeros.
        report: what became of each layer.
    """

    model: keras.Model
    report: RebuildingReport
