# SPDX-License-Identifier: Apache-2.0
"""Finds the order of each group's channels, or says why they stay in theirs.

Where blocks have several lanes, a group's order counts for the layers that produce its channels and
for those that read them, and what is best for one group depends on the orders of others. So the
groups are put in order one after the other, each in the orders that the others have by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from ubp.lanes import input_channels, sum_lane_groups, to_lanes
from ubp.progress import Bar
from ubp.pruning.channels.flow import ChannelFlow, Channels, Segment, sizes
from ubp.pruning.channels.report import GroupReport, LayerKept
from ubp.pruning.layers.prunable import prunable_weights
from ubp.selection.order.channel_order import kept_importance, order_channels
from ubp.selection.order.readers import Reader

_NOT_PRUNED = "none of its layers is pruned"
_NO_GAIN = "no better order was found"

_Order = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Search:
    """How orders are found; see `ubp.selection.order.channel_order.order_channels`."""

    block_size: int
    block_lanes: int
    sparsity: float
    method: str
    rounds: int
    seed: int

    def run(
        self, flow: ChannelFlow, counted: Sequence[keras.layers.Layer], progress: bool
    ) -> list[GroupReport]:
        """The report on each group.

        Args:
            flow: of the model's channels.
            counted: the layers whose importance counts.
            progress: show a progress bar on standard error, if that is a terminal.
        """
        matrices = [_Matrix.of(layer, flow) for layer in counted]
        before = self._kept(matrices)
        found = self._orders(flow.groups(), matrices, progress)
        after = self._kept(matrices)
        kept = {
            id(each.layer): LayerKept(each.layer.name, each.total, before[index], after[index])
            for index, each in enumerate(matrices)
        }
        return [
            GroupReport(
                channels=group.size,
                producers=tuple(layer.name for layer in group.producers),
                followers=tuple(layer.name for layer in group.followers),
                reasons=tuple(reasons),
                layers=tuple(kept[id(layer)] for layer in group.producers if id(layer) in kept),
                order=order,
            )
            for group, (order, reasons) in zip(flow.groups(), found, strict=True)
        ]

    def _orders(
        self, groups: Sequence[Segment], matrices: Sequence[_Matrix], progress: bool
    ) -> list[tuple[_Order, list[str]]]:
        """The order of each group, and why that is the one it has; changes the matrices."""
        roles = [self._roles(group, matrices) for group in groups]
        free = sum(any(role) and not group.pins for group, role in zip(groups, roles, strict=True))
        rounds = self.rounds if self.method == "hill_climb" else 1
        with Bar(
            total=rounds * free,
            desc="permuting channels",
            unit="round",
            leave=False,
            disable=None if progress else True,
        ) as bar:
            return [
                self._order(group, *role, matrices, bar.update)
                for group, role in zip(groups, roles, strict=True)
            ]

    def _roles(
        self, group: Segment, matrices: Sequence[_Matrix]
    ) -> tuple[list[_Matrix], list[_Matrix]]:
        """The layers that produce the group's channels, and those that its order counts for."""
        own = [each for each in matrices if each.is_from(group)]
        if self.block_lanes == 1:
            return own, []
        return own, [each for each in matrices if each.lanes_of(group, self.block_lanes).size]

    def _order(
        self,
        group: Segment,
        own: Sequence[_Matrix],
        read: Sequence[_Matrix],
        matrices: Sequence[_Matrix],
        after_round: Callable[[], None],
    ) -> tuple[_Order, list[str]]:
        reasons = list(group.pins)
        if not own and not read:
            reasons.append(_NOT_PRUNED)
        unchanged = np.arange(group.size)
        unchanged.setflags(write=False)
        if reasons:
            return unchanged, reasons
        found = order_channels(
            [sum_lane_groups(each.importance, self.block_lanes) for each in own],
            self.block_size,
            self.sparsity,
            self.method,
            readers=[each.reader(group, self.block_lanes) for each in read],
            rounds=self.rounds,
            seed=self.seed,
            after_round=after_round,
        )
        if self.method == "chain":
            after_round()
        touched = own if self.block_lanes == 1 else [each for each in matrices if each.has(group)]
        if not self._take(group, found.order, touched):
            return unchanged, [_NO_GAIN]
        return found.order, []

    def _take(self, group: Segment, order: _Order, matrices: Sequence[_Matrix]) -> bool:
        """Put the channels in order if the layers together keep more; whether they do.

        They are judged as a whole: a layer may produce channels of a group and read them, too.
        """
        if (order == np.arange(group.size)).all():
            return False
        changed = [each.reordered(group, order) for each in matrices]
        if sum(self._kept(changed)) <= sum(self._kept(matrices)):
            return False
        for each, other in zip(matrices, changed, strict=True):
            each.importance = other.importance
        return True

    def _kept(self, matrices: Sequence[_Matrix]) -> list[float]:
        """What the optimal unaligned blocks keep of each."""
        return [
            kept_importance(each.importance, self.block_size, self.sparsity, self.block_lanes)
            for each in matrices
        ]


