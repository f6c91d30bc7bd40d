# SPDX-License-Identifier: Apache-2.0
"""Which layers of a model are pruned, and how: the argument `layers` of `ubp.prune`.

    None                        the default, see `dense_by_default`
    "conv_2", "block_*", layer  a name, or, where no layer has it, a pattern of names as in a shell;
                                or a layer of the model
    [...]                       any number of these
    {any of these: value}       the first that matches a layer decides what becomes of it
    callable layer -> value     asked for every layer that can be pruned

    value   True: prune it with the settings of `ubp.prune`; None or False: leave it dense;
            a number: the sparsity it is to reach; a mapping: settings to replace

A layer that is named must be prunable; a pattern passes over those that are not. Naming layers
overrides the default: the first convolution and the classifier are pruned if they match.

This is the one place that says which layers can be pruned with which settings, and why others
cannot; which weights of a layer can be, whatever the settings, is in prunable.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np
from keras import layers as keras_layers

from ubp.arguments import shown
from ubp.pruning.layers.prunable import (
    channel_counts,
    lanes_misfit,
    obstacle,
    prunable_weights,
)
from ubp.pruning.layers.walking import iterate_layers
from ubp.pruning.settings.patterns import Pattern, UnalignedBlock
from ubp.pruning.settings.pruning_settings import PruningSettings

_FIRST = (keras_layers.Conv1D, keras_layers.Conv2D)  # of which the first stays dense by default

Value = bool | float | Mapping[str, Any] | None
_Which: TypeAlias = str | keras.layers.Layer
Policy: TypeAlias = (
    _Which
    | Sequence[_Which]
    | Mapping[str, Value]
    | Mapping[_Which, Value]
    | Callable[[keras.layers.Layer], Value]
    | None
)


class Choice(NamedTuple):
    """A layer that is pruned, and how."""

    layer: keras.layers.Layer
    settings: PruningSettings


class _Rule(NamedTuple):
    """One entry of a policy that names layers.

    label: the entry, for messages.
    matches: whether it is about a layer.
    is_pattern: whether it passes over layers that cannot be pruned.
    """

    label: str
    matches: Callable[[keras.layers.Layer], bool]
    is_pattern: bool
    value: Value


def choose_layers(model: keras.Model, settings: PruningSettings, policy: Policy) -> list[Choice]:
    """The layers to prune, in the order of the model.

    Args:
        model: a built model.
        settings: of layers for which the policy says nothing else.
        policy: see above.

    Raises:
        TypeError: if the policy or one of its values is of the wrong kind.
        ValueError: if a name is unknown or a pattern matches nothing that can be pruned, a named
            layer cannot be pruned, an entry never applies, a value is impossible, aligned blocks do
            not divide the channels of a layer, or nothing is left to prune.
    """
    layers = list(iterate_layers(model))
    choices = _Chooser(layers, settings).choose(policy)
    if not choices:
        able = [layer.name for layer in layers if why_not_pruned(layer, settings) is None]
        if policy is not None and able:
            raise ValueError(
                f"prune: layers leaves all layers of model '{model.name}' dense; those that can be "
                f"pruned are {', '.join(able)}."
            )
        raise ValueError(
            f"prune: model '{model.name}' has no layer to prune; expected convolutions or Dense "
            f"layers of {_fitting_channels(settings.pattern)}, not counting the first convolution "
            "and the last layer with weights. Name layers with layers=[...] to prune those too."
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
            return self._follow([self._rule(which, value) for which, value in policy.items()])
        if isinstance(policy, str | keras.layers.Layer):
            policy = [policy]
        if isinstance(policy, Sequence):
            return self._follow([self._rule(which, True) for which in policy])
        if callable(policy) and not isinstance(policy, type):
            return self._ask(policy)
        raise TypeError(
            f"prune: layers is {shown(policy)}; expected names of layers, a mapping from names to "
            "settings, or a callable."
        )

    def _ask(self, policy: Callable[[keras.layers.Layer], Value]) -> list[Choice]:
        """What a callable says of each layer that can be pruned."""
        able = [layer for layer in self._layers if why_not_pruned(layer, self._settings) is None]
        answers = [
            self._apply(layer, policy(layer), f"what layers returns for '{layer.name}'")
            for layer in able
        ]
        return [choice for choice in answers if choice is not None]

    def _follow(self, rules: Sequence[_Rule]) -> list[Choice]:
        """What the first rule that matches each layer says of it."""
        choices: list[Choice] = []
        used: set[int] = set()  # numbers of rules
        passed_over: dict[int, str] = {}  # number of a pattern -> why it passed over a layer
        for layer in self._layers:
            number = _first(rules, layer)
            if number is None:
                continue
            rule = rules[number]
            choice = self._apply(layer, rule.value, f"layers[{rule.label}]")
            reason = None if choice is None else why_not_pruned(*choice)
            if reason is not None:
                message = f"layer '{layer.name}' cannot be pruned: {reason}"
                if not rule.is_pattern:
                    raise ValueError(f"prune: {message}. Take {rule.label} out of layers.")
                passed_over[number] = message
                continue
            used.add(number)
            choices += [] if choice is None else [choice]
        for number in set(range(len(rules))) - used:
            self._check_unused(rules, number, passed_over.get(number))
        return choices

    def _check_unused(self, rules: Sequence[_Rule], number: int, passed_over: str | None) -> None:
        """Raise the errors of `choose_layers` for a rule that no layer follows."""
        rule = rules[number]
        if passed_over is not None:
            raise ValueError(
                f"prune: {rule.label} matches nothing that can be pruned; for example, "
                f"{passed_over}. Take it out of layers."
            )
        matched = next(layer for layer in self._layers if rule.matches(layer))
        before = rules[_first(rules, matched) or 0]
        if before.value != rule.value:
            raise ValueError(
                f"prune: layers[{rule.label}] never applies, because {before.label} matches its "
                f"layers before it; put {rule.label} first."
            )

    def _rule(self, which: Any, value: Value) -> _Rule:
        """The entry of a list, or of a mapping.

        Raises:
            TypeError: if it is neither a name nor a layer.
            ValueError: if the model has no such layer.
        """
        if isinstance(which, keras.layers.Layer):
            if not any(layer is which for layer in self._layers):
                raise ValueError(
                    f"prune: layers holds the layer '{which.name}', which is not one of the "
                    "model's, or is a model itself; name layers with weights."
                )
            return _Rule(repr(which.name), lambda layer: layer is which, False, value)
        if not isinstance(which, str):
            raise TypeError(
                f"prune: layers holds {shown(which)}; expected names of layers, or layers of "
                "the model."
            )
        if any(layer.name == which for layer in self._layers):
            return _Rule(repr(which), lambda layer: layer.name == which, False, value)
        if any(fnmatchcase(layer.name, which) for layer in self._layers):
            return _Rule(repr(which), lambda layer: fnmatchcase(layer.name, which), True, value)
        weighted = ", ".join(layer.name for layer in self._layers if layer.weights)
        raise ValueError(
            f"prune: the model has no layer named {which!r}; its layers with weights are "
            f"{weighted}."
        )

    def _apply(self, layer: keras.layers.Layer, value: Value, where: str) -> Choice | None:
        """The layer with the settings that a policy's value means; None if it stays dense."""
        if value is None:
            return None
        if isinstance(value, bool | np.bool_):
            return Choice(layer, self._settings) if value else None
        if isinstance(value, Real):
            value = {"sparsity": float(value)}
        if not isinstance(value, Mapping):
            raise TypeError(
                f"prune: {where} is {shown(value)}; expected True, None, a sparsity, or a "
                "mapping of settings."
            )
        return Choice(layer, self._settings.override(value, where))


def _fitting_channels(pattern: Pattern) -> str:
    """The channels of layers that a pattern suits, in words."""
    outputs = f"at least {pattern.block_size} output channels"
    if pattern.lanes == 1:
        return outputs
    return f"{outputs} whose input channels are a multiple of {pattern.lanes}"


def _first(rules: Sequence[_Rule], layer: keras.layers.Layer) -> int | None:
    """The number of the first rule that matches the layer."""
    return next((number for number, rule in enumerate(rules) if rule.matches(layer)), None)


def why_not_pruned(layer: keras.layers.Layer, settings: PruningSettings) -> str | None:
    """Why this layer cannot be pruned with these settings, or None if it can.

    Of a layer that is not built the input channels are not known, of a custom one only its kind.
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
    return lanes_misfit(prunable_weights(layer), settings.pattern.lanes) if layer.built else None


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
                f"{UnalignedBlock(size, settings.pattern.lanes)}, or leave this layer out of those "
                "that are pruned."
            )
