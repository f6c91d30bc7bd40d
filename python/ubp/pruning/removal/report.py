# SPDX-License-Identifier: Apache-2.0
"""What became of each group of channels, as data and as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from ubp.pruning.removal.groups import ChannelGroup


@dataclass(frozen=True, eq=False)
class GroupRemoval:
    """One group.

    Attributes:
        group: as it was.
        kept: int64, the channels that it keeps, in order; read-only.
        importance_kept: the share of its channels' summed scores that these have.
    """

    group: ChannelGroup
    kept: npt.NDArray[np.int64]
    importance_kept: float

    @property
    def removed(self) -> int:
        """How many channels are gone."""
        return self.group.width - len(self.kept)


@dataclass(frozen=True, eq=False)
class RemovalReport:
    """What `remove_channels` did.

    Attributes:
        groups: in the order of the model.
        weights_before, weights_after: numbers in all weights of the model and of the copy.
        max_difference: the largest difference between the outputs of the copy and of the model in
            which these channels are zero, on random inputs, relative to the largest output; float
            rounding.
    """

    groups: tuple[GroupRemoval, ...]
    weights_before: int
    weights_after: int
    max_difference: float

    @property
    def removed(self) -> int:
        """How many channels are gone, of all groups."""
        return sum(each.removed for each in self.groups)

    def print(self, console: Console | None = None) -> None:
        """Print one row per group, and the weights of the whole."""
        table = Table(header_style="bold", pad_edge=False)
        table.add_column("group", overflow="fold")
        for heading in ("channels", "now", "importance kept"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("", overflow="fold")
        for each in self.groups:
            group = each.group
            cells = [", ".join(group.producers), str(group.width), str(len(each.kept))]
            if each.removed:
                table.add_row(*cells, f"{each.importance_kept:.1%}", "")
            else:
                note = f"fixed: {'; '.join(group.obstacles)}" if group.obstacles else "left"
                table.add_row(*cells, "", note, style="dim")
        console = console or Console()
        console.print(table)
        share = 1.0 - self.weights_after / max(self.weights_before, 1)
        console.print(
            f"{self.removed} channels removed; {self.weights_before:,} -> {self.weights_after:,} "
            f"weights, {share:.1%} less"
        )
