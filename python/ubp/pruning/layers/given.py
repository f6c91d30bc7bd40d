# SPDX-License-Identifier: Apache-2.0
"""Masks that a caller gives: the argument `masks` of `ubp.prune`.

a model                 of the same layers: its exact zeros are what is pruned, as in the result
                        of `ubp.prune_without_training`; may be the model itself
{name of a layer: mask} a mask is bool, True: weight kept, of the kernel's shape or
                        [lanes, channels], or a `ubp.Selection`; of a layer with several
                        kernels, a list of these
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from ubp.arguments import shown
from ubp.lanes import input_channels, to_lanes
from ubp.masking.patterns import Mask, Unstructured
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.schedules import ConstantSparsity
from ubp.pruning.layers.choice import Choice, why_not_pruned
from ubp.pruning.layers.prunable import PrunableWeight, prunable_weights
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.layers.walking import check_copyable, iterate_layers
from ubp.selection import Selection

_Given: TypeAlias = npt.NDArray[np.bool_] | Selection
Masks: TypeAlias = keras.Model | Mapping[str, _Given | Sequence[_Given]]
LayerMasks: TypeAlias = Mapping[int, list[Mask]]  # by the layer's id, of each of its kernels

_ANY = PruningSettings(ConstantSparsity(0.0), Unstructured())  # of which only the pattern counts


def read_masks(model: keras.Model, masks: Masks) -> LayerMasks:
    """The masks [lanes, channels] of those layers of a model that have some.

    Args:
        model: a built model.
        masks: see above.

    Raises:
        TypeError: if the masks are of the wrong kind.
        ValueError: if they do not fit the model, or there are none.
    """
    if isinstance(masks, keras.Model):
        return _zeros_of(model, masks)
    if not isinstance(masks, Mapping):
        raise TypeError(
            f"prune: masks is {shown(masks)}; expected a model with zeros in its kernels, or a "
            "mapping from names of layers to masks."
        )
    if not masks:
        raise ValueError("prune: masks is empty; expected a mask for each layer to prune.")
    return dict(_named(model, name, value) for name, value in masks.items())


def layers_with_masks(
    model: keras.Model, masks: LayerMasks, settings: PruningSettings
) -> list[keras.layers.Layer]:
    """The layers that are pruned where a caller names none.

    Raises:
        ValueError: if one of them cannot be pruned with these settings.
    """
    layers = [layer for layer in iterate_layers(model) if id(layer) in masks]
    for layer in layers:
        reason = why_not_pruned(layer, settings)
        if reason is not None:
            raise ValueError(
                f"prune: masks has zeros for layer '{layer.name}', which cannot be pruned: "
                f"{reason}. Name the layers to prune with layers=[...], or give another pattern."
            )
    return layers


def check_masks(choices: Sequence[Choice], masks: LayerMasks, model: keras.Model) -> None:
    """Refuse masks that do not fit the layers that are chosen.

    Raises:
        ValueError: if a layer with masks is not among them, or a mask is not made of blocks of
            the layer's pattern (naming the layer).
    """
    chosen = {id(choice.layer) for choice in choices}
    for layer in iterate_layers(model):
        if id(layer) in masks and id(layer) not in chosen:
            raise ValueError(
                f"prune: masks has zeros for layer '{layer.name}', which layers leaves dense; "
                "name it in layers, too, or give no mask for it."
            )
    for choice in choices:
        for mask in masks.get(id(choice.layer), []):
            _check_blocks(choice, mask)


def _zeros_of(model: keras.Model, sparse: keras.Model) -> dict[int, list[Mask]]:
    """Of the layers that have zeros in the other model, where these are."""
    check_copyable(sparse, "prune: masks")
    if pruned_layers(sparse):
        raise ValueError(
            f"prune: masks is the model '{sparse.name}', which is pruned by ubp.prune; give "
            "ubp.strip(...) of it."
        )
    layers, others = _prunable(model), _prunable(sparse)
    if [_shapes(layer) for layer in layers] != [_shapes(layer) for layer in others]:
        raise ValueError(
            f"prune: masks is the model '{sparse.name}', whose layers have other kernels than "
            f"those of '{model.name}'; expected a model of the same layers."
        )
    found: dict[int, list[Mask]] = {}
    for layer, other in zip(layers, others, strict=True):
        kernels = [
            to_lanes(each.variable.numpy(), each.channel_axis) for each in prunable_weights(other)
        ]
        if not all(np.all(kernel) for kernel in kernels):
            found[id(layer)] = [kernel != 0 for kernel in kernels]
    if not found:
        raise ValueError(
            f"prune: masks is the model '{sparse.name}', which has no zero in a kernel that can "
            "be pruned."
        )
    return found


def _named(model: keras.Model, name: str, value: Any) -> tuple[int, list[Mask]]:
    """The layer of this name, by its id, and its masks."""
    layers = [layer for layer in iterate_layers(model) if layer.name == name]
    if len(layers) != 1:
        known = ", ".join(layer.name for layer in _prunable(model))
        raise ValueError(
            f"prune: masks names {shown(name)}, and the model has {len(layers)} layers of that "
            f"name; expected names of one layer each; those that can be pruned are {known}."
        )
    (layer,) = layers
    reason = why_not_pruned(layer, _ANY)
    if reason is not None:
        raise ValueError(
            f"prune: masks names layer '{name}', which cannot be pruned: {reason}. Take it out of "
            "masks."
        )
    weights = prunable_weights(layer)
    given = list(value) if isinstance(value, list | tuple) else [value]
    if len(given) != len(weights):
        raise ValueError(
            f"prune: masks has {len(given)} masks for layer '{name}'; expected {len(weights)}, one "
            "for each of its kernels."
        )
    return id(layer), [_mask(name, *pair) for pair in zip(weights, given, strict=True)]


def _mask(name: str, weight: PrunableWeight, given: Any) -> Mask:
    """One mask as [lanes, channels]."""
    mask = given.mask() if isinstance(given, Selection) else given
    shape, axis = tuple(weight.variable.shape), weight.channel_axis
    channels = shape[axis]
    matrix = (int(np.prod(shape)) // channels, channels)
    if (
        not isinstance(mask, np.ndarray)
        or mask.dtype != np.bool_
        or mask.shape
        not in {
            shape,
            matrix,
        }
    ):
        found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else shown(mask)
        raise ValueError(
            f"prune: masks has {found} for layer '{name}'; expected bool of the kernel's shape "
            f"{shape}, or [lanes, channels], {matrix}, or a Selection."
        )
    return mask.copy() if mask.shape == matrix else to_lanes(mask, axis).copy()


def _check_blocks(choice: Choice, mask: Mask) -> None:
    """Refuse a mask that is not of the pattern."""
    settings = choice.settings
    method = settings.pattern.resolve_method(settings.method)
    weight = prunable_weights(choice.layer)[0]
    inputs = input_channels(tuple(weight.variable.shape), weight.channel_axis)
    fault = None if mask.all() else settings.pattern.fault(mask, method, inputs)
    if fault is not None:
        raise ValueError(
            f"prune: masks: that of layer '{choice.layer.name}' is not made of blocks of "
            f"{settings.pattern}: {fault}. Give the pattern that it was made with, or "
            "Unstructured()."
        )


def _prunable(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers that can be pruned, in blocks of any size."""
    return [layer for layer in iterate_layers(model) if why_not_pruned(layer, _ANY) is None]


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.variable.shape) for weight in prunable_weights(layer)]
