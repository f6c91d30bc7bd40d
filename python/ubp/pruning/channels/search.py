"""Finds the order of each group's channels, or says why they stay in theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ubp.lanes import to_lanes
from ubp.pruning.channels.flow import Segment
from ubp.pruning.channels.report import GroupReport, LayerKept
from ubp.pruning.layers.prunable import prunable_weights
from ubp.selection.order.channel_order import ChannelOrder, kept_importance, order_channels

_NOT_PRUNED = "none of its layers is pruned"
_NO_GAIN = "no better order was found"


@dataclass(frozen=True)
class Search:
    """How orders are found; see `ubp.selection.order.channel_order.order_channels`."""

    block_size: int
    sparsity: float
    method: str
    rounds: int
    seed: int

    def run(
        self, groups: Sequence[Segment], counted: Sequence[keras.layers.Layer], progress: bool
    ) -> list[GroupReport]:
        """The report on each group.

        Args:
            groups: their roots.
            counted: the layers whose importance counts.
            progress: show a progress bar on standard error, if that is a terminal.
        """
        ids = {id(layer) for layer in counted}
        layers = [[each for each in group.producers if id(each) in ids] for group in groups]
        free = [own for group, own in zip(groups, layers, strict=True) if own and not group.pins]
        rounds = self.rounds if self.method == "hill_climb" else 1
        with tqdm(
            total=rounds * len(free),
            desc="permuting channels",
            unit="round",
            leave=False,
            disable=None if progress else True,
        ) as bar:
            return [
                self._report(group, own, bar.update)
                for group, own in zip(groups, layers, strict=True)
            ]

    def _report(
        self, group: Segment, layers: list[keras.layers.Layer], after_round: Callable[[], None]
    ) -> GroupReport:
        importances = [_importance(layer) for layer in layers]
        reasons = list(group.pins)
        if not layers:
            reasons.append(_NOT_PRUNED)
        if reasons:
            found = self._unchanged(importances, group.size)
        else:
            found = self._order(importances, after_round)
            if (found.order == np.arange(group.size)).all():
                reasons.append(_NO_GAIN)
        totals = [float(each.sum(dtype=np.float64)) for each in importances]
        kept = zip(layers, totals, found.kept_before, found.kept_after, strict=True)
        return GroupReport(
            channels=group.size,
            producers=tuple(layer.name for layer in group.producers),
            followers=tuple(layer.name for layer in group.followers),
            reasons=tuple(reasons),
            layers=tuple(LayerKept(layer.name, *figures) for layer, *figures in kept),
            order=found.order,
        )

    def _order(
        self, importances: list[npt.NDArray[np.float32]], after_round: Callable[[], None]
    ) -> ChannelOrder:
        found = order_channels(
            importances,
            self.block_size,
            self.sparsity,
            self.method,
            rounds=self.rounds,
            seed=self.seed,
            after_round=after_round,
        )
        if self.method == "chain":
            after_round()
        return found

    def _unchanged(self, importances: list[npt.NDArray[np.float32]], channels: int) -> ChannelOrder:
        kept = tuple(kept_importance(each, self.block_size, self.sparsity) for each in importances)
        return ChannelOrder(np.arange(channels), kept, kept)


def _importance(layer: keras.layers.Layer) -> npt.NDArray[np.float32]:
    """Absolute weights [lanes, channels]; the lanes of all weights that can be pruned."""
    weights = [
        to_lanes(weight.variable.numpy(), weight.channel_axis).astype(np.float32)
        for weight in prunable_weights(layer)
    ]
    importance: npt.NDArray[np.float32] = np.abs(np.concatenate(weights))
    return importance
