"""Policies: the argument `layers` of `ubp.prune`, which layers of a model are pruned, and how.

    None                        the default, see `targets.dense_by_default`
    "conv_2", "block_*", layer  a name, a pattern of names as in a shell, or a layer of the model
    [...]                       any number of these
    {name or pattern: value}    the first that matches a layer decides what becomes of it
    callable layer -> value     asked for every layer that can be pruned

    value   True: prune it with the settings of `ubp.prune`; None or False: leave it dense;
            a number: the sparsity it is to reach; a mapping: settings to replace

A layer that is named must be prunable; a pattern passes over those that are not. Naming layers
overrides the default: the first convolution and the classifier are pruned if they match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeAlias

import keras

from ubp.pruning.copying import iterate_layers
from ubp.pruning.settings import PruningSettings
from ubp.pruning.targets import check_alignment, dense_by_default, why_not_pruned

Value = bool | float | Mapping[str, Any] | None
_Which: TypeAlias = str | keras.layers.Layer
Policy: TypeAlias = (
    _Which | Sequence[_Which] | Mapping[str, Value] | Callable[[keras.layers.Layer], Value] | None
)


class Choice(NamedTuple):
    """A layer that is pruned, and how."""

    layer: keras.layers.Layer
    settings: PruningSettings


def choose_layers(model: keras.Model, settings: PruningSettings, policy: Policy) -> list[Choice]:
    """The layers to prune, in the order of the model.

    Args:
        model: a built model.
        settings: of layers for which the policy says nothing else.
        policy: see above.

    Raises:
        TypeError: if the policy or one of its values is of the wrong kind.
        ValueError: if a name is unknown or a pattern matches nothing that can be pruned, a named
            layer cannot be pruned, aligned blocks do not divide the channels of a layer, or
            nothing is left to prune.
    """
    layers = list(iterate_layers(model))
    choices = _Chooser(layers, settings).choose(policy)
    if not choices:
        size = settings.pattern.block_size
        raise ValueError(
            f"prune: model '{model.name}' has no layer to prune; expected convolutions or Dense "
            f"layers of at least {size} output channels, not counting the first convolution and "
            "the last layer with weights. Name layers with layers=[...] to prune those too."
        )
    for choice in choices:
        check_alignment(*choice)
    return choices


class _Chooser:
    """Applies policies to the layers of one model."""

    def __init__(self, layers: Sequence[keras.layers.Layer], settings: PruningSettings) -> None:
        self._layers = layers
        self._settings = settings

    def choose(self, policy: Policy) -> list[Choice]:
        if policy is None:
            dense = dense_by_default(self._layers)
            return self._ask(lambda layer: id(layer) not in dense)
        if isinstance(policy, Mapping):
            return self._by_name(policy)
        if isinstance(policy, str | keras.layers.Layer):
            policy = [policy]
        if isinstance(policy, Sequence):
            return self._by_name(dict.fromkeys((self._name(which) for which in policy), True))
        if callable(policy):
            return self._ask(policy)
        raise TypeError(
            f"prune: layers is {policy!r}; expected names of layers, a mapping from names to "
            "settings, or a callable."
        )

    def _ask(self, policy: Callable[[keras.layers.Layer], Value]) -> list[Choice]:
        """What a callable says of each layer that can be pruned."""
        able = [layer for layer in self._layers if why_not_pruned(layer, self._settings) is None]
        answers = [self._apply(layer, policy(layer), f"for '{layer.name}'") for layer in able]
        return [choice for choice in answers if choice is not None]

    def _by_name(self, policy: Mapping[str, Value]) -> list[Choice]:
        self._check_known(policy)
        choices: list[Choice] = []
        refused: dict[str, str] = {}  # key -> why a layer that it matches cannot be pruned
        used = set()
        for layer in self._layers:
            key = next((key for key in policy if _matches(layer, key)), None)
            if key is None:
                continue
            choice = self._apply(layer, policy[key], f"layers[{key!r}]")
            reason = None if choice is None else why_not_pruned(*choice)
            if reason is not None:
                refused[key] = f"layer '{layer.name}' cannot be pruned: {reason}"
                if layer.name == key:
                    break
                continue
            used.add(key)
            choices += [] if choice is None else [choice]
        for key, why in refused.items():
            if key not in used:
                raise ValueError(f"prune: {why}. Take {key!r} out of layers.")
        return choices

    def _check_known(self, policy: Mapping[str, Value]) -> None:
        """Raise the errors of `choose_layers` for names and patterns that match nothing."""
        for name in policy:
            if not isinstance(name, str):
                raise TypeError(f"prune: layers has the key {name!r}; expected names of layers.")
            if not any(_matches(layer, name) for layer in self._layers):
                weighted = ", ".join(layer.name for layer in self._layers if layer.weights)
                raise ValueError(
                    f"prune: the model has no layer named {name!r}; its layers with weights are "
                    f"{weighted}."
                )

    def _name(self, which: Any) -> str:
        """The name of a layer of the model, or the name or pattern that is given."""
        if isinstance(which, str):
            return which
        if not isinstance(which, keras.layers.Layer):
            raise TypeError(
                f"prune: layers holds {which!r}; expected names of layers, or layers of the model."
            )
        if not any(layer is which for layer in self._layers):
            raise ValueError(
                f"prune: layers holds the layer '{which.name}', which is not one of the model's."
            )
        return str(which.name)

    def _apply(self, layer: keras.layers.Layer, value: Value, where: str) -> Choice | None:
        """The layer with the settings that a policy's value means; None if it stays dense."""
        if value is None or value is False:
            return None
        if value is True:
            return Choice(layer, self._settings)
        if isinstance(value, int | float):
            value = {"sparsity": float(value)}
        if not isinstance(value, Mapping):
            raise TypeError(
                f"prune: {where} is {value!r}; expected True, None, a sparsity, or a mapping of "
                "settings."
            )
        return Choice(layer, self._settings.override(value, where))


def _matches(layer: keras.layers.Layer, name: str) -> bool:
    return layer.name == name or fnmatchcase(layer.name, name)
