"""`prune` and `strip`: a copy of a model with PrunedLayers in it, and a copy without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, overload

import keras

from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.choice import Policy, check_alignment, choose_layers, why_not_pruned
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers
from ubp.pruning.layers.replicas import replicas_of
from ubp.pruning.layers.walking import check_copyable
from ubp.pruning.settings.importance import Importance, ImportanceFunction
from ubp.pruning.settings.patterns import Pattern
from ubp.pruning.settings.pruning_settings import DEFAULT_PATTERN, PruningSettings
from ubp.pruning.settings.schedules import AnySchedule
from ubp.pruning.settings.scopes import Scope
from ubp.pruning.training.updates import update_at_step_zero

_Layers: TypeAlias = Sequence[keras.layers.Layer]


@overload
def prune(
    model: keras.Model,
    schedule: AnySchedule,
    pattern: Pattern = ...,
    method: str = ...,
    layers: Policy = ...,
    gradients: str = ...,
    importance: str | Importance | ImportanceFunction = ...,
    scope: str | Scope = ...,
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
) -> list[keras.layers.Layer]: ...


def prune(
    model: keras.Model | keras.layers.Layer | _Layers,
    schedule: AnySchedule,
    pattern: Pattern = DEFAULT_PATTERN,
    method: str = "optimal",
    layers: Policy = None,
    gradients: str = "masked",
    importance: str | Importance | ImportanceFunction = "magnitude",
    scope: str | Scope = "layer",
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
    made, or, if in none, to that of the call.

    In place of a model a layer may be given, built or not, or a list of layers: the result is a
    layer, or a list of layers, to make a model of. In a list, layers that have nothing to prune
    are copied as they are.

    Args:
        model: a built model of Keras 3, functional, Sequential or subclassed; may contain models.
        schedule: when masks are updated and to which sparsity: `ConstantSparsity`,
            `PolynomialDecay`, a schedule object of tensorflow-model-optimization, or a callable
            step -> sparsity or step -> (update due, sparsity). `ADMM` and
            `ReweightedRegularization` draw the kernels to blocks before they prune them.
        pattern: what is kept: `UnalignedBlock(block_size)`, `AlignedBlock(block_size)` or
            `Unstructured()`.
        method: how blocks are chosen: "optimal", "bed", "greedy" or "aligned" (see
            `ubp.select_blocks`).
        layers: which layers of a model are pruned, and how; see layers/choice.py. None: every
            layer that can be, except the first convolution, the last layer with weights (the
            classifier), and layers with fewer output channels than a block. A name, a pattern such
            as "block_*", a layer, or a list of them: these. A mapping from such names to the
            sparsity, to a mapping of settings ({"pattern": UnalignedBlock(8), "sparsity": 0.9}) or
            to None (stays dense): the first that matches holds. A callable layer -> any of these
            values, or bool.
        gradients: "masked": pruned weights get no gradient; a mask update may take them back at the
            value they had. "straight_through": they get the gradient of a kept weight and may grow
            back. Either way they are zero in the forward pass, and in the kernels that files hold
            and that are read between epochs.
        importance: "magnitude", "squared", "gradient" or a callable; see
            settings/importance.py.
        scope: whose sparsity the schedule prescribes: "layer": every kernel's; "global": that of
            all kernels together; "latency": the share of their predicted time; or a `GlobalBudget`
            or `LatencyBudget`.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if the model is not built or already pruned, if a layer that is named is unknown
            or cannot be pruned, if aligned blocks do not divide a layer's channels, if nothing
            is left to prune, or if an argument has an impossible value.
    """
    arguments: dict[str, Any] = {
        "schedule": schedule,
        "pattern": pattern,
        "method": method,
        "gradients": gradients,
        "importance": importance,
        "scope": scope,
    }
    settings = PruningSettings(**arguments)
    if isinstance(model, keras.layers.Layer) and not isinstance(model, keras.Model):
        _check_no_policy(layers)
        _check_not_pruned(model)
        return _prune_layer(model, settings)
    if isinstance(model, list | tuple):
        _check_no_policy(layers)
        return _prune_list(model, settings)
    return _prune_model(model, settings, layers)


def _prune_model(model: Any, settings: PruningSettings, policy: Policy) -> keras.Model:
    check_copyable(model, "prune")
    if pruned_layers(model):
        raise ValueError(
            f"prune: model '{model.name}' is already pruned; call ubp.strip(model) first."
        )
    chosen = {id(choice.layer): choice for choice in choose_layers(model, settings, policy)}
    copied: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def replace(layer: keras.Operation) -> keras.Operation:
        copy = copy_layer(layer)
        if not isinstance(layer, keras.layers.Layer):
            return copy
        copied.append((layer, copy))
        if id(layer) not in chosen:
            return copy
        return PrunedLayer(copy, chosen[id(layer)].settings)

    with replicas_of(model):
        pruned = copy_model(model, replace)
        for layer, copy in copied:
            set_weights(copy, layer.get_weights())
        update_at_step_zero(pruned_layers(pruned))
    return pruned


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


def _check_no_policy(layers: Policy) -> None:
    if layers is not None:
        raise ValueError(
            "prune: layers chooses among those of a model, but what is to be pruned is a layer, or "
            "a list of them; leave the argument out."
        )


def _check_not_pruned(layer: keras.layers.Layer) -> None:
    if isinstance(layer, PrunedLayer):
        raise ValueError(f"prune: layer '{layer.name}' is already pruned; call ubp.strip first.")


@overload
def strip(model: PrunedLayer) -> keras.layers.Layer: ...


@overload
def strip(model: keras.Model) -> keras.Model: ...


def strip(model: keras.Model | PrunedLayer) -> keras.Model | keras.layers.Layer:
    """An ordinary model with the outputs of the pruned one: its pruned weights are exactly zero.

    The pruned model stays as it is and can be trained on. The copy is compiled as the pruned
    model is, with a fresh optimizer, where Keras can copy that (a warning says where not). See
    `ubp.prune` for an example.

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
