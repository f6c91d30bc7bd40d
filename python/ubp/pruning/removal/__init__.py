# SPDX-License-Identifier: Apache-2.0
"""Fewer channels: a smaller model in which every tensor and every layer shrinks.

    for group in ubp.channel_groups(model):
        print(group.name, group.width)
    smaller, report = ubp.remove_channels(model, 0.25)

The path of a model, a file per step; `channels/` follows the channels:

    groups.py    the groups of channels that shrink together, and why others cannot
    mixing.py    where a channel that is missing would change others: these keep their width
    scores.py    how much each channel of a group matters
    widths.py    how many channels, and which, each group keeps
    shrink.py    the copy with smaller layers
    report.py    what became of each group
    remove.py    `remove_channels`: all of this, and the comparison of both models
"""

from ubp.pruning.removal.groups import ChannelGroup, ChannelGroups, channel_groups
from ubp.pruning.removal.remove import ChannelsRemoved, remove_channels
from ubp.pruning.removal.report import GroupRemoval, RemovalReport

__all__ = [
    "ChannelGroup",
    "ChannelGroups",
    "ChannelsRemoved",
    "GroupRemoval",
    "RemovalReport",
    "channel_groups",
    "remove_channels",
]
