# SPDX-License-Identifier: Apache-2.0
"""The groups of channels of a model that can only shrink together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras
from rich.console import Console
from rich.table import Table

from ubp.arguments import shown
from ubp.pruning.channels.comparison import check_model
from ubp.pruning.channels.flow import ChannelFlow, Segment, roots
from ubp.pruning.channels.follow import follow_channels
from ubp.pruning.removal.mixing import pin_mixing


@dataclass(frozen=True)
class ChannelGroup:
    """Channels of tensors that meet, such as in a residual sum, so that all have as many.

    Attributes:
        name: of the first layer that makes them.
        width: how many channels there are.
        producers: the layers whose output channels they are.
        followers: the layers with weights per channel that they pass through, such as batch
            normalisation and depthwise convolutions.
        readers: the layers that make other channels of them.
        channel_weights: of the model, that one of these channels needs as the model is.
        obstacles: why their number cannot change; empty if it can.
    """

    name: str
    width: int
    producers: tuple[str, ...]
    followers: tuple[str, ...]
    readers: tuple[str, ...]
    channel_weights: int
    obstacles: tuple[str, ...] = ()

    @property
    def can_shrink(self) -> bool:
        """Whether `remove_channels` can take channels away; one always stays."""
        return not self.obstacles and self.width > 1


@dataclass(frozen=True)
class ChannelGroups:
    """The groups of a model.

    Attributes:
        groups: in the order of the model.
    """

    groups: tuple[ChannelGroup, ...]

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[ChannelGroup]:
        return iter(self.groups)

    def __getitem__(self, layer: str) -> ChannelGroup:
        """The group of a layer's output channels.

        Raises:
            KeyError: if there is none, or several layers of that name are in different groups.
        """
        found = [each for each in self.groups if layer in each.producers]
        if len(found) != 1:
            raise KeyError(
                f"{shown(layer)} names the output channels of {len(found)} groups; expected the "
                f"name of one layer among {', '.join(each.name for each in self.groups)}."
            )
        return found[0]

    @property
    def widths(self) -> dict[str, int]:
        """The channels of those that can shrink, by their names."""
        return {each.name: each.width for each in self.groups if each.can_shrink}

    def matching(self, pattern: str) -> list[int]:
        """The numbers of the groups with a producer of this name or, if none has it, pattern."""
        found = [n for n, each in enumerate(self.groups) if pattern in each.producers]
        return found or [
            number
            for number, each in enumerate(self.groups)
            if any(fnmatchcase(name, pattern) for name in each.producers)
        ]

    def print(self, console: Console | None = None) -> None:
        """Print one row per group."""
        table = Table(header_style="bold", pad_edge=False)
        table.add_column("group", overflow="fold")
        for heading in ("channels", "weights of one"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("read by", overflow="fold")
        table.add_column("", overflow="fold")
        for each in self.groups:
            counts = (str(each.width), f"{each.channel_weights:,}")
            note = "" if each.can_shrink else f"fixed: {'; '.join(each.obstacles) or 'one channel'}"
            style = None if each.can_shrink else "dim"
            made_by, read_by = ", ".join(each.producers), ", ".join(each.readers)
            table.add_row(made_by, *counts, read_by, note, style=style)
        (console or Console()).print(table)


def channel_groups(model: keras.Model) -> ChannelGroups:
    """The groups of channels of which `remove_channels` can remove some.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(8, 3, name="a"), keras.layers.Conv2D(4, 3, name="b")]
        >>> model = keras.Sequential([keras.Input((9, 9, 3)), *layers])
        >>> groups = ubp.channel_groups(model)
        >>> groups.widths, groups["a"].readers, groups["a"].channel_weights
        ({'a': 8}, ('b',), 64)
        >>> groups["b"].obstacles
        ("the model's output 'b'",)

    Args:
        model: a built functional or Sequential model of Keras 3; may contain such models. It stays
            as it is.

    Returns:
        The groups, by the name of any layer that makes their channels; `print()` shows a table.

    Raises:
        TypeError: if the model is of another kind.
        ValueError: if it is not built, is pruned by `ubp.prune`, computes in less than float32,
            calls a layer in training mode, or calls a model in it in another form than it was made
            for.
    """
    return listed(removable_flow(model, "channel_groups"))


def removable_flow(model: keras.Model, caller: str) -> ChannelFlow:
    """The channels of a model, pinned where they cannot be fewer; errors as `channel_groups`."""
    check_model(model, caller)
    flow = follow_channels(model, caller)
    pin_mixing(flow)
    return flow


def listed(flow: ChannelFlow) -> ChannelGroups:
    """The groups in the order of `flow.groups()`."""
    return ChannelGroups(tuple(_listed(group, flow) for group in flow.groups()))


def _listed(group: Segment, flow: ChannelFlow) -> ChannelGroup:
    readers: dict[str, None] = {}
    weights = 0
    for axis in flow.axes:
        times = sum(segment.root is group for segment in axis.channels)
        if not times:
            continue
        shape = axis.layer.weights[axis.weight].shape
        size = 1
        for length in shape:
            size *= length
        weights += times * size // shape[axis.axis]
        inputs, outputs = flow.layers[id(axis.layer)]
        if inputs is not outputs and any(each is group for each in roots(inputs)):
            readers[axis.layer.name] = None
    return ChannelGroup(
        name=group.producers[0].name,
        width=group.size,
        producers=tuple(layer.name for layer in group.producers),
        followers=tuple(layer.name for layer in group.followers),
        readers=tuple(readers),
        channel_weights=weights,
        obstacles=tuple(group.pins),
    )
