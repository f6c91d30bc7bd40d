# SPDX-License-Identifier: Apache-2.0
"""What a block brings: its marginal gain, by which the blocks of different layers are compared.

A layer whose k best blocks bring f(k) in quantised scores contributes to the whole

    LinearGain         weight * f(k)      importance times a factor per layer
    LogarithmicGain    log f(k)           so that the whole stands for the product of the layers

The *marginal gain* of its k-th block is what this adds to that, divided by the layer's cost of a
block, c. Both contributions are concave in k, so no block gains more than the one before it: the
blocks that gain at least some *cutoff* are the layer's first ones, and a budget is used best by
taking blocks from all layers in the order of their gains (see allocation.py).

A point of a layer's curve says that its k-th block brings `last` or more and the next one `next_`
or less. The layer has exactly k blocks for every cutoff t with lower < t <= upper, where

                       lower                             upper
    LinearGain         next_ * weight / c                last * weight / c
    LogarithmicGain    log(1 + next_ / f(k)) / c         log(1 + last / (f(k) - last)) / c

These are computed in float64, so that blocks of different layers are compared within its rounding.
Within a layer, rounding changes no order: what is computed of a block as the next one and as the
last one is the same, operation by operation.

**The search interval.** The cutoff t that is sought is the largest one at which the blocks that
gain as much spend the budget. A layer's final number of blocks, k, lies between its counts just
above t and at t. What is known of that:

    floor <= t <= ceiling
    lo   a point of each layer with its lower cutoff below floor, so that k <= lo.counts
    hi   a point of each layer with its upper cutoff above ceiling, so that k >= hi.counts

New points improve on that. At a cutoff x every layer has at least the blocks of any point whose
upper cutoff is x or more: if already these spend the budget, then t >= x. At a cutoff just above x
every layer has at most the blocks of any point whose lower cutoff is x or less: if even these do
not spend the budget, then t <= x. The larger floor and the smaller ceiling that follow may turn
points into lo and hi. (If the cutoffs of all new points of a row overlap, they all do; if not, then
at least the one with the smallest upper or the one with the largest lower cutoff.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ubp.selection.network.layers import Layer, LayerSolver
from ubp.selection.network.limits import Integers, Limits, Reals

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class Points(NamedTuple):
    """Points of the layers' curves; int64 arrays [..., layers].

    Attributes:
        last: what the last of the blocks brings at least.
        next_: what one more would bring at most, -1 if there is none.
        counts: k.
        values: f(k).
    """

    last: Integers
    next_: Integers
    counts: Integers
    values: Integers

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Points:
        """Of points [rows, layers]: that in the given row of every layer, rows [layers]."""
        layers = np.arange(len(rows))
        return Points(*(array[rows, layers] for array in self))

    def sorted(self) -> Points:
        """Points [rows, layers] with each layer's in the order of rising cutoffs."""
        order = np.lexsort((self.last, -self.counts), axis=0)
        return Points(*(np.take_along_axis(array, order, axis=0) for array in self))


class MarginalGain(Protocol):
    """See the module's description."""

    def cutoffs(self, points: Points) -> tuple[Reals, Reals]:
        """(lower, upper) of each point [..., layers]."""

    def penalties(self, cutoff: float, lo: Points, hi: Points) -> Reals:
        """Float64 [layers]: about the penalty at which a block gains the cutoff.

        A guess between two points of each layer, on which speed depends and no result.
        """

    def of_layers(self, layers: Integers) -> Self:
        """The same for some of the layers."""


@dataclass(frozen=True)
class LinearGain:
    """See the module's description.

    Attributes:
        rates: float64 [layers], weight / c, above 0.
    """

    rates: Reals

    def cutoffs(self, points: Points) -> tuple[Reals, Reals]:
        """See `MarginalGain`."""
        return points.next_ * self.rates, points.last * self.rates

    def penalties(self, cutoff: float, lo: Points, hi: Points) -> Reals:
        """See `MarginalGain`; here a point whose cutoffs enclose the one given."""
        penalties: Reals = np.ceil(cutoff / self.rates)
        return penalties

    def of_layers(self, layers: Integers) -> LinearGain:
        """See `MarginalGain`."""
        return LinearGain(self.rates[layers])


