"""`strip`: from a pruned model to an ordinary Keras model with exact zeros."""

from __future__ import annotations

from typing import Any

import keras

from ubp.pruning.copying import check_copyable, copy_layer, copy_model, set_weights
from ubp.pruning.wrapper import PrunedLayer, pruned_layers


def strip(model: keras.Model | keras.layers.Layer) -> Any:
    """An ordinary model with the outputs of the pruned one: its pruned weights are exactly zero.

    The pruned model stays as it is and can be trained on. The copy is compiled as the pruned
    model is, with a fresh optimizer, where Keras can copy that (a warning says where not).

    Args:
        model: a model made by `ubp.prune`, trained or not, or one loaded from a file; or a single
            built layer that `ubp.prune` made.

    Raises:
        TypeError: if it is neither a model nor a pruned layer.
        ValueError: if the model has no pruned layer, or cannot be copied.
    """
    if isinstance(model, PrunedLayer):
        return _strip_layer(model)
    check_copyable(model, "strip")
    if not pruned_layers(model):
        raise ValueError(
            f"strip: model '{model.name}' has no pruned layer; expected a model from ubp.prune()."
        )
    copied: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def replace(layer: keras.Operation) -> keras.Operation:
        copy = copy_layer(layer.layer if isinstance(layer, PrunedLayer) else layer)
        if isinstance(layer, keras.layers.Layer):
            copied.append((layer, copy))
        return copy

    stripped = copy_model(model, replace)
    for layer, copy in copied:
        weights = (
            layer.stripped_weights() if isinstance(layer, PrunedLayer) else layer.get_weights()
        )
        set_weights(copy, weights)
    return stripped


def _strip_layer(layer: PrunedLayer) -> keras.layers.Layer:
    if not layer.built:
        raise ValueError(f"strip: layer '{layer.name}' is not built; call it on data first.")
    copy = copy_layer(layer.layer)
    copy.build_from_config(layer.get_build_config())
    copy.set_weights(layer.stripped_weights())
    return copy
