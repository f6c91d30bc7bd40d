"""What the search over layers knows: the threshold within bounds, each layer between two points.

The threshold t is the largest one at which the blocks worth as much spend the budget. A layer's
final number of blocks, k, lies between its counts just above t and at t. What is known:

    floor <= t <= ceiling
    lo   a point of each layer with its lower threshold below floor, so that k <= lo.counts
    hi   a point of each layer with its upper threshold above ceiling, so that k >= hi.counts

New points improve on that. At a threshold x every layer has at least the blocks of any point whose
upper threshold is x or more: if already these spend the budget, then t >= x. At a threshold just
above x every layer has at most the blocks of any point whose lower threshold is x or less: if even
these do not spend the budget, then t <= x. The larger floor and the smaller ceiling that follow
may turn points into lo and hi. (If the thresholds of all new points of a row overlap, they all do;
if not, then at least the one with the smallest upper or the one with the largest lower threshold.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.selection.evaluator import Layer, LayerEvaluator
from ubp.selection.worth import Integers, Points, Reals, Worth


@dataclass(frozen=True)
class Limits:
    """What the numbers of blocks must satisfy.

    Attributes:
        costs: float64 [layers], of a block, above 0.
        at_least, at_most: int64 [layers], limits of each layer's number of blocks.
        budget: what the blocks of all layers may cost; enough for `at_least`.
    """

    costs: Reals
    at_least: Integers
    at_most: Integers
    budget: float

    def clip(self, counts: Integers) -> Integers:
        """Counts [..., layers] within each layer's limits."""
        return np.clip(counts, self.at_least, self.at_most)

    def spent(self, counts: Integers) -> float:
        """What counts [layers] of blocks cost."""
        return float(counts @ self.costs)


@dataclass(frozen=True)
class Bracket:
    """See the module's description; lo and hi are points [layers]."""

    floor: float
    ceiling: float
    lo: Points
    hi: Points

    @classmethod
    def widest(cls, layers: Sequence[Layer], evaluators: Sequence[LayerEvaluator]) -> Bracket:
        """Between all blocks, whose values are not known yet but bounded, and none."""
        best = np.array([evaluator.max_score for evaluator in evaluators], dtype=np.int64)
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

    def has_points_of(self, other: Bracket) -> bool:
        """Whether lo and hi of all layers are the same as another bracket's."""
        pairs = zip((*self.lo, *self.hi), (*other.lo, *other.hi), strict=True)
        return all(np.array_equal(mine, others) for mine, others in pairs)

    def tighten(self, new: Points, worth: Worth, limits: Limits) -> Bracket:
        """Make use of new points [rows, layers] that lie between lo and hi."""
        points = Points(
            *(np.vstack(parts) for parts in zip(self.lo, new, self.hi, strict=True))
        ).sorted()
        lower, upper = worth.thresholds(points)
        spent = limits.costs * limits.clip(points.counts)
        total, drops = float(spent[0].sum()), spent[:-1] - spent[1:]
        floor = max(self.floor, _last_spending(upper[:-1], drops, total, limits, self.ceiling))
        ceiling = min(self.ceiling, _first_saving(lower[1:], drops, total, limits, floor))
        lo_row = (lower < floor).sum(axis=0) - 1
        hi_row = np.minimum((upper <= ceiling).sum(axis=0), len(upper) - 1)
        return Bracket(floor, ceiling, points.take(lo_row), points.take(hi_row))


def _last_spending(
    upper: Reals, drops: Reals, total: float, limits: Limits, ceiling: float
) -> float:
    """The largest threshold x up to ceiling at which the sure blocks spend the budget, or 0.

    Sure are all that cost `total`, less drops [rows, layers] where the upper threshold is below x.
    """
    thresholds, dropped = _steps(upper, drops)
    remaining = total - dropped[np.searchsorted(thresholds, thresholds, side="left")]
    spending = thresholds[(remaining >= limits.budget) & (thresholds <= ceiling)]
    return float(spending.max(initial=0.0))


def _first_saving(lower: Reals, drops: Reals, total: float, limits: Limits, floor: float) -> float:
    """The smallest threshold x from floor on above which the possible blocks leave some budget.

    Possible are all that cost `total`, less drops [rows, layers] where the lower threshold is at
    most x.
    """
    thresholds, dropped = _steps(lower, drops)
    remaining = total - dropped[np.searchsorted(thresholds, thresholds, side="right")]
    saving = thresholds[(remaining < limits.budget) & (thresholds >= floor)]
    return float(saving.min(initial=np.inf))


def _steps(thresholds: Reals, drops: Reals) -> tuple[Reals, Reals]:
    """Thresholds sorted [n], and what has dropped out before each of them and in all [n + 1]."""
    order = np.argsort(thresholds, axis=None)
    dropped = np.concatenate([[0.0], np.cumsum(drops.ravel()[order])])
    return thresholds.ravel()[order], dropped
