# SPDX-License-Identifier: Apache-2.0
"""The problem that a mapping solves: options of all layers and a budget; and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ubp.mapping.kernels import MappedKernel, MappedModel
from ubp.mapping.knapsack import Choice, Options, equal_slopes, solve
from ubp.mapping.options import LayerOptions
from ubp.mapping.rules import by_rules
from ubp.mapping.scheme_mapping import (
    Alternative,
    LayerScheme,
    SchemeMapping,
    kept_of,
    time_text,
)

_OTHER_BUDGETS = (0.6, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0)


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be chosen from.

    name: of the model.
    mapped: its kernels and times.
    layers: the options of each kernel.
    budget: for the whole model, in the unit of the times.
    is_timed: whether that is microseconds.
    min_density: share of its weights that each layer keeps at least.
    """

    name: str
    mapped: MappedModel
    layers: Sequence[LayerOptions]
    budget: float
    is_timed: bool
    min_density: float

    def choose(
        self, method: str, budget: float | None = None, factors: Sequence[float] | None = None
    ) -> Choice | None:
        """The choice of a method; None where the budget is too small.

        Args:
            method: "knapsack" or "rules".
            budget: another one.
            factors: what each layer's value is multiplied with.
        """
        budget = self.budget if budget is None else budget
        if budget >= self.mapped.dense_us:
            time = self.mapped.dense_us - self.mapped.fixed_us
            return Choice((0,) * len(self.layers), time, 0.0, 0.0)
        left = budget - self.mapped.fixed_us
        if method == "rules":
            allowed = by_rules(self.mapped.kernels, self.layers)
            found = equal_slopes([options for options, _ in allowed], left)
            if found is None:
                return None
            pairs = zip(allowed, found.chosen, strict=True)
            return replace(found, chosen=tuple(places[index] for (_, places), index in pairs))
        factors = [1.0] * len(self.layers) if factors is None else factors
        pairs_of_factors = zip(self.layers, factors, strict=True)
        return solve([_scaled(layer.options, factor) for layer, factor in pairs_of_factors], left)

    def mapping(self, choice: Choice, method: str) -> SchemeMapping:
        """The mapping of a choice; its gap is that of the choice's own values."""
        triples = zip(self.mapped.kernels, self.layers, choice.chosen, strict=True)
        return SchemeMapping(
            self.name,
            method,
            tuple(_scheme(*triple, self.is_timed) for triple in triples),
            self.budget,
            self.mapped.fixed_us + choice.time,
            self.mapped.dense_us,
            self.mapped.fixed_us,
            max(1.0 - math.exp(choice.value - choice.bound), 0.0),
            self.is_timed,
            (),
            self.mapped.left,
        )

    def alternatives(self, method: str) -> tuple[Alternative, ...]:
        """What other budgets would buy, as far as they can be met."""
        others = []
        for factor in _OTHER_BUDGETS:
            budget = factor * self.budget
            if budget >= self.mapped.dense_us:
                break
            found = self.choose(method, budget)
            if found is not None:
                pairs = zip(self.layers, found.chosen, strict=True)
                shares = [float(layer.kept[index]) for layer, index in pairs]
                time = self.mapped.fixed_us + found.time
                others.append(Alternative(budget, time, kept_of(shares)))
        return tuple(others)

    def too_fast(self) -> str:
        """The sentence that no mapping is fast enough."""
        fixed, dense = self.mapped.fixed_us, self.mapped.dense_us
        fastest = fixed + sum(float(layer.options.times.min()) for layer in self.layers)
        return (
            f"map_schemes: no mapping takes {time_text(self.budget, self.is_timed)}; the fastest "
            f"there is, with min_density={self.min_density:g}, takes "
            f"{time_text(fastest, self.is_timed)} ({dense / fastest:.2f}x as fast as the dense "
            f"model), of which {time_text(fixed, self.is_timed)} do not depend on the mapping."
        )


def _scaled(options: Options, factor: float) -> Options:
    return options if factor == 1.0 else Options(options.times, factor * options.values)


def _scheme(kernel: MappedKernel, layer: LayerOptions, index: int, is_timed: bool) -> LayerScheme:
    setting = layer.settings[index]
    lanes, channels = kernel.weights.shape
    return LayerScheme(
        kernel.name,
        lanes,
        channels,
        None if setting is None else setting[0],
        0 if setting is None else setting[1],
        float(layer.options.times[index]),
        kernel.dense_us,
        float(layer.kept[index]),
        _runner_up(kernel, layer, index, is_timed),
        kernel.tensor,
    )


def _runner_up(kernel: MappedKernel, layer: LayerOptions, index: int, is_timed: bool) -> str:
    """What a layer is, and the other N that keeps most in the same time."""
    setting, time = layer.settings[index], float(layer.options.times[index])
    own = None if setting is None else setting[0]
    best: tuple[float, int, float] | None = None
    for place in np.flatnonzero(layer.options.times <= time).tolist():
        other = layer.settings[place]
        if other is None or other[0] == own:
            continue
        zeros = 1.0 - other[0] * other[1] / kernel.weights.size
        found = (float(layer.kept[place]), other[0], zeros)
        best = found if best is None else max(best, found)
    shown_time = time_text(time, is_timed)
    if setting is None:
        this = f"dense: {shown_time}"
    else:
        zeros = 1.0 - setting[0] * setting[1] / kernel.weights.size
        this = f"N={setting[0]} at {zeros:.1%} zeros: {shown_time} keeps {layer.kept[index]:.1%}"
    if best is None:
        return f"{this}; no other blocks are as fast"
    return f"{this}; N={best[1]} at {best[2]:.1%} takes as long and keeps {best[0]:.1%}"
