# SPDX-License-Identifier: Apache-2.0
"""QuantizedLayer: a layer that is not pruned, and sees its kernel as int8 will hold it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ubp.pruning.layers.rounding import rounded, rounded_weights
from ubp.pruning.layers.substitution import call_with


@keras.saving.register_keras_serializable(package="ubp")
class QuantizedLayer(keras.layers.Wrapper):
    """A layer whose kernels are rounded in the forward pass; see rounding.py.

    The stored values are not: training moves them. Made by `ubp.prune(..., quantize=...)`, which
    lets a PrunedLayer do the same for layers that it prunes.

    Args:
        layer: one that `has_kernel`.
        kwargs: `name`, `trainable` and `dtype`; by default those of `layer`.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        inherited = {"name": layer.name, "trainable": layer.trainable, "dtype": layer.dtype_policy}
        super().__init__(layer, **(inherited | kwargs))
        self.supports_masking = layer.supports_masking

    def call(self, inputs: Any) -> Any:
        """The wrapped layer's output, computed with rounded kernels."""
        axes = {id(weight.variable): weight.axes for weight in rounded_weights(self.layer)}
        values = [(each, ops.convert_to_tensor(each)) for each in self.layer.variables]
        seen = [
            (each, rounded(value, axes[id(each)]) if id(each) in axes else value)
            for each, value in values
        ]
        return call_with(self.layer, seen, inputs, self.add_loss)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the wrapped layer's output."""
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The wrapped layer's, which need not have a method `compute_output_shape`."""
        return self.layer.compute_output_spec(inputs)

    def stripped_weights(self) -> list[Any]:
        """The wrapped layer's weights as `set_weights` takes them, kernels rounded."""
        return rounded_values(self.layer, {id(each): each.numpy() for each in self.layer.weights})


def rounded_values(layer: keras.layers.Layer, values: dict[int, Any]) -> list[Any]:
    """The weights of a layer as `set_weights` takes them, kernels rounded.

    Args:
        layer: built.
        values: arrays, by the id of each of the layer's weights.
    """
    axes = {id(weight.variable): weight.axes for weight in rounded_weights(layer)}
    return [
        ops.convert_to_numpy(rounded(ops.convert_to_tensor(values[key]), axes[key]))
        if (key := id(weight)) in axes
        else values[key]
        for weight in layer.weights
    ]