@dataclass
class _Matrix:
    """A layer's absolute weights in the orders that its channels have by now.

    Attributes:
        layer: whose they are.
        importance: float32 [lanes, channels].
        inputs: the channels that the lanes of each tap are of; empty if that is not known.
    """

    layer: keras.layers.Layer
    importance: _Floats
    inputs: Channels

    @classmethod
    def of(cls, layer: keras.layers.Layer, flow: ChannelFlow) -> _Matrix:
        """The lanes of all weights that can be pruned."""
        weights = prunable_weights(layer)
        lanes = [
            to_lanes(weight.variable.numpy(), weight.channel_axis).astype(np.float32)
            for weight in weights
        ]
        inputs, _ = flow.layers.get(id(layer), ((), ()))
        shape, axis = tuple(weights[0].variable.shape), weights[0].channel_axis
        known = len(weights) == 1 and sum(sizes(inputs)) == input_channels(shape, axis)
        return cls(layer, np.abs(np.concatenate(lanes)), inputs if known else ())

    @property
    def total(self) -> float:
        """All of its importance."""
        return float(self.importance.sum(dtype=np.float64))

    def is_from(self, group: Segment) -> bool:
        """Whether the layer produces channels of a group."""
        return any(self.layer is each for each in group.producers)

    def has(self, group: Segment) -> bool:
        """Whether it produces or reads such channels."""
        return self.is_from(group) or self.lanes_of(group, 1).size > 0

    def lanes_of(self, group: Segment, multiple: int) -> npt.NDArray[np.int64]:
        """Int64 [taps, channels]: the lanes of a group's channels, for each time they are read.

        Args:
            group: its root.
            multiple: M; left out is where the group's channels are not whole groups of M lanes.
        """
        starts, width = [], 0
        for segment in self.inputs:
            if segment.root is group and width % multiple == segment.size % multiple == 0:
                starts.append(width)
            width += segment.size
        taps = len(self.importance) // width if starts else 0
        first = np.add.outer(np.arange(taps) * width, np.array(starts, dtype=np.int64))
        return np.add.outer(first.ravel(), np.arange(group.size))

    def reader(self, group: Segment, block_lanes: int) -> Reader:
        """The layer as one that reads a group's channels."""
        return Reader(self.importance, self.lanes_of(group, block_lanes), block_lanes)

    def reordered(self, group: Segment, order: _Order) -> _Matrix:
        """The same with a group's channels in another order, where it produces and reads them."""
        importance = self.importance
        lanes = self.lanes_of(group, 1)
        if lanes.size:
            importance = importance.copy()
            importance[lanes] = self.importance[lanes[:, order]]
        if self.is_from(group):
            importance = np.ascontiguousarray(importance[:, order])
        return _Matrix(self.layer, importance, self.inputs)
