"""How many blocks of each layer to keep, so that a budget for all layers is used best.

    maximise  sum over layers l of contribution_l(f_l(k_l))       (see worth.py)
    so that   sum of c_l * k_l <= budget,   at_least_l <= k_l <= at_most_l

Every contribution is concave in k_l, and a limit on k_l leaves it so. Everett ("Generalized
Lagrange Multiplier Method", Operations Research 11, 1963): the blocks worth at least a threshold t,
within the limits, are the best use of what they cost. Fox ("Discrete Optimization via Marginal
Analysis", Management Science 13, 1966): so are the blocks taken one by one by falling worth. Hence

- if all costs are equal, the result is exact;
- if they are not, it is exact where the budget is spent to the end. Otherwise it lacks at most what
  the first block that no longer fits contributes (Dantzig's bound for the knapsack problem). What
  is left goes to the most worthy blocks that still fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ubp.selection.bracket import Bracket, Limits
from ubp.selection.evaluator import Layer
from ubp.selection.sampling import likely_penalties
from ubp.selection.threshold import search
from ubp.selection.worth import Integers, Points, Reals, Worth


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


def allocate(layers: Sequence[Layer], worth: Worth, limits: Limits, core: str) -> Allocation:
    """Use the budget best; of equals, the first layers get more blocks.

    Args:
        layers: [layers].
        worth: of their blocks.
        limits: on the numbers of blocks, none of which can be above what the layer holds.
        core: the form of selection in use, see backend.py.
    """
    start = likely_penalties(layers, worth, limits, core)
    first = _spend(layers, worth, limits, start, core)
    counts = first.counts
    start = np.outer([1 - 2**-10, 1 - 2**-5], first.penalties)
    while True:
        left = limits.budget - limits.spent(counts)
        room = np.flatnonzero((counts < limits.at_most) & (limits.costs <= left))
        within = _topping_up(limits, counts, left, room)
        some = [layers[index] for index in room.tolist()]
        more = _spend(some, worth.of_layers(room), within, start[:, room], core)
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
    worth: Worth,
    limits: Limits,
    start: Reals,
    core: str,
) -> Allocation:
    """Take blocks by falling worth, until in no layer the next one fits."""
    none = np.zeros_like(limits.at_least)
    if limits.spent(limits.at_most) <= limits.budget:
        return Allocation(limits.at_most.copy(), none, 0.0)
    if limits.spent(limits.at_least) >= limits.budget:
        return Allocation(limits.at_least.copy(), none, 0.0)
    bracket = search(layers, worth, limits, start, core)
    counts, slack = _fill(bracket, worth, limits)
    return Allocation(counts, bracket.lo.last, slack)


def _fill(bracket: Bracket, worth: Worth, limits: Limits) -> tuple[Integers, float]:
    """Counts and slack (see `Allocation`) of a bracket that no longer can be tightened."""
    lo, hi = bracket.lo, bracket.hi
    counts = limits.clip(hi.counts)
    between = limits.clip(lo.counts) - counts
    # All blocks between are worth what the first of them is.
    values = hi.values + lo.last * (counts - hi.counts)
    worths, _ = worth.thresholds(Points(lo.last, lo.last, counts, values))
    left = limits.budget - limits.spent(counts)
    slack: float | None = None  # none as long as the next block fits
    for index in np.flatnonzero(between)[np.argsort(-worths[between > 0], kind="stable")]:
        cost = float(limits.costs[index])
        added = min(int(between[index]), int(left // cost))
        counts[index] += added
        left -= added * cost
        if slack is not None:
            slack -= added * cost * float(worths[index])
        elif added < between[index]:
            slack = left * float(worths[index])
    return counts, max(slack or 0.0, 0.0)
