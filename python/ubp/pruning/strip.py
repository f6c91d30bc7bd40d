"""`strip`: from a pruned model to an ordinary Keras model with exact zeros."""

from __future__ import annotations

import keras

from ubp.pruning.copying import check_copyable, copy_layer, copy_model
from ubp.pruning.wrapper import PrunedLayer, pruned_layers


def strip(model: keras.Model) -> keras.Model:
    """An ordinary model with the outputs of the pruned one: its pruned weights are exactly zero.

    The pruned model stays as it is and can be trained on. The copy is compiled as the pruned
    model is, with a fresh optimizer, where Keras can copy that (a warning says where not).

    Args:
        model: a model made by `ubp.prune`, trained or not, or one loaded from a file.

    Raises:
        TypeError: if the model is not a functional or Sequential model of Keras 3.
        ValueError: if the model has no pruned layer.
    """
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
        if isinstance(layer, PrunedLayer):
            copy.set_weights(layer.layer.get_weights())
            copy.kernel.assign(layer.masked_kernel())
        else:
            copy.set_weights(layer.get_weights())
    return stripped
