"""The view of a layer's weights that selection, pruning and conversion share: [lanes, channels].

A lane is everything one input value of the layer is multiplied with: for a convolution lane
k = (ky * kernel_w + kx) * in_channels + c, for a dense layer lane k is input feature k. A block of
size N is N consecutive output channels of one lane. Frameworks differ only in where they keep the
output-channel axis: Keras last ([kh, kw, in, out] and [in, out]), TFLite first ([out, kh, kw, in]
and [out, in]).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import is_whole, shown


def to_lanes(weights: npt.NDArray[Any], channel_axis: int) -> npt.NDArray[Any]:
    """View (or copy, where the layout forces it) weights as [lanes, channels].

    Args:
        weights: array of rank 2 or more, any dtype.
        channel_axis: the axis of the output channels: -1 for Keras, 0 for TFLite.

    Raises:
        ValueError: if the weights are no such array, or have no such axis.
    """
    _check_array("weights", weights)
    _check_axis(weights.shape, channel_axis)
    return np.moveaxis(weights, channel_axis, -1).reshape(-1, weights.shape[channel_axis])


def from_lanes(
    matrix: npt.NDArray[Any], shape: tuple[int, ...], channel_axis: int
) -> npt.NDArray[Any]:
    """The inverse of `to_lanes`: bring [lanes, channels] back to `shape`.

    Raises:
        ValueError: if the shape is none or has no such axis, or the matrix does not have the lanes
            and channels of the shape.
    """
    _check_array("matrix", matrix)
    _check_axis(shape, channel_axis)
    channels = shape[channel_axis]
    lanes = math.prod(shape) // channels if channels else 0
    if matrix.shape != (lanes, channels):
        raise ValueError(
            f"from_lanes: a matrix of shape {matrix.shape} cannot become weights of shape {shape}; "
            f"expected ({lanes}, {channels})."
        )
    moved = list(shape)
    moved.append(moved.pop(channel_axis))
    return np.moveaxis(matrix.reshape(moved), -1, channel_axis)


def _check_array(name: str, array: Any) -> None:
    if not isinstance(array, np.ndarray) or array.ndim < 2:
        raise ValueError(f"{name} is {shown(array)}; expected an array of rank 2 or more.")


def _check_axis(shape: Any, axis: Any) -> None:
    if not isinstance(shape, Sequence) or not all(map(is_whole, shape)):
        raise ValueError(f"shape is {shown(shape)}; expected a tuple of sizes.")
    if not is_whole(axis) or not -len(shape) <= axis < len(shape):
        raise ValueError(
            f"channel_axis is {shown(axis)}; expected an axis of the shape {tuple(shape)}."
        )
