"""A model's channels: those of each tensor, and the axes of weights that they run along.

Filled by `follow.py` with the rules of `rules.py`. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import keras

from ubp.pruning.permutation.groups import Channels, Segment, roots, unite
from ubp.pruning.permutation.trace import Trace

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
        channels: of each tensor, by its id.
        axes: all axes of weights that channels run along.
        traces: of the model and of the models in it, by their ids; they keep the tensors alive.
        layers: the input and output channels of each layer with weights, by its id.
        refused: why a call of an operation was not followed, by the operation's id.
        segments: the output channels of layers with weights, in the order of the model.
    """

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
