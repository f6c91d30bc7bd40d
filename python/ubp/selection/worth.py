"""How the blocks of different layers are compared: what a block is worth per unit of its cost.

A layer whose k best blocks bring f(k) in quantised scores contributes to the whole

    Linear          weight * f(k)      importance times a factor per layer
    Logarithmic     log f(k)           so that the whole stands for the product of the layers

and its k-th block is *worth* what it adds to that, divided by the layer's cost of a block, c. Both
contributions are concave in k, so no block is worth more than the one before it: the blocks worth
at least some *threshold* are the layer's first ones, and a budget is used best by taking blocks
from all layers in the order of their worth (see allocation.py).

A point of a layer's curve says that its k-th block brings `last` or more and the next one `next_`
or less. The layer has exactly k blocks for every threshold t with lower < t <= upper, where

                    lower                             upper
    Linear          next_ * weight / c                last * weight / c
    Logarithmic     log(1 + next_ / f(k)) / c         log(1 + last / (f(k) - last)) / c

These are computed in float64, so that blocks of different layers are compared within its rounding.
Within a layer, rounding changes no order: what is computed of a block as the next one and as the
last one is the same, operation by operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


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
        """Points [rows, layers] with each layer's in the order of rising thresholds."""
        order = np.lexsort((self.last, -self.counts), axis=0)
        return Points(*(np.take_along_axis(array, order, axis=0) for array in self))


class Worth(Protocol):
    """See the module's description."""

    def thresholds(self, points: Points) -> tuple[Reals, Reals]:
        """(lower, upper) of each point [..., layers]."""

    def penalties(self, threshold: float, lo: Points, hi: Points) -> Reals:
        """Float64 [layers]: about the penalty at which a block is worth the threshold.

        A guess between two points of each layer, on which speed depends and no result.
        """

    def of_layers(self, layers: Integers) -> Self:
        """The same for some of the layers."""


@dataclass(frozen=True)
class Linear:
    """See the module's description.

    Attributes:
        rates: float64 [layers], weight / c, above 0.
    """

    rates: Reals

    def thresholds(self, points: Points) -> tuple[Reals, Reals]:
        """See `Worth`."""
        return points.next_ * self.rates, points.last * self.rates

    def penalties(self, threshold: float, lo: Points, hi: Points) -> Reals:
        """See `Worth`; here a point whose thresholds enclose the one given."""
        penalties: Reals = np.ceil(threshold / self.rates)
        return penalties

    def of_layers(self, layers: Integers) -> Linear:
        """See `Worth`."""
        return Linear(self.rates[layers])


@dataclass(frozen=True)
class Logarithmic:
    """See the module's description.

    The first block of a layer is worth more than any threshold, unless it brings nothing.

    Attributes:
        costs: float64 [layers], c, above 0.
    """

    costs: Reals

    def thresholds(self, points: Points) -> tuple[Reals, Reals]:
        """See `Worth`."""
        # Before the first block there is no value; what is asked of is the second one, which
        # brings at most as much as the first.
        base = np.maximum(points.values, np.maximum(points.next_, 1))
        lower = np.log1p(np.maximum(points.next_, -0.5) / base)
        before = np.maximum(points.values - points.last, 0)
        ratio = np.where(points.last > 0, np.inf, 0.0)
        upper = np.log1p(np.divide(points.last, before, out=ratio, where=before > 0))
        return lower / self.costs, upper / self.costs

    def penalties(self, threshold: float, lo: Points, hi: Points) -> Reals:
        """See `Worth`; here from values that change linearly with the penalty."""
        share = -np.expm1(-threshold * self.costs)
        slope = (lo.values - hi.values) / np.maximum(hi.last - lo.last, 1)
        penalties: Reals = share * (lo.values + slope * lo.last) / (1 + share * slope)
        return penalties

    def of_layers(self, layers: Integers) -> Logarithmic:
        """See `Worth`."""
        return Logarithmic(self.costs[layers])
