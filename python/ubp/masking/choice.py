# SPDX-License-Identifier: Apache-2.0
"""Which layers of a model are pruned, and how: the argument `layers` of `prune`, for any framework.

    None                        the default: all that can be, but those that are dense by default
    "conv_2", "block_*", layer  a name, or, where no layer has it, a pattern of names as in a shell;
                                or a layer of the model
    [...]                       any number of these
    {any of these: value}       the first that matches a layer decides what becomes of it
    callable layer -> value     asked for every layer that can be pruned

    value   True: prune it with the settings of `prune`; None or False: leave it dense;
            a number: the sparsity it is to reach; a mapping: settings to replace

A layer that is named must be prunable; a pattern passes over those that are not. Naming layers
overrides the default: the first convolution and the classifier are pruned if they match.

What a layer is, and why one cannot be pruned, a framework's `Candidate` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from numbers import Real
from typing import Any, NamedTuple, Protocol

import numpy as np

from ubp.arguments import shown
from ubp.masking.patterns import Pattern, UnalignedBlock
from ubp.masking.pruning_settings import PruningSettings

Value = bool | float | Mapping[str, Any] | None


class Candidate(Protocol):
    """A layer of a model, as policies see it."""

    @property
    def name(self) -> str: ...

    @property
    def layer(self) -> Any:
        """The framework's own object."""

    @property
    def has_weights(self) -> bool: ...

    @property
    def is_first_kind(self) -> bool:
        """Whether it is of the kinds of which the first stays dense by default."""

    def channel_counts(self) -> list[int]:
        """The output channels of each kernel of a layer that can be pruned."""

    def why_not_pruned(self, settings: PruningSettings) -> str | None:
        """Why it cannot be pruned with these settings; None if it can."""


class Chosen(NamedTuple):
    """A layer that is pruned, and how."""

    candidate: Candidate
    settings: PruningSettings


class _Rule(NamedTuple):
    """One entry of a policy that names layers.

    label: the entry, for messages.
    matches: whether it is about a layer.
    is_pattern: whether it passes over layers that cannot be pruned.
    """

    label: str
    matches: Callable[[Candidate], bool]
    is_pattern: bool
    value: Value


def choose(
    candidates: Sequence[Candidate],
    settings: PruningSettings,
    policy: Any,
    model: str,
    kinds: str = "convolutions or Dense layers",
) -> list[Chosen]:
    """The layers to prune, in the order of the model.

    Args:
        candidates: all layers of the model, in its order.
        settings: of layers for which the policy says nothing else.
        policy: see above.
        model: what messages call the model.
        kinds: what can be pruned, in messages.

    Raises:
        TypeError: if the policy or one of its values is of the wrong kind.
        ValueError: if a name is unknown or a pattern matches nothing that can be pruned, a named
            layer cannot be pruned, an entry never applies, a value is impossible, aligned blocks do
            not divide the channels of a layer, or nothing is left to prune.
    """
    choices = _Chooser(candidates, settings).choose(policy)
    if not choices:
        able = [each.name for each in candidates if each.why_not_pruned(settings) is None]
        if policy is not None and able:
            raise ValueError(
                f"prune: layers leaves all layers of {model} dense; those that can be pruned are "
                f"{', '.join(able)}."
            )
        raise ValueError(
            f"prune: {model} has no layer to prune; expected {kinds} of "
            f"{_fitting_channels(settings.pattern)}, not counting the first convolution and the "
            "last layer with weights. Name layers with layers=[...] to prune those too."
        )
    for chosen in choices:
        check_alignment(*chosen)
    return choices


