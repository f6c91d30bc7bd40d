# SPDX-License-Identifier: Apache-2.0
"""Layers of Keras as `ubp.masking.choice` chooses among them.

This is the one place that says which layers can be pruned with which settings, and why others
cannot; which weights of a layer can be, whatever the settings, is in prunable.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import keras
from keras import layers as keras_layers

from ubp.masking import choice
from ubp.masking.choice import Value, channels_misfit, lanes_misfit
from ubp.masking.pruning_settings import PruningSettings
from ubp.pruning.layers.prunable import channel_counts, input_counts, obstacle
from ubp.pruning.layers.walking import iterate_layers

_FIRST = (keras_layers.Conv1D, keras_layers.Conv2D)  # of which the first stays dense by default

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


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A layer of Keras as policies see it."""

    layer: keras.layers.Layer

    @property
    def name(self) -> str:
        name: str = self.layer.name
        return name

    @property
    def has_weights(self) -> bool:
        return bool(self.layer.weights)

    @property
    def is_first_kind(self) -> bool:
        return isinstance(self.layer, _FIRST)

    def channel_counts(self) -> list[int]:
        return channel_counts(self.layer)

    def why_not_pruned(self, settings: PruningSettings) -> str | None:
        return why_not_pruned(self.layer, settings)


def choose_layers(model: keras.Model, settings: PruningSettings, policy: Policy) -> list[Choice]:
    """The layers to prune, in the order of the model.

    Args:
        model: a built model.
        settings: of layers for which the policy says nothing else.
        policy: see `ubp.masking.choice`.

    Raises:
        TypeError: if the policy or one of its values is of the wrong kind.
        ValueError: if a name is unknown or a pattern matches nothing that can be pruned, a named
            layer cannot be pruned, an entry never applies, a value is impossible, aligned blocks do
            not divide the channels of a layer, or nothing is left to prune.
    """
    layers = list(iterate_layers(model))
    _check_layers_of(layers, policy)
    chosen = choice.choose(list(map(_Candidate, layers)), settings, policy, f"model '{model.name}'")
    return [Choice(candidate.layer, own) for candidate, own in chosen]


def _check_layers_of(layers: Sequence[keras.layers.Layer], policy: Any) -> None:
    """Refuse layers, alone or in a list or mapping, that are not of the model."""
    if isinstance(policy, keras.layers.Layer):
        policy = [policy]
    for which in policy if isinstance(policy, Sequence | Mapping) else ():
        if isinstance(which, keras.layers.Layer) and not any(each is which for each in layers):
            raise ValueError(
                f"prune: layers holds the layer '{which.name}', which is not one of the "
                "model's, or is a model itself; name layers with weights."
            )


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
    misfit = channels_misfit(counts, settings.pattern)
    if misfit is not None or not layer.built:
        return misfit
    return lanes_misfit(input_counts(layer), settings.pattern.lanes)


def dense_by_default(layers: Sequence[keras.layers.Layer]) -> dict[int, str]:
    """By id, the layers that a model's default leaves dense though they could be pruned, and why.

    Args:
        layers: all of the model, in its order.
    """
    return choice.dense_by_default(list(map(_Candidate, layers)))


def check_alignment(layer: keras.layers.Layer, settings: PruningSettings) -> None:
    """Refuse aligned blocks in a layer whose last channels they could never keep.

    Raises:
        ValueError: if N does not divide the channels.
    """
    choice.check_alignment(_Candidate(layer), settings)
