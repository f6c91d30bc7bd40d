"""The one place that says which layers of a model are pruned, and why another is not."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ubp.pruning.copying import iterate_layers
from ubp.pruning.patterns import Pattern


def choose_layers(
    model: keras.Model, pattern: Pattern, method: str, names: Sequence[str] | None
) -> list[keras.layers.Layer]:
    """The layers to prune, in the order of the model.

    Without names: every Conv2D (not grouped) and Dense layer that has at least N output channels,
    except the first Conv2D and the last layer with weights, the classifier.

    Args:
        model: a built functional or Sequential model.
        pattern: the blocks that are to be kept.
        method: how they are chosen.
        names: names of layers, those of nested models included; None for the default.

    Raises:
        TypeError: if `names` is one string.
        ValueError: if a name is unknown, a named layer cannot be pruned, aligned blocks do not
            divide the channels of a layer, or nothing is left to prune.
    """
    layers = list(iterate_layers(model))
    chosen = _default(layers, pattern) if names is None else _named(layers, pattern, names)
    if not chosen:
        raise ValueError(
            f"prune: model '{model.name}' has no layer to prune; expected Conv2D or Dense layers "
            f"of at least {pattern.block_size} output channels, not counting the first convolution "
            "and the last layer with weights. Name layers with layers=[...] to prune those too."
        )
    for layer in chosen:
        _check_alignment(layer, pattern, method)
    return chosen


def _default(layers: Sequence[keras.layers.Layer], pattern: Pattern) -> list[keras.layers.Layer]:
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    weighted = [layer for layer in layers if layer.weights]
    dense = {id(layer) for layer in (*convolutions[:1], *weighted[-1:])}
    return [
        layer
        for layer in layers
        if id(layer) not in dense and why_not_pruned(layer, pattern) is None
    ]


def _named(
    layers: Sequence[keras.layers.Layer], pattern: Pattern, names: Sequence[str]
) -> list[keras.layers.Layer]:
    if isinstance(names, str):
        raise TypeError(f"prune: layers is the string {names!r}; expected a list of layer names.")
    unknown = sorted(set(names) - {layer.name for layer in layers})
    if unknown:
        raise ValueError(
            f"prune: the model has no layer named {unknown[0]!r}; its layers with weights are "
            f"{', '.join(layer.name for layer in layers if layer.weights)}."
        )
    chosen = [layer for layer in layers if layer.name in names]
    for layer in chosen:
        reason = why_not_pruned(layer, pattern)
        if reason is not None:
            raise ValueError(
                f"prune: layer '{layer.name}' cannot be pruned: {reason}. Take it out of layers."
            )
    return chosen


def why_not_pruned(layer: keras.layers.Layer, pattern: Pattern) -> str | None:
    """Why this layer cannot be pruned with this pattern, or None if it can."""
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return f"it is a {type(layer).__name__}; only Conv2D and Dense layers are pruned"
    if getattr(layer, "groups", 1) != 1:
        return f"it is a convolution of {layer.groups} groups; only ungrouped ones are pruned"
    if not isinstance(layer.kernel, keras.Variable):
        return "its kernel is not a plain variable (LoRA or quantisation is enabled)"
    channels = layer.kernel.shape[-1]
    if channels < pattern.block_size:
        return f"it has {channels} output channels, fewer than a block of {pattern.block_size}"
    return None


def _check_alignment(layer: keras.layers.Layer, pattern: Pattern, method: str) -> None:
    n, channels = pattern.block_size, layer.kernel.shape[-1]
    if pattern.resolve_method(method) == "aligned" and channels % n:
        raise ValueError(
            f"prune: layer '{layer.name}' has {channels} output channels, not a multiple of {n}: "
            f"aligned blocks could never keep the last {channels % n}. Use UnalignedBlock({n}), "
            "or name the other layers with layers=[...]."
        )
