# SPDX-License-Identifier: Apache-2.0
"""`prune`: a copy of a model with PrunedLayers in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias, overload

import keras

from ubp.arguments import shown
from ubp.masking.given_masks import GivenMasks
from ubp.masking.importance import Importance, ImportanceFunction
from ubp.masking.patterns import Pattern
from ubp.masking.pruning_settings import DEFAULT_PATTERN, PruningSettings
from ubp.masking.schedules import AnySchedule
from ubp.masking.scopes import Scope
from ubp.masking.updates import update_at_step_zero
from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.cloning.quantizing import (
    QuantizedGraphs,
    check_quantizable,
    kernels_to_round,
    without_activation,
)
from ubp.pruning.layers.choice import Policy, check_alignment, choose_layers, why_not_pruned
from ubp.pruning.layers.given import LayerMasks, Masks, check_masks, layers_with_masks, read_masks
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers
from ubp.pruning.layers.quantized_layer import QuantizedLayer
from ubp.pruning.layers.replicas import replicas_of
from ubp.pruning.layers.walking import check_copyable
from ubp.pruning.settings.quantize_aware import QuantizeAware

_Layers: TypeAlias = Sequence[keras.layers.Layer]


@overload
def prune(
    model: keras.Model,
    schedule: AnySchedule | None = ...,
    pattern: Pattern = ...,
    method: str = ...,
    layers: Policy = ...,
    gradients: str = ...,
    importance: str | Importance | ImportanceFunction = ...,
    scope: str | Scope = ...,
    masks: Masks | None = ...,
    quantize: QuantizeAware | None = ...,
) -> keras.Model: ...


@overload
def prune(  # type: ignore[overload-cannot-match]  # Keras is untyped: Any to mypy
    model: keras.layers.Layer,
    schedule: AnySchedule,
    pattern: Pattern = ...,
    method: str = ...,
    layers: None = ...,
    gradients: str = ...,
    importance: str | Importance | ImportanceFunction = ...,
    scope: str | Scope = ...,
    masks: None = ...,
    quantize: None = ...,
) -> PrunedLayer: ...


@overload
def prune(  # type: ignore[overload-cannot-match]
    model: _Layers,
    schedule: AnySchedule,
    pattern: Pattern = ...,
    method: str = ...,
    layers: None = ...,
    gradients: str = ...,
    importance: str | Importance | ImportanceFunction = ...,
    scope: str | Scope = ...,
    masks: None = ...,
    quantize: None = ...,
) -> list[keras.layers.Layer]: ...


def prune(
    model: keras.Model | keras.layers.Layer | _Layers,
    schedule: AnySchedule | None = None,
    pattern: Pattern = DEFAULT_PATTERN,
    method: str = "optimal",
    layers: Policy = None,
    gradients: str = "masked",
    importance: str | Importance | ImportanceFunction = "magnitude",
    scope: str | Scope = "layer",
    masks: Masks | None = None,
    quantize: QuantizeAware | None = None,
) -> keras.Model | keras.layers.Layer | list[keras.layers.Layer]:
    """A copy of the model, with the same weights, that prunes itself as it trains.

    Train it with the callback `ubp.UpdatePruning()`, then take the result with `ubp.strip`. The
    masks that the schedule asks for at step 0 are already in place, so
    `ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.8)))` prunes without any training.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.75), layers="hidden")
        >>> kernel = ubp.strip(pruned).get_layer("hidden").get_weights()[0]
        >>> float(np.mean(kernel == 0))
        0.75

    The copy is compiled as the original is, with a fresh optimizer; if the original is not
    compiled, or Keras cannot copy its loss (a warning says so), compile the copy. The original
    stays as it is. The copy belongs to the `tf.distribute.Strategy` in whose scope the original was
    made, or, if in none, to that of the call; on JAX, `keras.distribution` spreads it as any model.
    docs/pruning.md says what each backend of Keras can do.

    In place of a model a layer may be given, built or not, or a list of layers: the result is a
    layer, or a list of layers, to make a model of. In a list, layers that have nothing to prune
    are copied as they are.

    Args:
        model: a built model of Keras 3, functional, Sequential or subclassed; may contain models.
        schedule: when masks are updated and to which sparsity: `ConstantSparsity`,
            `PolynomialDecay`, a schedule object of tensorflow-model-optimization, or a callable
            step -> sparsity or step -> (update due, sparsity). `ADMM` and
            `ReweightedRegularization` draw the kernels to blocks before they prune them. May be
            None where masks are given: these then stay.
        pattern: what is kept: `UnalignedBlock(block_size)`, `AlignedBlock(block_size)` or
            `Unstructured()`; for int8 `UnalignedBlock(2, lanes=4)`, blocks of 2 output channels and
            4 input channels.
        method: how blocks are chosen: "optimal", "bed", "greedy" or "aligned" (see
            `ubp.select_blocks`).
        layers: which layers of a model are pruned, and how; see `ubp.masking.choice`. None: every
            layer that can be, except the first convolution, the last layer with weights (the
            classifier), and layers that the blocks do not fit: of fewer output channels, or with
            input channels that are no multiple of a block's lanes. A name, a pattern such
            as "block_*", a layer, or a list of them: these. A mapping from such names to the
            sparsity, to a mapping of settings ({"pattern": UnalignedBlock(8), "sparsity": 0.9}) or
            to None (stays dense): the first that matches holds. A callable layer -> any of these
            values, or bool.
        gradients: "masked": pruned weights get no gradient; a mask update may take them back at the
            value they had. "straight_through": they get the gradient of a kept weight and may grow
            back. Either way they are zero in the forward pass, and in the kernels that files hold
            and that are read between epochs.
        importance: "magnitude", "squared", "gradient" or a callable; see
            `ubp.masking.importance`.
        scope: whose sparsity the schedule prescribes: "layer": every kernel's; "global": that of
            all kernels together; "latency": the share of their predicted time; or a `GlobalBudget`
            or `LatencyBudget`.
        masks: of a model, the masks to begin with, in place of an update at step 0: a model of the
            same layers, whose exact zeros are pruned (the model itself, say, if
            `ubp.prune_without_training` made it), or a mapping from names of layers to masks; see
            layers/given.py. They are of blocks of the pattern. The layers that have some are those
            that are pruned, unless `layers` says otherwise, and a layer without begins whole.
            Updates that the schedule has later replace them.
        quantize: `QuantizeAware()`: of a functional or Sequential model, train for int8, too: the
            copy is a functional model that computes as its int8 file will, see docs/int8.md.

    Returns:
        The copy of the model; of a layer a layer, of a list of layers a list.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if the model is not built or already pruned, if a layer that is named is unknown
            or cannot be pruned, if aligned blocks do not divide a layer's channels, if nothing
            is left to prune, if masks do not fit, or if an argument has an impossible value.
    """
    if schedule is None and masks is None:
        raise TypeError(
            "prune: neither schedule nor masks is given; expected a schedule, such as "
            "ubp.PolynomialDecay(0.0, 0.8, 0, 2000), or masks to keep."
        )
    arguments: dict[str, Any] = {
        "schedule": schedule if masks is None else GivenMasks(schedule),
        "pattern": pattern,
        "method": method,
        "gradients": gradients,
        "importance": importance,
        "scope": scope,
    }
    settings = PruningSettings(**arguments)
    if isinstance(model, keras.layers.Layer) and not isinstance(model, keras.Model):
        _check_for_models(layers, masks)
        _check_no_graph(quantize)
        _check_not_pruned(model)
        return _prune_layer(model, settings)
    if isinstance(model, list | tuple):
        _check_for_models(layers, masks)
        _check_no_graph(quantize)
        return _prune_list(model, settings)
    return _prune_model(model, settings, layers, masks, quantize)


def _prune_model(
    model: Any,
    settings: PruningSettings,
    policy: Policy,
    masks: Masks | None,
    quantize: QuantizeAware | None,
) -> keras.Model:
    check_copyable(model, "prune")
    if pruned_layers(model):
        raise ValueError(
            f"prune: model '{model.name}' is already pruned; call ubp.strip(model) first."
        )
    given = {} if masks is None else read_masks(model, masks)
    if given and policy is None:
        policy = layers_with_masks(model, given, settings)
    choices = choose_layers(model, settings, policy)
    check_masks(choices, given, model)
    chosen = {id(choice.layer): choice.settings for choice in choices}
    copied: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []
    rounded = set() if quantize is None else _kernels_to_round(model, quantize)

    def wrapped(layer: keras.Operation) -> keras.Operation:
        copy = copy_layer(layer)
        if not isinstance(layer, keras.layers.Layer):
            return copy
        copied.append((layer, copy))
        if id(layer) in rounded:
            copy = without_activation(copy)
        if id(layer) not in chosen:
            return QuantizedLayer(copy) if id(layer) in rounded else copy
        own = chosen[id(layer)] if masks is None else _beginning_with_masks(chosen[id(layer)])
        return PrunedLayer(copy, own, quantize=id(layer) in rounded)

    with replicas_of(model):
        graphs = None if quantize is None else QuantizedGraphs(quantize, model).copy
        pruned = copy_model(model, wrapped, copy_graph=graphs)
        for layer, copy in copied:
            set_weights(copy, layer.get_weights())
        _set_masks(pruned, {id(copy): given.get(id(layer), []) for layer, copy in copied})
        update_at_step_zero(pruned_layers(pruned))
    return pruned


def _beginning_with_masks(settings: PruningSettings) -> PruningSettings:
    """With no update at step 0; a layer may have a schedule of its own."""
    if isinstance(settings.schedule, GivenMasks):
        return settings
    return replace(settings, schedule=GivenMasks(settings.schedule))


def _set_masks(pruned: keras.Model, masks: LayerMasks) -> None:
    """Give kernels the masks that there are, by the id of the wrapped layer."""
    for layer in pruned_layers(pruned):
        for kernel, mask in zip(layer.kernels, masks[id(layer.layer)], strict=False):
            kernel.set_mask(mask)


def _prune_layer(layer: keras.layers.Layer, settings: PruningSettings) -> PrunedLayer:
    reason = why_not_pruned(layer, settings)
    if reason is not None:
        raise ValueError(f"prune: layer '{layer.name}' cannot be pruned: {reason}.")
    check_alignment(layer, settings)
    pruned = PrunedLayer(_copy_with_weights(layer), settings)
    if layer.built:
        pruned.build_from_config(layer.get_build_config())
        update_at_step_zero([pruned])
    return pruned


def _prune_list(
    layers: Sequence[keras.layers.Layer], settings: PruningSettings
) -> list[keras.layers.Layer]:
    pruned = []
    for layer in layers:
        if not isinstance(layer, keras.layers.Layer):
            raise TypeError(
                f"prune: the list holds a {type(layer).__name__}; expected Keras layers only."
            )
        if isinstance(layer, keras.Model):
            raise TypeError(
                f"prune: the list holds the model '{layer.name}'; expected layers only: prune the "
                "model by a call of its own."
            )
        _check_not_pruned(layer)
        can_be = why_not_pruned(layer, settings) is None
        pruned.append(_prune_layer(layer, settings) if can_be else _copy_with_weights(layer))
    if not any(isinstance(layer, PrunedLayer) for layer in pruned):
        raise ValueError("prune: none of the layers in the list can be pruned.")
    return pruned


def _copy_with_weights(layer: keras.layers.Layer) -> keras.layers.Layer:
    copy = copy_layer(layer)
    if layer.built:
        copy.build_from_config(layer.get_build_config())
        set_weights(copy, layer.get_weights())
    return copy


def _check_for_models(layers: Policy, masks: Masks | None) -> None:
    """Refuse what only a model has."""
    if layers is not None:
        raise ValueError(
            "prune: layers chooses among those of a model, but what is to be pruned is a layer, or "
            "a list of them; leave the argument out."
        )
    if masks is not None:
        raise ValueError(
            "prune: masks are those of a model, but what is to be pruned is a layer, or a list of "
            "them; prune the model that is made of it."
        )


def _check_no_graph(quantize: QuantizeAware | None) -> None:
    if quantize is not None:
        raise ValueError(
            "prune: quantize is for models, in whose graph ranges are learned, but what is to be "
            "pruned is a layer, or a list of them; leave the argument out."
        )


def _kernels_to_round(model: keras.Model, quantize: QuantizeAware) -> set[int]:
    if not isinstance(quantize, QuantizeAware):
        raise TypeError(
            f"prune: quantize is {shown(quantize)}; expected ubp.QuantizeAware() or None."
        )
    check_quantizable(model, quantize, "prune")
    return kernels_to_round(model, quantize)


def _check_not_pruned(layer: keras.layers.Layer) -> None:
    if isinstance(layer, PrunedLayer):
        raise ValueError(f"prune: layer '{layer.name}' is already pruned; call ubp.strip first.")
