# SPDX-License-Identifier: Apache-2.0
"""Kernels as int8 holds them: the one place that knows which weights are rounded, and how.

A value is rounded to one of 255, k * scale with k from -127 to 127, where scale is the largest
absolute value of the output channel divided by 127: symmetric, of narrow range, so that zero stays
zero (Jacob et al., arXiv 1712.05877, section 3; Krishnamoorthi, arXiv 1806.08342, section 2). This
is what TensorFlow Lite's converter does to a constant; of values that are rounded already it makes
the same integers again.

Batch normalisation needs nothing: that it is folded into the layer in front multiplies a channel's
values, its scale among them, by one number, and the integers stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import layers, ops

_LARGEST = 127  # of the integers; -128 is not used


class RoundedWeight(NamedTuple):
    """A weight of a built layer that is rounded.

    axes: along which its values share a scale: all but those of the output channels.
    """

    variable: keras.Variable
    axes: tuple[int, ...]


_Find = Callable[[Any], list[tuple[Any, tuple[int, ...]]]]  # weights, with the axes of channels


def _kernel(layer: Any) -> list[tuple[Any, tuple[int, ...]]]:
    return [(layer.kernel, (-1,))]


def _transposed_kernel(layer: Any) -> list[tuple[Any, tuple[int, ...]]]:
    return [(layer.kernel, (-2,))]  # [..., out, in]


def _depthwise_kernel(layer: Any) -> list[tuple[Any, tuple[int, ...]]]:
    return [(layer.kernel, (-2, -1))]  # [..., in, multiplier], which are in * multiplier channels


def _separable_kernels(layer: Any) -> list[tuple[Any, tuple[int, ...]]]:
    return [(layer.depthwise_kernel, (-2, -1)), (layer.pointwise_kernel, (-1,))]


_OF_KERAS: dict[type[keras.layers.Layer], _Find] = {
    layers.Dense: _kernel,
    layers.Conv1D: _kernel,
    layers.Conv2D: _kernel,
    layers.Conv1DTranspose: _transposed_kernel,
    layers.Conv2DTranspose: _transposed_kernel,
    layers.DepthwiseConv1D: _depthwise_kernel,
    layers.DepthwiseConv2D: _depthwise_kernel,
    layers.SeparableConv1D: _separable_kernels,
    layers.SeparableConv2D: _separable_kernels,
}


def has_kernel(layer: keras.Operation) -> bool:
    """Whether this is a layer, built or not, whose kernel int8 operators hold."""
    return isinstance(layer, tuple(_OF_KERAS))


def rounded_weights(layer: keras.layers.Layer) -> list[RoundedWeight]:
    """The weights of a built layer that `has_kernel`; of any other, none."""
    find = next((find for kind, find in _OF_KERAS.items() if isinstance(layer, kind)), None)
    found = [] if find is None else find(layer)
    return [RoundedWeight(variable, _others(variable, kept)) for variable, kept in found]


def rounded(values: Any, axes: tuple[int, ...]) -> Any:
    """A tensor, each value rounded to the nearest of its channel's 255, ties to even.

    The gradient passes as if there were no rounding (straight through).
    """
    largest = ops.max(ops.abs(values), axis=axes, keepdims=True)
    scale = ops.where(largest > 0, largest, ops.ones_like(largest)) / _LARGEST
    nearest = ops.round(values / scale) * scale
    return values + ops.stop_gradient(nearest - values)  # zero where the bracket is -values


def _others(variable: keras.Variable, axes: tuple[int, ...]) -> tuple[int, ...]:
    rank = len(variable.shape)
    kept = {axis % rank for axis in axes}
    return tuple(axis for axis in range(rank) if axis not in kept)
