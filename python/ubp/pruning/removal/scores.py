# SPDX-License-Identifier: Apache-2.0
"""How much each channel of a group matters, from the weights alone.

A channel brings to the layers that read it about the size of its values times the weights that
multiply it. Squared, and summed over layers that are each divided by their mean,

    values    gamma^2 + beta^2 of the batch normalisations that it passes: their outputs' mean
              square; where there is none, the squared weights of the filters that make it
    weights   the squared weights by which it is read, of all layers that read it

The score is the root of the product. Filters by their weights: Li et al., arXiv 1608.08710; the
scale of batch normalisation: Liu et al., arXiv 1708.06519; all layers of a group together: Fang et
al., arXiv 2301.12900.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, shown
from ubp.pruning.channels.flow import ChannelFlow, Segment, WeightAxis, sizes
from ubp.pruning.removal.groups import ChannelGroup

Reals: TypeAlias = npt.NDArray[np.float64]
Importance: TypeAlias = str | Callable[[ChannelGroup], npt.ArrayLike]

_MAGNITUDE = "magnitude"


def check_importance(importance: Importance) -> None:
    """Refuse what is no importance.

    Raises:
        TypeError: if it is neither text nor a callable.
        ValueError: if it is other text.
    """
    if callable(importance) and not isinstance(importance, type):
        return
    if not isinstance(importance, str):
        raise TypeError(
            f"remove_channels: importance is {shown(importance)}; expected 'magnitude' or a "
            "callable ChannelGroup -> numbers, one for each channel."
        )
    check_choice("remove_channels: importance", importance, (_MAGNITUDE,))


def scores_of(
    flow: ChannelFlow, group: Segment, described: ChannelGroup, importance: Importance
) -> Reals:
    """The score of each channel of a group: float64 [channels], finite and >= 0.

    Of a group that cannot shrink these are ones.

    Args:
        flow: of the model.
        group: the root.
        described: the same, for a caller's function.
        importance: "magnitude", or a function of the group.

    Raises:
        ValueError: if a function does not give such scores (naming the group).
    """
    if not described.can_shrink:
        return np.ones(described.width)
    if callable(importance):
        return _checked(importance(described), described)
    return _magnitude(flow, group)


def _magnitude(flow: ChannelFlow, group: Segment) -> Reals:
    made, normalised, read = [], [], []
    for axis in flow.axes:
        squares = _squares(axis, group)
        if squares is None:
            continue
        inputs, outputs = flow.layers[id(axis.layer)]
        if isinstance(axis.layer, keras.layers.BatchNormalization):
            weight = axis.layer.weights[axis.weight]
            if any(weight is each for each in (axis.layer.gamma, axis.layer.beta)):
                normalised.append(squares)
        elif axis.channels is outputs and inputs is not outputs:
            if len(axis.layer.weights[axis.weight].shape) > 1:  # no bias
                made.append(squares)
        elif inputs is not outputs:
            read.append(squares)
    values = _total(normalised or made, group.size)
    return np.sqrt(values * _total(read, group.size))


def _squares(axis: WeightAxis, group: Segment) -> Reals | None:
    """The sum of squares of a weight that belong to each channel; None if none do."""
    if not any(segment.root is group for segment in axis.channels):
        return None
    weight = np.moveaxis(axis.layer.weights[axis.weight].numpy(), axis.axis, 0)
    along = np.square(weight.reshape(len(weight), -1), dtype=np.float64).sum(axis=1)
    total = np.zeros(group.size)
    ends = np.cumsum(sizes(axis.channels))
    for segment, end in zip(axis.channels, ends, strict=True):
        if segment.root is group:
            total += along[end - segment.size : end]
    return total


def _total(terms: Iterable[Reals], size: int) -> Reals:
    """The sum of the terms, each divided by its mean; ones if there are none but zeros."""
    total = np.zeros(size)
    for term in terms:
        mean = term.mean()
        if mean > 0:
            total += term / mean
    return total if total.any() else np.ones(size)


def _checked(values: npt.ArrayLike, group: ChannelGroup) -> Reals:
    scores = np.asarray(values)
    if scores.shape != (group.width,) or scores.dtype.kind not in "fiu":
        raise ValueError(
            f"remove_channels: importance gives {shown(values)} for group '{group.name}'; expected "
            f"{group.width} numbers, one for each channel."
        )
    if not (np.isfinite(scores) & (scores >= 0)).all():
        raise ValueError(
            f"remove_channels: importance gives numbers for group '{group.name}' that are negative "
            "or not finite; expected numbers >= 0."
        )
    return scores.astype(np.float64)
