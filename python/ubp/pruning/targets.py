"""The one place that says which layers can be pruned with which settings, and why others cannot."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers as keras_layers

from ubp.pruning.prunable import channel_counts, obstacle
from ubp.pruning.settings import PruningSettings

_FIRST = (keras_layers.Conv1D, keras_layers.Conv2D)  # of which the first stays dense by default


def why_not_pruned(layer: keras.layers.Layer, settings: PruningSettings) -> str | None:
    """Why this layer cannot be pruned with these settings, or None if it can.

    Of a custom layer that is not built only its kind is known.
    """
    reason = obstacle(layer)
    if reason is not None:
        return reason
    try:
        counts = channel_counts(layer)
    except ValueError as error:
        return str(error)
    size = settings.pattern.block_size
    for channels in counts:
        if channels < size:
            return f"it has {channels} output channels, fewer than a block of {size}"
    return None


def dense_by_default(layers: Sequence[keras.layers.Layer]) -> dict[int, str]:
    """By id, the layers that a model's default leaves dense though they could be pruned, and why.

    They cost much accuracy for little: the first sees few lanes, the last decides.

    Args:
        layers: all of the model, in its order.
    """
    first = [layer for layer in layers if isinstance(layer, _FIRST)][:1]
    last = [layer for layer in layers if layer.weights][-1:]
    return {id(layer): "it is the first convolution" for layer in first} | {
        id(layer): "it is the last layer with weights" for layer in last
    }


def check_alignment(layer: keras.layers.Layer, settings: PruningSettings) -> None:
    """Refuse aligned blocks in a layer whose last channels they could never keep.

    Raises:
        ValueError: if N does not divide the channels.
    """
    size = settings.pattern.block_size
    if settings.pattern.resolve_method(settings.method) != "aligned":
        return
    for channels in channel_counts(layer):
        if channels % size:
            raise ValueError(
                f"prune: layer '{layer.name}' has {channels} output channels, not a multiple of "
                f"{size}: aligned blocks could never keep the last {channels % size}. Use "
                f"UnalignedBlock({size}), or leave this layer out of those that are pruned."
            )
