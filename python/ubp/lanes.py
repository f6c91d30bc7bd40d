# SPDX-License-Identifier: Apache-2.0
"""The view of a layer's weights that selection, pruning and conversion share: [lanes, channels].

A lane is everything one input value of the layer is multiplied with: for a convolution lane
k = (ky * kernel_w + kx) * in_channels + c, for a dense layer lane k is input feature k. A block of
size N is N consecutive output channels of one lane. Frameworks differ only in where they keep the
channel axes: Keras has the output channels last ([kh, kw, in, out] and [in, out]), TFLite first
([out, kh, kw, in] and [out, in]), and PyTorch has the input channels beside them ([out, in, kh, kw]
and [out, in], transposed convolutions [in, out, kh, kw]).

**Groups of lanes.** A block may have M lanes in place of one: those of M consecutive input channels
of one tap, the first of which is a multiple of M. So M divides the input channels, and the lanes
are groups of M, one after the other. As importance adds up, the best N x M blocks of a matrix are
the best N x 1 blocks of the matrix [lanes / M, channels] whose lanes are the sums of the groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_whole, is_whole, shown


def to_lanes(
    weights: npt.NDArray[Any], channel_axis: int, input_axis: int | None = None
) -> npt.NDArray[Any]:
    """View (or copy, where the layout forces it) weights as [lanes, channels].

    Args:
        weights: array of rank 2 or more, any dtype.
        channel_axis: the axis of the output channels: -1 for Keras, 0 for TFLite and PyTorch.
        input_axis: the axis of the input channels, 1 for PyTorch; None: the last of the others.

    Raises:
        ValueError: if the weights are no such array, or have no such axes.
    """
    _check_array("weights", weights)
    order = _order(weights.shape, channel_axis, input_axis)
    return weights.transpose(order).reshape(-1, weights.shape[channel_axis])


def from_lanes(
    matrix: npt.NDArray[Any],
    shape: tuple[int, ...],
    channel_axis: int,
    input_axis: int | None = None,
) -> npt.NDArray[Any]:
    """The inverse of `to_lanes`: bring [lanes, channels] back to `shape`.

    Raises:
        ValueError: if the shape is none or has no such axes, or the matrix does not have the lanes
            and channels of the shape.
    """
    _check_array("matrix", matrix)
    order = _order(shape, channel_axis, input_axis)
    channels = shape[channel_axis]
    lanes = math.prod(shape) // channels if channels else 0
    if matrix.shape != (lanes, channels):
        raise ValueError(
            f"from_lanes: a matrix of shape {matrix.shape} cannot become weights of shape {shape}; "
            f"expected ({lanes}, {channels})."
        )
    return matrix.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))


def input_channels(shape: tuple[int, ...], channel_axis: int, input_axis: int | None = None) -> int:
    """How many lanes one tap of these weights has, one after the other.

    Args:
        shape: of the weights, of rank 2 or more.
        channel_axis: the axis of the output channels.
        input_axis: as of `to_lanes`.

    Raises:
        ValueError: if the shape is none or has no such axes.
    """
    _check_axis("channel_axis", shape, channel_axis)
    if len(shape) < 2:
        raise ValueError(f"shape is {shown(shape)}; expected two sizes or more.")
    return shape[_order(shape, channel_axis, input_axis)[-2]]


def sum_lane_groups(matrix: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Add up the lanes of each group: [lanes, channels] -> [lanes / size, channels].

    Args:
        matrix: of any float dtype; for size 1 it is returned as it is, else the sums are float64.
        size: M, a divisor of the lanes.

    Raises:
        ValueError: if the matrix is none, or the size no such divisor.
    """
    _check_array("matrix", matrix)
    check_whole("size", size, 1)
    if len(matrix) % size:
        raise ValueError(f"size is {size}; expected a divisor of the matrix's {len(matrix)} lanes.")
    if size == 1:
        return matrix
    summed = matrix[::size].astype(np.float64)
    for offset in range(1, size):
        summed += matrix[offset::size]
    return summed


def spread_lane_groups(matrix: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Give each lane what its group has: [lanes / size, channels] -> [lanes, channels].

    Raises:
        ValueError: if the matrix is none, or the size no whole number of at least 1.
    """
    _check_array("matrix", matrix)
    check_whole("size", size, 1)
    return matrix if size == 1 else np.repeat(matrix, size, axis=0)


def _check_array(name: str, array: Any) -> None:
    if not isinstance(array, np.ndarray) or array.ndim < 2:
        raise ValueError(f"{name} is {shown(array)}; expected an array of rank 2 or more.")


def _order(shape: Any, channel_axis: Any, input_axis: Any) -> list[int]:
    """The axes of weights as [taps..., input channels, output channels]."""
    _check_axis("channel_axis", shape, channel_axis)
    channels = channel_axis % len(shape)
    order = [axis for axis in range(len(shape)) if axis != channels]
    if input_axis is not None:
        _check_axis("input_axis", shape, input_axis)
        if input_axis % len(shape) == channels:
            raise ValueError(
                f"input_axis is {input_axis}, which is channel_axis; expected another."
            )
        order.remove(input_axis % len(shape))
        order.append(input_axis % len(shape))
    return [*order, channels]


def _check_axis(name: str, shape: Any, axis: Any) -> None:
    if not isinstance(shape, Sequence) or not all(map(is_whole, shape)):
        raise ValueError(f"shape is {shown(shape)}; expected a tuple of sizes.")
    if not is_whole(axis) or not -len(shape) <= axis < len(shape):
        raise ValueError(f"{name} is {shown(axis)}; expected an axis of the shape {tuple(shape)}.")