class _Chooser:
    """Applies policies to the layers of one model."""

    def __init__(self, candidates: Sequence[Candidate], settings: PruningSettings) -> None:
        self._candidates = candidates
        self._settings = settings

    def choose(self, policy: Any) -> list[Chosen]:
        if policy is None:
            dense = dense_by_default(self._candidates)
            return self._ask(lambda layer: id(layer) not in dense)
        if isinstance(policy, Mapping):
            return self._follow([self._rule(which, value) for which, value in policy.items()])
        if isinstance(policy, str) or self._is_layer(policy):
            policy = [policy]
        if isinstance(policy, Sequence):
            return self._follow([self._rule(which, True) for which in policy])
        if callable(policy) and not isinstance(policy, type):
            return self._ask(policy)
        raise TypeError(
            f"prune: layers is {shown(policy)}; expected names of layers, a mapping from names to "
            "settings, or a callable."
        )

    def _is_layer(self, which: Any) -> bool:
        return any(each.layer is which for each in self._candidates)

    def _ask(self, policy: Callable[[Any], Value]) -> list[Chosen]:
        """What a callable says of each layer that can be pruned."""
        answers = [
            self._apply(each, policy(each.layer), f"what layers returns for '{each.name}'")
            for each in self._candidates
            if each.why_not_pruned(self._settings) is None
        ]
        return [choice for choice in answers if choice is not None]

    def _follow(self, rules: Sequence[_Rule]) -> list[Chosen]:
        """What the first rule that matches each layer says of it."""
        choices: list[Chosen] = []
        used: set[int] = set()  # numbers of rules
        passed_over: dict[int, str] = {}  # number of a pattern -> why it passed over a layer
        for layer in self._candidates:
            number = _first(rules, layer)
            if number is None:
                continue
            rule = rules[number]
            choice = self._apply(layer, rule.value, f"layers[{rule.label}]")
            reason = None if choice is None else layer.why_not_pruned(choice.settings)
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
        """Raise the errors of `choose` for a rule that no layer follows."""
        rule = rules[number]
        if passed_over is not None:
            raise ValueError(
                f"prune: {rule.label} matches nothing that can be pruned; for example, "
                f"{passed_over}. Take it out of layers."
            )
        matched = next(layer for layer in self._candidates if rule.matches(layer))
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
        same = next((layer for layer in self._candidates if layer.layer is which), None)
        if same is not None:
            return _Rule(repr(same.name), lambda layer: layer is same, False, value)
        if not isinstance(which, str):
            raise TypeError(
                f"prune: layers holds {shown(which)}; expected names of layers, or layers of "
                "the model."
            )
        if any(layer.name == which for layer in self._candidates):
            return _Rule(repr(which), lambda layer: layer.name == which, False, value)
        if any(fnmatchcase(layer.name, which) for layer in self._candidates):
            return _Rule(repr(which), lambda layer: fnmatchcase(layer.name, which), True, value)
        weighted = ", ".join(layer.name for layer in self._candidates if layer.has_weights)
        raise ValueError(
            f"prune: the model has no layer named {which!r}; its layers with weights are "
            f"{weighted}."
        )

    def _apply(self, layer: Candidate, value: Value, where: str) -> Chosen | None:
        """The layer with the settings that a policy's value means; None if it stays dense."""
        if value is None:
            return None
        if isinstance(value, bool | np.bool_):
            return Chosen(layer, self._settings) if value else None
        if isinstance(value, Real):
            value = {"sparsity": float(value)}
        if not isinstance(value, Mapping):
            raise TypeError(
                f"prune: {where} is {shown(value)}; expected True, None, a sparsity, or a "
                "mapping of settings."
            )
        return Chosen(layer, self._settings.override(value, where))


def _fitting_channels(pattern: Pattern) -> str:
    """The channels of layers that a pattern suits, in words."""
    outputs = f"at least {pattern.block_size} output channels"
    if pattern.lanes == 1:
        return outputs
    return f"{outputs} whose input channels are a multiple of {pattern.lanes}"


def _first(rules: Sequence[_Rule], layer: Candidate) -> int | None:
    """The number of the first rule that matches the layer."""
    return next((number for number, rule in enumerate(rules) if rule.matches(layer)), None)


def channels_misfit(counts: Sequence[int], pattern: Pattern) -> str | None:
    """Why blocks of a pattern do not fit kernels of so many output channels; None if they do."""
    size = pattern.block_size
    for channels in counts:
        if channels < size:
            return f"it has {channels} output channels, fewer than a block of {size}"
    return None


def lanes_misfit(inputs: Sequence[int], lanes: int) -> str | None:
    """Why blocks of so many lanes do not fit kernels of so many input channels; None if they do.

    A block's lanes are input channels of one tap. Where they do not divide the input channels, the
    whole layer stays dense: the rest of its lanes would need blocks of a second kind, in files and
    in kernels, for what in most networks is the first convolution alone.
    """
    for channels in inputs:
        if channels % lanes:
            return f"it has {channels} input channels, not a multiple of a block's {lanes} lanes"
    return None


def dense_by_default(layers: Sequence[Candidate]) -> dict[int, str]:
    """By id, the layers that a model's default leaves dense though they could be pruned, and why.

    They cost much accuracy for little: the first sees few lanes, the last decides.

    Args:
        layers: all of the model, in its order.
    """
    first = [layer for layer in layers if layer.is_first_kind][:1]
    last = [layer for layer in layers if layer.has_weights][-1:]
    return {id(layer.layer): "it is the first convolution" for layer in first} | {
        id(layer.layer): "it is the last layer with weights" for layer in last
    }


def check_alignment(layer: Candidate, settings: PruningSettings) -> None:
    """Refuse aligned blocks in a layer whose last channels they could never keep.

    Raises:
        ValueError: if N does not divide the channels.
    """
    size = settings.pattern.block_size
    if settings.pattern.resolve_method(settings.method) != "aligned":
        return
    for channels in layer.channel_counts():
        if channels % size:
            raise ValueError(
                f"prune: layer '{layer.name}' has {channels} output channels, not a multiple of "
                f"{size}: aligned blocks could never keep the last {channels % size}. Use "
                f"{UnalignedBlock(size, settings.pattern.lanes)}, or leave this layer out of those "
                "that are pruned."
            )
