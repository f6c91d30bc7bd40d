# SPDX-License-Identifier: Apache-2.0
"""The multiple-choice knapsack: of each layer one option, of most value together within a time.

    maximise  sum over layers of values[l][x_l]   so that   sum of times[l][x_l] <= budget

The Lagrangian dual, min over p >= 0 of  p * budget + sum over layers of max(value - p * time),
bounds it from above. Its best price p is found exactly: it is the slope at which the budget runs
out when the upper hulls of all layers are climbed by falling slope (Sinha and Zoltners, "The
multiple-choice knapsack problem", Operations Research 27, 1979, give that greedy for the linear
relaxation, whose value is the same). Climbing on where steps still fit gives a first solution.

An option or a part of a solution that the dual proves worse than this solution is dropped. What is
left goes through a dynamic programme over the layers: states (time, value) with exact times, of
which those that another beats in both are dropped. Where more than `states` remain, the time is
divided into as many buckets, and each keeps its state of most value. So the result is the optimum
as long as no bucket had to choose, it never exceeds the budget, and `bound` certifies the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

STATES = 10_000
_ROUNDING = 1e-9  # of values: what sums of them may be off, relatively


class Options(NamedTuple):
    """What there is to choose from in one layer: float64 [options] each, one option or more."""

    times: Reals
    values: Reals


@dataclass(frozen=True)
class Choice:
    """A solution.

    chosen: of each layer the index of its option.
    time, value: of all chosen options together.
    bound: no solution within the budget has more value.
    """

    chosen: tuple[int, ...]
    time: float
    value: float
    bound: float


def solve(layers: Sequence[Options], budget: float, states: int = STATES) -> Choice | None:
    """Choose an option of every layer.

        >>> import numpy as np
        >>> fast_or_good = Options(np.array([1.0, 3.0]), np.array([0.5, 1.0]))
        >>> solve([fast_or_good, fast_or_good], 4.5).chosen
        (1, 0)

    Args:
        layers: of each its options.
        budget: what all times together may be at most.
        states: how many states each step of the dynamic programme keeps.

    Returns:
        The choice; None where even the fastest options take longer.
    """
    return _choose(
        layers,
        budget,
        lambda times, values, climb: _search(times, values, budget, climb, states),
    )


def equal_slopes(layers: Sequence[Options], budget: float) -> Choice | None:
    """The first solution alone: every layer at equal marginal value, up to the last step that fits.

    Args and returns: as of `solve`.
    """
    return _choose(layers, budget, lambda times, values, climb: climb.chosen)


class _Climb(NamedTuple):
    """What climbing the hulls gives: a solution, and the dual at its best price."""

    chosen: list[int]
    value: float
    price: float
    bound: float


def _choose(
    layers: Sequence[Options],
    budget: float,
    improve: Callable[[Sequence[Reals], Sequence[Reals], _Climb], list[int]],
) -> Choice | None:
    """Climb over the options that none beats, by rising time, and make more of what that gives."""
    kept = [_undominated(options) for options in layers]
    times = [options.times[of] for options, of in zip(layers, kept, strict=True)]
    values = [options.values[of] for options, of in zip(layers, kept, strict=True)]
    if sum(float(each[0]) for each in times) > budget:
        return None
    climb = _climb(times, values, budget)
    found = improve(times, values, climb)
    chosen = tuple(int(of[index]) for of, index in zip(kept, found, strict=True))
    time = sum(float(each.times[index]) for each, index in zip(layers, chosen, strict=True))
    value = sum(float(each.values[index]) for each, index in zip(layers, chosen, strict=True))
    return Choice(chosen, time, value, max(climb.bound, value))


def _undominated(options: Options) -> Integers:
    """The options, by rising time, each of more value than all before."""
    order = np.lexsort((-options.values, options.times))
    values = options.values[order]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(values)[:-1]])
    return np.asarray(order[values > before], np.int64)


def _hull(times: Reals, values: Reals) -> list[int]:
    """The points on the least concave function above all; both rise."""
    hull: list[int] = []
    for index in range(len(times)):
        while len(hull) > 1:
            first, middle = hull[-2], hull[-1]
            ahead = (values[index] - values[first]) * (times[middle] - times[first])
            if ahead < (values[middle] - values[first]) * (times[index] - times[first]):
                break
            hull.pop()
        hull.append(index)
    return hull


def _climb(times: Sequence[Reals], values: Sequence[Reals], budget: float) -> _Climb:
    steps = []
    for layer, (time, value) in enumerate(zip(times, values, strict=True)):
        hull = _hull(time, value)
        for below, above in pairwise(hull):
            slope = (value[above] - value[below]) / (time[above] - time[below])
            steps.append((-float(slope), layer, below, above))
    steps.sort()
    chosen = [0] * len(times)
    left = budget - sum(float(each[0]) for each in times)
    price = 0.0
    stopped: set[int] = set()  # layers that cannot climb on
    for slope, layer, below, above in steps:
        added = float(times[layer][above] - times[layer][below])
        if layer in stopped or added > left:
            price = price or -slope
            stopped.add(layer)
            continue
        chosen[layer], left = above, left - added
    total = sum(float(each[index]) for each, index in zip(values, chosen, strict=True))
    best = [float(np.max(v - price * t)) for t, v in zip(times, values, strict=True)]
    return _Climb(chosen, total, price, price * budget + sum(best))


def _search(
    times: Sequence[Reals], values: Sequence[Reals], budget: float, climb: _Climb, states: int
) -> list[int]:
    """The dynamic programme; the indices of the chosen options."""
    scale = max(abs(climb.bound), abs(climb.value), *(float(np.abs(v).max()) for v in values))
    least = climb.value - _ROUNDING * scale
    reduced = [v - climb.price * t for t, v in zip(times, values, strict=True)]
    best = np.array([float(each.max()) for each in reduced])
    options = [
        np.flatnonzero(climb.bound - (top - each) >= least)
        for top, each in zip(best, reduced, strict=True)
    ]
    ahead = np.append(np.cumsum(best[::-1])[::-1], 0.0)  # what layers from here on add at most
    fastest = [float(time[of].min()) for time, of in zip(times, options, strict=True)]
    needed = np.append(np.cumsum(fastest[::-1])[::-1], 0.0)
    time, value = np.zeros(1), np.zeros(1)
    history: list[tuple[Integers, Integers]] = []
    for layer, of in enumerate(options):
        sums = (time[:, np.newaxis] + times[layer][of]).ravel()
        gains = (value[:, np.newaxis] + values[layer][of]).ravel()
        highest = gains + ahead[layer + 1] + climb.price * (budget - sums)
        allowed = sums + needed[layer + 1] <= budget * (1 + 1e-12)
        at = np.flatnonzero((highest >= least) & allowed)
        if not len(at):  # rounding alone: the first solution is as good as any
            return climb.chosen
        at = at[_undominated(Options(sums[at], gains[at]))]
        at = at[_thinned(sums[at], states)]
        history.append((at // len(of), of[at % len(of)]))
        time, value = sums[at], gains[at]
    within = np.flatnonzero(time <= budget)
    if not len(within) or value[within[-1]] <= climb.value:
        return climb.chosen
    state = int(within[-1])
    chosen = []
    for parents, taken in reversed(history):
        chosen.append(int(taken[state]))
        state = int(parents[state])
    return chosen[::-1]


def _thinned(times: Reals, states: int) -> Integers:
    """Of states by rising time and value, so many: the last of each bucket of time."""
    if len(times) <= states:
        return np.arange(len(times))
    span = float(times[-1] - times[0]) or 1.0
    bucket = np.minimum(((times - times[0]) / span * states).astype(np.int64), states - 1)
    return np.flatnonzero(np.append(np.diff(bucket) > 0, True))
