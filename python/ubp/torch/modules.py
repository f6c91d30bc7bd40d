# SPDX-License-Identifier: Apache-2.0
"""Modules of PyTorch as `ubp.masking.choice` chooses among them.

The one place that knows which weights can be pruned, along which axes, and why others cannot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn
from torch.nn.utils import parametrize

from ubp.lanes import input_channels
from ubp.masking.choice import channels_misfit, lanes_misfit
from ubp.masking.pruning_settings import PruningSettings


class Axes(NamedTuple):
    """Where a weight has its output and its input channels."""

    channels: int
    inputs: int


_PLAIN, _TRANSPOSED = Axes(0, 1), Axes(1, 0)  # [out, in, kh, kw] and [in, out, kh, kw]
_AXES: dict[type[nn.Module], Axes] = {
    nn.Linear: _PLAIN,
    nn.Conv1d: _PLAIN,
    nn.Conv2d: _PLAIN,
    nn.ConvTranspose1d: _TRANSPOSED,
    nn.ConvTranspose2d: _TRANSPOSED,
}
_NAMES = ", ".join(kind.__name__ for kind in _AXES)
_FIRST = (nn.Conv1d, nn.Conv2d)  # of which the first stays dense by default


def axes_of(module: nn.Module) -> Axes:
    """Of the weight of a module that can be pruned."""
    return next(axes for kind, axes in _AXES.items() if isinstance(module, kind))


def transposed_strides(module: nn.Module) -> tuple[int, ...]:
    """The strides of a transposed convolution; of any other module ()."""
    return tuple(module.stride) if axes_of(module) == _TRANSPOSED else ()


def kind_of(module: nn.Module) -> str:
    """The name of a module's class, as it was before parametrisations."""
    name: str = parametrize.type_before_parametrizations(module).__name__
    return name


def is_prunable_kind(module: nn.Module) -> bool:
    """Whether this is a module of a kind that can be pruned."""
    return isinstance(module, tuple(_AXES))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A module with weights of its own, as policies see it.

    shared_with: the name of another module that has the same weight; "": none has.
    """

    name: str
    layer: nn.Module
    shared_with: str

    @property
    def has_weights(self) -> bool:
        return True

    @property
    def is_first_kind(self) -> bool:
        return isinstance(self.layer, _FIRST)

    def channel_counts(self) -> list[int]:
        return [self.layer.weight.shape[axes_of(self.layer).channels]]

    def why_not_pruned(self, settings: PruningSettings) -> str | None:
        reason = _obstacle(self.layer)
        if reason is None and self.shared_with:
            reason = f"its weight is that of module '{self.shared_with}', too"
        if reason is None:
            reason = channels_misfit(self.channel_counts(), settings.pattern)
        if reason is not None:
            return reason
        inputs = input_channels(tuple(self.layer.weight.shape), *axes_of(self.layer))
        return lanes_misfit([inputs], settings.pattern.lanes)


def candidates_of(model: nn.Module) -> list[Candidate]:
    """The modules of a model that have weights of their own, each once, in its order."""
    modules = dict(_weighted(model))
    return [Candidate(name, each, _twin(name, modules)) for name, each in modules.items()]


def _weighted(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in model.named_modules():
        if "parametrizations" in name.split("."):
            continue
        own = parametrize.is_parametrized(module) or any(True for _ in module.parameters(False))
        if own:
            yield name or kind_of(module), module


def _twin(name: str, modules: Mapping[str, nn.Module]) -> str:
    """The name of another module with the same weight, or "" if there is none."""
    weight = modules[name]._parameters.get("weight")
    same = (
        other
        for other, module in modules.items()
        if other != name and any(each is weight for each in module.parameters(False))
    )
    return "" if weight is None else next(same, "")


def _obstacle(module: nn.Module) -> str | None:
    """Why the weight of this module cannot be pruned; None if it can."""
    kind = kind_of(module)
    if not is_prunable_kind(module):
        if all(parameter.dim() < 2 for parameter in module.parameters(False)):
            return f"it is a {kind}, which has no kernel"
        return f"it is a {kind}; expected {_NAMES}"
    groups = getattr(module, "groups", 1)
    if groups != 1:
        return f"it is a convolution of {groups} groups; only ungrouped ones are pruned"
    if parametrize.is_parametrized(module, "weight"):
        others = ", ".join(type(each).__name__ for each in module.parametrizations.weight)
        return f"its weight has a parametrisation already, {others}"
    weight = module._parameters.get("weight")
    if weight is None:
        return (
            "its weight is not a parameter (weight_norm, or torch.nn.utils.prune, has replaced it)"
        )
    if isinstance(weight, nn.parameter.UninitializedTensorMixin):
        return "it has no weight yet; call the module on data first"
    if not weight.is_floating_point():
        return f"its weight is {weight.dtype}; expected a float type (quantise after pruning)"
    return None


def positions_of(output_shape: tuple[int, ...], module: nn.Module) -> int:
    """Outputs per channel and sample, by the shape of a module's output."""
    sizes = output_shape[1:-1] if isinstance(module, nn.Linear) else output_shape[2:]
    return math.prod(sizes)