@dataclass(frozen=True)
class LogarithmicGain:
    """See the module's description.

    The first block of a layer gains more than any cutoff, unless it brings nothing.

    Attributes:
        costs: float64 [layers], c, above 0.
    """

    costs: Reals

    def cutoffs(self, points: Points) -> tuple[Reals, Reals]:
        """See `MarginalGain`."""
        # Before the first block there is no value; what is asked of is the second one, which
        # brings at most as much as the first.
        base = np.maximum(points.values, np.maximum(points.next_, 1))
        lower = np.log1p(np.maximum(points.next_, -0.5) / base)
        before = np.maximum(points.values - points.last, 0)
        ratio = np.where(points.last > 0, np.inf, 0.0)
        upper = np.log1p(np.divide(points.last, before, out=ratio, where=before > 0))
        return lower / self.costs, upper / self.costs

    def penalties(self, cutoff: float, lo: Points, hi: Points) -> Reals:
        """See `MarginalGain`; here from values that change linearly with the penalty."""
        share = -np.expm1(-cutoff * self.costs)
        slope = (lo.values - hi.values) / np.maximum(hi.last - lo.last, 1)
        penalties: Reals = share * (lo.values + slope * lo.last) / (1 + share * slope)
        return penalties

    def of_layers(self, layers: Integers) -> LogarithmicGain:
        """See `MarginalGain`."""
        return LogarithmicGain(self.costs[layers])


@dataclass(frozen=True)
class SearchInterval:
    """See the module's description; lo and hi are points [layers]."""

    floor: float
    ceiling: float
    lo: Points
    hi: Points

    @classmethod
    def widest(cls, layers: Sequence[Layer], solvers: Sequence[LayerSolver]) -> SearchInterval:
        """Between all blocks, whose values are not known yet but bounded, and none."""
        best = np.array([solver.max_score for solver in solvers], dtype=np.int64)
        most = np.array([layer.max_blocks for layer in layers], dtype=np.int64)
        none = np.zeros_like(most)
        lo = Points(last=none, next_=none - 1, counts=most, values=best * most)
        hi = Points(last=best + 1, next_=best, counts=none, values=none)
        return cls(0.0, np.inf, lo, hi)

    @property
    def tied(self) -> npt.NDArray[np.bool_]:
        """Bool [layers]: whether each block between lo and hi brings exactly lo.last."""
        tied: npt.NDArray[np.bool_] = self.hi.last - self.lo.last <= 1
        return tied

    def has_points_of(self, other: SearchInterval) -> bool:
        """Whether lo and hi of all layers are the same as another interval's."""
        pairs = zip((*self.lo, *self.hi), (*other.lo, *other.hi), strict=True)
        return all(np.array_equal(mine, others) for mine, others in pairs)

    def tighten(self, new: Points, gain: MarginalGain, limits: Limits) -> SearchInterval:
        """Make use of new points [rows, layers] that lie between lo and hi."""
        points = Points(
            *(np.vstack(parts) for parts in zip(self.lo, new, self.hi, strict=True))
        ).sorted()
        lower, upper = gain.cutoffs(points)
        spent = limits.costs * limits.clip(points.counts)
        total, drops = float(spent[0].sum()), spent[:-1] - spent[1:]
        floor = max(self.floor, _last_spending(upper[:-1], drops, total, limits, self.ceiling))
        ceiling = min(self.ceiling, _first_saving(lower[1:], drops, total, limits, floor))
        lo_row = (lower < floor).sum(axis=0) - 1
        hi_row = np.minimum((upper <= ceiling).sum(axis=0), len(upper) - 1)
        return SearchInterval(floor, ceiling, points.take(lo_row), points.take(hi_row))


def _last_spending(
    upper: Reals, drops: Reals, total: float, limits: Limits, ceiling: float
) -> float:
    """The largest cutoff x up to ceiling at which the sure blocks spend the budget, or 0.

    Sure are all that cost `total`, less drops [rows, layers] where the upper cutoff is below x.
    """
    cutoffs, dropped = _steps(upper, drops)
    remaining = total - dropped[np.searchsorted(cutoffs, cutoffs, side="left")]
    spending = cutoffs[(remaining >= limits.budget) & (cutoffs <= ceiling)]
    return float(spending.max(initial=0.0))


def _first_saving(lower: Reals, drops: Reals, total: float, limits: Limits, floor: float) -> float:
    """The smallest cutoff x from floor on above which the possible blocks leave some budget.

    Possible are all that cost `total`, less drops [rows, layers] where the lower cutoff is at
    most x.
    """
    cutoffs, dropped = _steps(lower, drops)
    remaining = total - dropped[np.searchsorted(cutoffs, cutoffs, side="right")]
    saving = cutoffs[(remaining < limits.budget) & (cutoffs >= floor)]
    return float(saving.min(initial=np.inf))


def _steps(cutoffs: Reals, drops: Reals) -> tuple[Reals, Reals]:
    """Thresholds sorted [n], and what has dropped out before each of them and in all [n + 1]."""
    order = np.argsort(cutoffs, axis=None)
    dropped = np.concatenate([[0.0], np.cumsum(drops.ravel()[order])])
    return cutoffs.ravel()[order], dropped
