# SPDX-License-Identifier: Apache-2.0
"""`strip`: a copy of a pruned model without its PrunedLayers, and without other wrappers."""

from __future__ import annotations

from typing import overload

import keras

from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.fake_quantization import LearnedRange
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers
from ubp.pruning.layers.quantized_layer import QuantizedLayer
from ubp.pruning.layers.walking import check_copyable


@overload
def strip(model: PrunedLayer) -> keras.layers.Layer: ...


@overload
def strip(model: keras.Model) -> keras.Model: ...


def strip(model: keras.Model | PrunedLayer) -> keras.Model | keras.layers.Layer:
    """An ordinary model with the outputs of the pruned one: its pruned weights are exactly zero.

    Of a model that trains for int8, the kernels are rounded, and the ranges of activations are
    `FakeQuantize` layers, which `ubp.quantize` and TensorFlow Lite's converter take up.

    The pruned model stays as it is and can be trained on. The copy is compiled as the pruned
    model is, with a fresh optimizer, where Keras can copy that (a warning says where not). See
    `ubp.prune` for an example.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.75), layers="hidden")
        >>> type(ubp.strip(pruned).get_layer("hidden")).__name__
        'Dense'

    Args:
        model: a model made by `ubp.prune`, trained or not, or one loaded from a file; or a single
            built layer that `ubp.prune` made.

    Returns:
        The copy of the model; of a pruned layer an ordinary one.

    Raises:
        TypeError: if it is neither a model nor a pruned layer.
        ValueError: if the model has no pruned layer, cannot be copied, or was to learn ranges for
            int8 and has seen no batch.
    """
    if isinstance(model, PrunedLayer):
        return _strip_layer(model)
    check_copyable(model, "strip")
    if not pruned_layers(model):
        raise ValueError(
            f"strip: model '{model.name}' has no pruned layer; expected a model from ubp.prune()."
        )
    return without_wrappers(model)


def without_wrappers(model: keras.Model) -> keras.Model:
    """A copy of ordinary layers that gives what the model gives in inference.

    Raises:
        ValueError: if a range has not been learned.
    """
    copied: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def unwrapped(layer: keras.Operation) -> keras.Operation:
        if isinstance(layer, LearnedRange):
            return layer.fixed()
        copy = copy_layer(layer.layer if isinstance(layer, PrunedLayer | QuantizedLayer) else layer)
        if isinstance(layer, keras.layers.Layer):
            copied.append((layer, copy))
        return copy

    stripped = copy_model(model, unwrapped)
    for layer, copy in copied:
        is_wrapped = isinstance(layer, PrunedLayer | QuantizedLayer)
        set_weights(copy, layer.stripped_weights() if is_wrapped else layer.get_weights())
    return stripped


def _strip_layer(layer: PrunedLayer) -> keras.layers.Layer:
    if not layer.built:
        raise ValueError(f"strip: layer '{layer.name}' is not built; call it on data first.")
    copy = copy_layer(layer.layer)
    copy.build_from_config(layer.get_build_config())
    copy.set_weights(layer.stripped_weights())
    return copy
