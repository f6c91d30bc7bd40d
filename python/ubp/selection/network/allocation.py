# SPDX-License-Identifier: Apache-2.0
"""How many blocks of each layer to keep, so that a budget for all layers is used best.

    maximise  sum over layers l of contribution_l(f_l(k_l))       (see gains.py)
    so that   sum of c_l * k_l <= budget,   at_least_l <= k_l <= at_most_l

Every contribution is concave in k_l, and a limit on k_l leaves it so. Everett ("Generalized
Lagrange Multiplier Method", Operations Research 11, 1963): the blocks that gain at least a cutoff
t, within the limits, are the best use of what they cost. Fox ("Discrete Optimization via Marginal
Analysis", Management Science 13, 1966): so are the blocks taken one by one by falling gain. Hence

- if all costs are equal, the result is exact;
- if they are not, it is exact where the budget is spent to the end. Otherwise it lacks at most what
  the first block that no longer fits contributes (Dantzig's bound for the knapsack problem). What
  is left goes to the blocks with the largest gains that still fit.

**The search for the cutoff** at which the budget is spent tightens a `SearchInterval`. Every pass
solves each undecided layer for a few penalties, and the search ends when no layer has blocks of
different gain between its two points any more. Which penalties: those that belong to cutoffs around
the one where a straight line through the costs meets the budget, which is close if there are no
ties, and the one where the tangents of f at the two points meet, which is exact if f has one slope
between them, as with few-valued importance. It starts where it would end on a sample of each
layer's lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.selection.network.gains import MarginalGain, Points, SearchInterval
from ubp.selection.network.layers import Layer, LayerSolver, solver_of
from ubp.selection.network.limits import Integers, Limits, Reals

_ZOOM = 32  # a pass looks 1 / _ZOOM of the interval to both sides of its best guess
_SAMPLE_GROUPS = 64
_OCTAVES = 16  # below the best block's score, within which penalties are tried on the sample
_PER_OCTAVE = 2
_MARGIN = 1 / 64


@dataclass(frozen=True)
class Allocation:
    """Numbers of blocks and what is known of them.

    Attributes:
        counts: int64 [layers], k.
        penalties: int64 [layers], up to which the search has taken blocks.
        slack: no other numbers of blocks within the limits contribute more than this above these.
    """

    counts: Integers
    penalties: Integers
    slack: float


def allocate(layers: Sequence[Layer], gain: MarginalGain, limits: Limits, form: str) -> Allocation:
    """Use the budget best; of equals, the first layers get more blocks.

    Args:
        layers: [layers].
        gain: of their blocks.
        limits: on the numbers of blocks, none of which can be above what the layer holds.
        form: the form of selection in use, see native/form.py.
    """
    start = _likely_penalties(layers, gain, limits, form)
    first = _spend(layers, gain, limits, start, form)
    counts = first.counts
    start = np.outer([1 - 2**-10, 1 - 2**-5], first.penalties)
    while True:
        left = limits.budget - limits.spent(counts)
        room = np.flatnonzero((counts < limits.at_most) & (limits.costs <= left))
        within = _topping_up(limits, counts, left, room)
        some = [layers[index] for index in room.tolist()]
        more = _spend(some, gain.of_layers(room), within, start[:, room], form)
        if np.array_equal(more.counts, counts[room]):  # no room, or only by rounding
            return Allocation(counts, first.penalties, first.slack)
        counts[room] = more.counts


def _topping_up(limits: Limits, counts: Integers, left: float, room: Integers) -> Limits:
    """Limits of the layers `room` alone, to add blocks to `counts` from the budget that is left."""
    costs, taken = limits.costs[room], counts[room]
    fitting = np.floor(left / costs).astype(np.int64)
    at_most = np.minimum(limits.at_most[room], taken + fitting)
    return Limits(costs, taken, at_most, left + float(taken @ costs))


def _spend(
    layers: Sequence[Layer],
    gain: MarginalGain,
    limits: Limits,
    start: Reals,
    form: str,
) -> Allocation:
    """Take blocks by falling gain, until in no layer the next one fits."""
    none = np.zeros_like(limits.at_least)
    if limits.spent(limits.at_most) <= limits.budget:
        return Allocation(limits.at_most.copy(), none, 0.0)
    if limits.spent(limits.at_least) >= limits.budget:
        return Allocation(limits.at_least.copy(), none, 0.0)
    interval = _find_cutoff(layers, gain, limits, start, form)
    counts, slack = _fill(interval, gain, limits)
    return Allocation(counts, interval.lo.last, slack)


def _fill(interval: SearchInterval, gain: MarginalGain, limits: Limits) -> tuple[Integers, float]:
    """Counts and slack (see `Allocation`) of an interval that can no longer be tightened."""
    lo, hi = interval.lo, interval.hi
    counts = limits.clip(hi.counts)
    between = limits.clip(lo.counts) - counts
    # All blocks between gain what the first of them does.
    values = hi.values + lo.last * (counts - hi.counts)
    gains, _ = gain.cutoffs(Points(lo.last, lo.last, counts, values))
    left = limits.budget - limits.spent(counts)
    slack: float | None = None  # none as long as the next block fits
    for index in np.flatnonzero(between)[np.argsort(-gains[between > 0], kind="stable")]:
        cost = float(limits.costs[index])
        added = min(int(between[index]), int(left // cost))
        counts[index] += added
        left -= added * cost
        if slack is not None:
            slack -= added * cost * float(gains[index])
        elif added < between[index]:
            slack = left * float(gains[index])
    return counts, max(slack or 0.0, 0.0)


def _find_cutoff(
    layers: Sequence[Layer], gain: MarginalGain, limits: Limits, start: Reals, form: str
) -> SearchInterval:
    """Tighten the widest interval until no layer has blocks of different gain in it.

    Args:
        layers: [layers].
        gain: of their blocks.
        limits: with a budget below what `at_most` costs.
        start: float64 [guesses, layers], penalties to try first.
        form: the form of selection in use, see native/form.py.
    """
    solvers = [solver_of(layer, form) for layer in layers]
    before = SearchInterval.widest(layers, solvers)
    interval = _narrow(solvers, before, gain, limits, start)
    while _undecided(interval, gain, limits).any():
        stalled = 2 * (interval.ceiling - interval.floor) > before.ceiling - before.floor
        guesses = _guesses(interval, gain, _next_thresholds(interval, limits, stalled))
        before, interval = interval, _narrow(solvers, interval, gain, limits, guesses)
        if interval.has_points_of(before):  # float64 does not tell the gains of the rest apart
            break
    return interval


def _narrow(
    solvers: Sequence[LayerSolver],
    interval: SearchInterval,
    gain: MarginalGain,
    limits: Limits,
    guesses: Reals,
) -> SearchInterval:
    """One pass: tighten the interval by evaluating penalties [guesses, layers]."""
    undecided = _undecided(interval, gain, limits)
    interval = interval.tighten(_solve(solvers, interval, undecided, guesses), gain, limits)
    for index in np.flatnonzero(undecided).tolist():
        solvers[index].narrow(int(interval.lo.last[index]), int(interval.hi.last[index]))
    return interval


def _undecided(
    interval: SearchInterval, gain: MarginalGain, limits: Limits
) -> npt.NDArray[np.bool_]:
    """Bool [layers]: layers with blocks of different gain between lo and hi."""
    lo, hi = interval.lo, interval.hi
    between = limits.clip(lo.counts) > limits.clip(hi.counts)
    best, worst = gain.cutoffs(hi)[0], gain.cutoffs(lo)[1]
    undecided: npt.NDArray[np.bool_] = between & ~(interval.tied & (best <= worst))
    return undecided


def _next_thresholds(interval: SearchInterval, limits: Limits, stalled: bool) -> list[float]:
    """Thresholds to try, from floor to ceiling."""
    floor, ceiling = interval.floor, interval.ceiling
    if ceiling == np.inf:
        return [1.25 * floor, 16 * floor]
    if floor == 0.0:  # perhaps blocks without a gain are needed to spend the budget
        return [0.0, ceiling / 16, ceiling / 1.25]
    width = ceiling - floor
    if stalled:
        return [floor + width * part / 4 for part in (1, 2, 3)]
    most = limits.spent(limits.clip(interval.lo.counts))
    fewest = limits.spent(limits.clip(interval.hi.counts))
    secant = floor + width * (most - limits.budget) / (most - fewest)
    return [secant - width / _ZOOM, secant + width / _ZOOM]


def _guesses(interval: SearchInterval, gain: MarginalGain, cutoffs: Sequence[float]) -> Reals:
    """Penalties [guesses, layers] to try; see the module's description."""
    lo, hi = interval.lo, interval.hi
    guesses = [gain.penalties(cutoff, lo, hi) for cutoff in cutoffs]
    guesses.append((lo.values - hi.values) // np.maximum(lo.counts - hi.counts, 1))
    return np.stack(guesses)


def _solve(
    solvers: Sequence[LayerSolver],
    interval: SearchInterval,
    undecided: npt.NDArray[np.bool_],
    guesses: Reals,
) -> Points:
    """Points [guesses, layers] between lo and hi of undecided layers; of the others, lo again."""
    rows = Points(*(np.tile(array, (len(guesses), 1)) for array in interval.lo))
    lo, hi = interval.lo.last, interval.hi.last
    for index in np.flatnonzero(undecided & ~interval.tied).tolist():
        penalties = np.unique(np.clip(guesses[:, index], lo[index] + 1, hi[index] - 1))
        found = np.arange(len(penalties))
        rows.last[found, index] = penalties
        rows.next_[found, index] = penalties - 1
        rows.counts[found, index], rows.values[found, index] = solvers[index].solve(
            penalties.astype(np.int64).tolist()
        )
    for index in np.flatnonzero(undecided & interval.tied).tolist():
        _divide_tie(rows, interval, index)
    return rows


def _divide_tie(rows: Points, interval: SearchInterval, index: int) -> None:
    """Set points in equal distances between lo and hi, each block between which brings the same."""
    fewest, brings = interval.hi.counts[index], interval.lo.last[index]
    parts = len(rows.counts) + 1
    added = (interval.lo.counts[index] - fewest) * np.arange(1, parts) // parts
    rows.last[:, index] = rows.next_[:, index] = brings
    rows.counts[:, index] = fewest + added
    rows.values[:, index] = interval.hi.values[index] + added * brings


def _likely_penalties(
    layers: Sequence[Layer], gain: MarginalGain, limits: Limits, form: str
) -> Reals:
    """Penalties [2, layers] likely to enclose those at the cutoff where the budget is spent."""
    points = _stack([_sampled_curve(layer, form) for layer in layers])
    _, upper = gain.cutoffs(points)
    logs = np.log(np.clip(upper, 1e-300, 1e300))  # infinite is that of no block
    spent = limits.costs * limits.clip(points.counts)
    cutoffs = np.unique(logs)
    total = np.zeros(len(cutoffs))
    for layer in range(len(layers)):
        total += np.interp(cutoffs, logs[:, layer], spent[:, layer])
    best = float(np.exp(np.interp(-limits.budget, -total, cutoffs)))
    above = np.clip((upper < best).sum(axis=0), 1, len(upper) - 1)
    lo, hi = points.take(above - 1), points.take(above)
    return np.stack([gain.penalties(best * near, lo, hi) for near in (1 - _MARGIN, 1 + _MARGIN)])


def _stack(curves: list[Points]) -> Points:
    """Points [points, layers] of curves [points]."""
    return Points(*(np.stack(arrays, axis=1) for arrays in zip(*curves, strict=True)))


def _sampled_curve(layer: Layer, form: str) -> Points:
    """Points [points] of a layer's curve, by rising penalty, as some of its lanes suggest."""
    sample = layer.sample(_SAMPLE_GROUPS)
    solver = solver_of(sample, form)
    steps: Reals = np.arange(-_OCTAVES * _PER_OCTAVE, 1) / _PER_OCTAVE
    penalties = np.maximum(np.rint(solver.max_score * 2.0**steps), 1).astype(np.int64)
    counts, values = solver.solve(penalties.tolist())
    share = len(layer.groups) / len(sample.groups)
    counts = np.rint(counts * share).astype(np.int64)
    values = np.rint(values * share).astype(np.int64)
    return Points(penalties, penalties - 1, counts, values)
