# SPDX-License-Identifier: Apache-2.0
"""The one place that knows which weights of a layer can be pruned, and along which axis.

Keras's own layers are listed here. A custom layer takes part by a method of tensorflow-model-
optimization's name:

    def get_prunable_weights(self):
        return [self.kernel]             # output channels last, as in Dense and Conv2D
        return [(self.kernel, -2)]       # output channels on another axis
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import layers

from ubp.lanes import input_channels


class PrunableWeight(NamedTuple):
    """A weight of a built layer, and the axis of its output channels (negative)."""

    variable: keras.Variable
    channel_axis: int


_Find = Callable[[Any], Sequence[Any]]


def _kernel(layer: Any) -> Sequence[Any]:
    return [layer.kernel]


def _transposed_kernel(layer: Any) -> Sequence[Any]:
    return [(layer.kernel, -2)]  # [..., out, in]


def _pointwise_kernel(layer: Any) -> Sequence[Any]:
    return [layer.pointwise_kernel]


_OF_KERAS: dict[type[keras.layers.Layer], _Find] = {
    layers.Dense: _kernel,
    layers.Conv1D: _kernel,
    layers.Conv2D: _kernel,
    layers.Conv1DTranspose: _transposed_kernel,
    layers.Conv2DTranspose: _transposed_kernel,
    layers.SeparableConv1D: _pointwise_kernel,
    layers.SeparableConv2D: _pointwise_kernel,
}
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose)
_NAMES = ", ".join(kind.__name__ for kind in _OF_KERAS)


def obstacle(layer: keras.layers.Layer) -> str | None:
    """Why no weight of this layer, built or not, can be pruned; None if one can."""
    if _find(layer) is None:
        kind = type(layer).__name__
        if "Depthwise" in kind:
            return f"it is a {kind}, each of whose channels has a few weights of its own: no blocks"
        if layer.built and all(len(weight.shape) < 2 for weight in layer.weights):
            return f"it is a {kind}, which has no kernel"
        return (
            f"it is a {kind}; expected {_NAMES}, or a layer that has the method "
            "get_prunable_weights()"
        )
    groups = getattr(layer, "groups", 1)
    if groups != 1:
        return f"it is a convolution of {groups} groups; only ungrouped ones are pruned"
    inputs = _required_arguments(layer)
    if len(inputs) > 1:
        return (
            f"its call() takes {len(inputs)} arguments, {', '.join(inputs)}; only layers that take "
            "one (which may be a list) are pruned"
        )
    return None


def prunable_weights(layer: keras.layers.Layer) -> list[PrunableWeight]:
    """The weights of a built layer that can be pruned.

    Args:
        layer: one without an `obstacle`.

    Raises:
        ValueError: why they cannot be, in words that follow the layer's name: a weight is not a
            plain float variable of the layer, of rank 2 or more, its axis of channels is out
            of range, or none is named.
    """
    find = _find(layer)
    assert find is not None
    found = find(layer)
    if not isinstance(found, Sequence) or not found:
        shown = "no weight" if isinstance(found, Sequence) else f"a {type(found).__name__}"
        raise ValueError(
            f"its method get_prunable_weights() returned {shown}; expected a list of weights"
        )
    weights = [_checked(entry) for entry in found]
    for weight in weights:
        if not any(own is weight.variable for own in layer.weights):
            raise ValueError(
                f"its method get_prunable_weights() returned '{weight.variable.path}', which is "
                "not one of its weights"
            )
    return weights


def transposed_strides(layer: keras.layers.Layer) -> tuple[int, ...]:
    """The strides of a transposed convolution; of any other layer ()."""
    return tuple(layer.strides) if isinstance(layer, _TRANSPOSED) else ()


def channel_counts(layer: keras.layers.Layer) -> list[int]:
    """Output channels of each weight that can be pruned; of a custom layer only once it is built.

    Args:
        layer: one without an `obstacle`.

    Raises:
        ValueError: as `prunable_weights`.
    """
    if layer.built:
        return [each.variable.shape[each.channel_axis] for each in prunable_weights(layer)]
    count = getattr(layer, "units", None) or getattr(layer, "filters", None)
    return [count] if isinstance(layer, tuple(_OF_KERAS)) and count is not None else []


def input_counts(layer: keras.layers.Layer) -> list[int]:
    """Input channels of each weight of a built layer that can be pruned.

    Raises:
        ValueError: as `prunable_weights`.
    """
    weights = prunable_weights(layer)
    return [input_channels(tuple(each.variable.shape), each.channel_axis) for each in weights]


def _find(layer: keras.Operation) -> _Find | None:
    if callable(getattr(layer, "get_prunable_weights", None)):
        return lambda own: own.get_prunable_weights()
    return next((find for kind, find in _OF_KERAS.items() if isinstance(layer, kind)), None)


def _required_arguments(layer: keras.layers.Layer) -> list[str]:
    """The names of the arguments of `call` that have no default."""
    parameters = inspect.signature(layer.call).parameters.values()
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in parameters if each.kind in named and each.default is each.empty]


def _checked(entry: Any) -> PrunableWeight:
    variable, axis = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, -1)
    if not isinstance(variable, keras.Variable) or not isinstance(axis, int):
        raise ValueError(
            f"its kernel is not a plain variable, but {type(entry).__name__} (LoRA is enabled, or "
            "get_prunable_weights() gave something else than variables and pairs (variable, axis))"
        )
    if not keras.backend.is_float_dtype(variable.dtype):
        raise ValueError(
            f"its weight '{variable.name}' is {variable.dtype}; expected a float type (quantise "
            "after pruning)"
        )
    rank = len(variable.shape)
    if rank < 2 or not -rank <= axis < rank:
        raise ValueError(
            f"its weight '{variable.name}' has the shape {tuple(variable.shape)} and output "
            f"channels on axis {axis}; expected two axes or more, and one of them"
        )
    return PrunableWeight(variable, axis if axis < 0 else axis - rank)
