# SPDX-License-Identifier: Apache-2.0
"""What became of each group of channels, as data and as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class LayerKept:
    """One layer whose output channels are blocks' channels.

    Attributes:
        name: of the layer.
        total: sum of the absolute weights of its kernel.
        before, after: what the optimal unaligned blocks keep of it, before and after permuting
            (its input channels, too, which matters where blocks have several lanes).
    """

    name: str
    total: float
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class GroupReport:
    """Channels that are permuted together, or why they are not.

    Attributes:
        channels: how many.
        producers: the layers whose output channels they are.
        followers: the layers with weights per channel that they pass through.
        reasons: why they stay in their order; empty if they are permuted.
        layers: those of the producers that are counted. Where blocks have several lanes, the
            order was chosen for the layers that read the channels, too.
        order: int64 [channels], the old channel at each new place; read-only.
    """

    channels: int
    producers: tuple[str, ...]
    followers: tuple[str, ...]
    reasons: tuple[str, ...]
    layers: tuple[LayerKept, ...]
    order: npt.NDArray[np.int64]

    @property
    def permuted(self) -> bool:
        """Whether any channel has moved."""
        return bool((self.order != np.arange(self.channels)).any())

    @property
    def kept_before(self) -> float:
        """Importance kept by all counted layers in the original order."""
        return sum(layer.before for layer in self.layers)

    @property
    def kept_after(self) -> float:
        """Importance kept by all counted layers in the new order."""
        return sum(layer.after for layer in self.layers)


@dataclass(frozen=True, eq=False)
class PermutationReport:
    """What `permute_channels` did.

    Attributes:
        groups: in the order of the model.
        max_difference: the largest difference between the two models' outputs on random inputs,
            relative to the largest output; float rounding.
    """

    groups: tuple[GroupReport, ...]
    max_difference: float

    @property
    def kept_before(self) -> float:
        """Importance kept by all counted layers in the original order."""
        return sum(group.kept_before for group in self.groups)

    @property
    def kept_after(self) -> float:
        """Importance kept by all counted layers in the new order."""
        return sum(group.kept_after for group in self.groups)

    def print(self, console: Console | None = None) -> None:
        """Print one row per group."""
        table = Table(header_style="bold", pad_edge=False)
        table.add_column("layers", overflow="fold")
        for heading in ("channels", "kept before", "after", "gain"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("result", overflow="fold")
        for group in self.groups:
            result = "permuted" if group.permuted else f"left: {'; '.join(group.reasons)}"
            style = None if group.permuted else "dim"
            table.add_row(*_cells(group), result, style=style)
        (console or Console()).print(table)


def _cells(group: GroupReport) -> list[str]:
    cells = [", ".join(group.producers), str(group.channels)]
    total = sum(layer.total for layer in group.layers)
    if not total:
        return [*cells, "", "", ""]
    before, after = group.kept_before, group.kept_after
    gain = f"{after / before - 1:+.1%}" if before else ""
    return [*cells, f"{before / total:.1%}", f"{after / total:.1%}", gain]
