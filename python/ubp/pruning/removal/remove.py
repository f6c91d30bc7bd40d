# SPDX-License-Identifier: Apache-2.0
"""`remove_channels`: a smaller model, equal to the one in which the removed channels are zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from ubp.arguments import check_whole
from ubp.pruning.channels.comparison import Comparison, check_outputs, random_inputs
from ubp.pruning.layers.walking import check_fit
from ubp.pruning.removal.groups import listed, removable_flow
from ubp.pruning.removal.report import GroupRemoval, RemovalReport
from ubp.pruning.removal.scores import Importance, Reals, check_importance, scores_of
from ubp.pruning.removal.shrink import shrink
from ubp.pruning.removal.widths import Indices, Kept, Request

_CALLER = "remove_channels"


class ChannelsRemoved(NamedTuple):
    """What `remove_channels` returns.

    Attributes:
        model: the smaller model.
        report: what became of each group of channels.
    """

    model: keras.Model
    report: RemovalReport


def remove_channels(
    model: keras.Model,
    share: float | None = None,
    *,
    keep: Mapping[str, Kept] | None = None,
    scope: str = "group",
    importance: Importance = "magnitude",
    multiple: int = 1,
    check_inputs: Any = None,
    seed: int = 0,
) -> ChannelsRemoved:
    """A copy of a model with fewer channels: every tensor and every layer is smaller.

    Zeros in blocks make convolutions and dense layers faster; fewer channels also make depthwise
    convolutions, additions and memory smaller, and need nothing of the runtime. Channels of tensors
    that meet, such as in a residual sum, are one group and are removed together; see
    `ubp.channel_groups`. The copy computes what the model computes with these channels set to
    zero wherever a layer reads them; before it is returned, every layer of it and the whole are
    run against that. Train it afterwards.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(8, 3, name="a"), keras.layers.Conv2D(4, 3, name="b")]
        >>> model = keras.Sequential([keras.Input((9, 9, 3)), *layers])
        >>> ubp.remove_channels(model, 0.25).model.get_layer("a").filters
        6
        >>> smaller, report = ubp.remove_channels(model, keep={"a": [0, 2, 5]})
        >>> smaller.get_layer("a").filters, report.groups[0].kept.tolist()
        (3, [0, 2, 5])

    Args:
        model: a built functional or Sequential model of Keras 3; may contain such models. It stays
            as it is.
        share: of the channels to remove, above 0, below 1, of all groups that can shrink and that
            `keep` does not name; None: these stay.
        keep: what groups keep, by the name of any layer that makes their channels, or a pattern of
            names: how many channels, a list of those, or None for all. The first entry that matches
            a group holds; a pattern passes over those that cannot shrink.
        scope: whose share it is: "group": each group's; "global": that of all together, taken where
            scores, divided by the root mean square of their group, are lowest. Each group keeps a
            tenth of its channels at least.
        importance: how channels are scored: "magnitude", by the weights alone (see scores.py); or a
            callable (`ubp.pruning.ChannelGroup`) -> numbers >= 0, one for each channel, which is
            asked for each group that can shrink.
        multiple: where a share says how many channels are kept, that is rounded to the nearest
            multiple of this, at least one, such as 8 for blocks that must divide the channels.
        check_inputs: what the models are run on, as `model` takes it; by default random numbers,
            one sample, 64 where the model leaves a size open.
        seed: of the random inputs.

    Returns:
        The model, and a report whose `print()` shows a table.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: as `ubp.channel_groups`; if neither `share` nor `keep` is given, or an argument
            has an impossible value; if `keep` names no layer that makes channels, channels that
            cannot be fewer, or channels that there are not; if no group can shrink.
        RuntimeError: if the copy does not compute what it should.
    """
    request = Request(share, keep, scope, multiple)
    check_importance(importance)
    check_whole("seed", seed, 0)
    flow = removable_flow(model, _CALLER)
    inputs = random_inputs(model, seed) if check_inputs is None else check_inputs
    check_fit(model, inputs, "check_inputs")
    roots, groups = flow.groups(), listed(flow)
    scores = [
        scores_of(flow, root, group, importance) for root, group in zip(roots, groups, strict=True)
    ]
    kept = request.kept(groups, scores)
    fewer = {
        id(root): each for root, each in zip(roots, kept, strict=True) if len(each) < root.size
    }
    smaller, copies = shrink(model, flow, fewer)
    outputs = Comparison(flow, copies, fewer).check_layers(model, inputs)
    difference = check_outputs(outputs, smaller, inputs, _CALLER)
    rows = tuple(
        GroupRemoval(group, each, _share_of(score, each))
        for group, each, score in zip(groups, kept, scores, strict=True)
    )
    report = RemovalReport(rows, model.count_params(), smaller.count_params(), difference)
    return ChannelsRemoved(smaller, report)


def _share_of(scores: Reals, kept: Indices) -> float:
    total = float(scores.sum())
    return float(scores[kept].sum()) / total if total else 1.0
