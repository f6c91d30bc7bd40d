# SPDX-License-Identifier: Apache-2.0
"""A model's channels: those of each tensor, which of them are permuted together, and the weights.

**Groups.** The channels of a tensor are those of its last axis. They are described as a row of
*segments*, each the output channels of one layer: one segment after a convolution, several after a
concatenation, one per position after a `Flatten`. Where two tensors are added, their segments
become one *group*: a permutation of one is a permutation of all. Groups are kept as a union-find
forest of segments. A group is *pinned* if its channels have to stay in their order, for a reason
that is given in words.

**The flow** has the channels of each tensor, and the axes of weights that they run along. It is
filled by follow.py with the rules of rules.py. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
import numpy.typing as npt

from ubp.pruning.layers.calls import Trace


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
    """Where each channel of a tensor comes from whose channels are permuted, or are fewer.

    Args:
        channels: of the tensor.
        orders: by the id of a group's root the old channel of each new one, some or all of the
            group's; groups that are missing stay as they are.

    Returns:
        int64 [new channels]; None if all stay where they are.
    """
    if all(id(segment.root) not in orders for segment in channels):
        return None
    parts, start = [], 0
    for segment in channels:
        order = orders.get(id(segment.root))
        parts.append(start + (np.arange(segment.size) if order is None else order))
        start += segment.size
    return np.concatenate(parts)


# A weight of a layer, None for one that it does without, and the axis that channels run along.
NamedAxis = tuple[keras.Variable | None, int]


class NotFollowedError(Exception):
    """Channels cannot be followed through an operation; the message says why."""


@dataclass(frozen=True)
class WeightAxis:
    """An axis of a weight that channels run along.

    Attributes:
        layer: the layer, of the model that is looked at.
        weight: index in `layer.weights`.
        axis: of the weight.
        channels: along it, as many as the axis is long.
    """

    layer: keras.layers.Layer
    weight: int
    axis: int
    channels: Channels


@dataclass
class ChannelFlow:
    """What is known so far.

    Attributes:
        caller: the public function, for messages.
        channels: of each tensor, by its id.
        axes: all axes of weights that channels run along.
        traces: of the model and of the models in it, by their ids; they keep the tensors alive.
        layers: the input and output channels of each layer with weights, by its id.
        refused: why a call of an operation was not followed, by the operation's id.
        segments: the output channels of layers with weights, in the order of the model.
    """

    caller: str
    channels: dict[int, Channels] = field(default_factory=dict)
    axes: list[WeightAxis] = field(default_factory=list)
    traces: dict[int, Trace] = field(default_factory=dict)
    layers: dict[int, tuple[Channels, Channels]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)

    def groups(self) -> list[Segment]:
        """The roots of the groups, in the order of the model."""
        return roots(tuple(self.segments))

    def produce(
        self,
        layer: keras.layers.Layer,
        inputs: Channels,
        consuming: Sequence[NamedAxis],
        producing: Sequence[NamedAxis],
    ) -> Channels:
        """The output channels of a layer that makes new channels of its input channels.

        Args:
            layer: each of its weights must be named.
            inputs: its input channels.
            consuming: the axes of weights along which these run.
            producing: those along which the new channels run; the first weight is not None.

        Raises:
            NotFollowedError: if a weight is not named.
        """
        if id(layer) in self.layers:
            return self._meet_again(layer, inputs)
        weight, axis = producing[0]
        assert weight is not None
        outputs = (Segment(weight.shape[axis], producers=[layer]),)
        axes = _axes(layer, consuming, inputs) + _axes(layer, producing, outputs)
        self._add(layer, inputs, outputs, axes)
        self.segments.extend(outputs)
        return outputs

    def pass_through(
        self, layer: keras.layers.Layer, inputs: Channels, weights: Sequence[NamedAxis]
    ) -> Channels:
        """The output channels of a layer that treats every channel by itself: those it is given.

        Args:
            layer: each of its weights must be named.
            inputs: its input channels.
            weights: the axes of its weights that channels run along.

        Raises:
            NotFollowedError: if a weight is not named.
        """
        if id(layer) in self.layers:
            return self._meet_again(layer, inputs)
        self._add(layer, inputs, inputs, _axes(layer, weights, inputs))
        for group in roots(inputs):
            group.followers.append(layer)
        return inputs

    def _add(
        self,
        layer: keras.layers.Layer,
        inputs: Channels,
        outputs: Channels,
        axes: list[WeightAxis],
    ) -> None:
        if {axis.weight for axis in axes} != set(range(len(layer.weights))):
            named = {axis.weight for axis in axes}
            other = next(w for index, w in enumerate(layer.weights) if index not in named)
            raise NotFollowedError(f"its weight '{other.name}' is not known to be one of channels")
        self.layers[id(layer)] = inputs, outputs
        self.axes += axes

    def _meet_again(self, layer: keras.layers.Layer, inputs: Channels) -> Channels:
        """The output channels of a layer that is called a second time, on other tensors."""
        known, outputs = self.layers[id(layer)]
        unite(known, inputs, f"the shared layer '{layer.name}'")
        return outputs


def _axes(
    layer: keras.layers.Layer, named: Sequence[NamedAxis], channels: Channels
) -> list[WeightAxis]:
    positions = {id(weight): index for index, weight in enumerate(layer.weights)}
    axes = []
    for weight, axis in named:
        if weight is None:
            continue
        if id(weight) not in positions:  # LoRA and quantisation replace it by a computed one
            raise NotFollowedError("its kernel is not a plain variable (LoRA or quantisation)")
        axes.append(WeightAxis(layer, positions[id(weight)], axis, channels))
    return axes


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
