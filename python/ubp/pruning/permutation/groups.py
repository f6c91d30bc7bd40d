"""Groups of output channels that have to be permuted together.

The channels of a tensor are those of its last axis. They are described as a row of *segments*, each
the output channels of one layer: one segment after a convolution, several after a concatenation,
one per position after a `Flatten`. Where two tensors are added, their segments become one *group*:
a permutation of one is a permutation of all. Groups are kept as a union-find forest of segments.

A group is *pinned* if its channels have to stay in their order, for a reason that is given in
words. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import keras
import numpy as np
import numpy.typing as npt


@dataclass(eq=False)
class Segment:
    """Consecutive channels; a node of the union-find forest.

    Attributes:
        size: how many channels.
        parent: another segment of the same group, or None at the root. Only the root's other
            attributes count.
        producers: the layers whose output channels these are.
        followers: the layers with weights per channel that channels pass through, such as batch
            normalisation.
        pins: why the channels have to stay in their order; empty if they need not.
    """

    size: int
    parent: Segment | None = None
    producers: list[keras.layers.Layer] = field(default_factory=list)
    followers: list[keras.layers.Layer] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    @property
    def root(self) -> Segment:
        """The segment that stands for the group."""
        node = self
        while node.parent is not None:
            if node.parent.parent is not None:
                node.parent = node.parent.parent
            node = node.parent
        return node


Channels = tuple[Segment, ...]  # of a tensor, in order


def sizes(channels: Channels) -> tuple[int, ...]:
    """The sizes of the segments, in order."""
    return tuple(segment.size for segment in channels)


def roots(channels: Channels) -> list[Segment]:
    """The groups of the segments, each once."""
    return list({id(segment.root): segment.root for segment in channels}.values())


def pin(channels: Channels, reason: str) -> None:
    """Keep these channels in their order."""
    for group in roots(channels):
        if reason not in group.pins:
            group.pins.append(reason)


def unite(first: Channels, second: Channels, where: str) -> None:
    """Have both tensors' channels permuted alike; if their segments differ in size, pin them.

    Args:
        first, second: equally many channels.
        where: they meet, for the reason of the pin.
    """
    if sizes(first) != sizes(second):
        reason = f"{where} combines channels of layers of {_words(first)} and {_words(second)}"
        pin(first, reason)
        pin(second, reason)
        return
    for one, other in zip(first, second, strict=True):
        _merge(one.root, other.root)


def channel_index(
    channels: Channels, orders: dict[int, npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64] | None:
    """Where each channel of a permuted tensor comes from; None if all stay where they are.

    Args:
        channels: of the tensor.
        orders: the new order of a group by the id of its root: old channel of each new one;
            groups that are missing keep theirs.

    Returns:
        int64 [channels].
    """
    if all(id(segment.root) not in orders for segment in channels):
        return None
    parts, start = [], 0
    for segment in channels:
        order = orders.get(id(segment.root))
        parts.append(start + (np.arange(segment.size) if order is None else order))
        start += segment.size
    return np.concatenate(parts)


def _merge(into: Segment, other: Segment) -> None:
    if into is other:
        return
    other.parent = into
    _extend(into.producers, other.producers)
    _extend(into.followers, other.followers)
    into.pins.extend(reason for reason in other.pins if reason not in into.pins)


def _extend(layers: list[keras.layers.Layer], others: Iterable[keras.layers.Layer]) -> None:
    layers.extend(other for other in others if all(other is not layer for layer in layers))


def _words(channels: Channels) -> str:
    return "+".join(map(str, sizes(channels)))
