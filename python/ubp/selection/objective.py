"""What a selection over several layers maximises: its worth to the search, its score and bound.

Both objectives see a layer through the importance that it keeps, x, in units of its largest, peak:

    Sum        sum over layers of factor * x / peak, the normalised importance
    Product    sum over layers of log(x / all of the layer's importance)

Their bounds cover, besides the slack that the search leaves, what rounding the importance hides: up
to half a quantum of each element, in the layers' certificates for their own numbers of blocks, and
once more for any other numbers of blocks within the limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ubp.selection.bracket import Limits
from ubp.selection.evaluator import Layer
from ubp.selection.normalisation import LAMP, peak_factor
from ubp.selection.worth import Linear, Logarithmic, Reals, Worth

_SMALLEST_RATE = 1e-290  # the blocks of a layer that are worth less count as if worth this
_ROUNDING = 2**-40  # covers sums of float64, relatively


class Objective(Protocol):
    """See the module's description."""

    @property
    def worth(self) -> Worth:
        """What it makes of a layer's blocks."""

    def score(self, importance: Reals) -> float:
        """Its value where each layer keeps this importance [layers], in the caller's units."""

    def bound(self, bounds: Reals, slack: float) -> float:
        """What no selection within the limits exceeds.

        Args:
            bounds: [layers], of the importance that the chosen numbers of blocks can keep.
            slack: of the `Allocation` that chose them.
        """


def make_objective(
    normalize: str,
    layers: Sequence[Layer],
    limits: Limits,
) -> Objective:
    """The objective of a rule of `normalisation.NORMALIZATIONS`."""
    peaks = np.array([layer.peak for layer in layers])
    half_blocks = np.array([layer.block_size / layer.quanta / 2 for layer in layers])
    if normalize != LAMP:
        factors = np.array([peak_factor(layer.importance, normalize) for layer in layers])
        quanta = np.array([layer.quanta for layer in layers])
        return Sum(factors, peaks, quanta, half_blocks, limits)
    totals = np.array([_relative_total(layer) for layer in layers])
    return Product(totals, peaks, half_blocks, limits)


@dataclass(frozen=True)
class Sum:
    """See the module's description.

    Attributes:
        factors: float64 [layers], times the peak.
        peaks: float64 [layers].
        quanta: float64 [layers], see `Layer`.
        half_blocks: float64 [layers], what rounding can hide of a block, in units of the peak.
        limits: of the numbers of blocks.
    """

    factors: Reals
    peaks: Reals
    quanta: Reals
    half_blocks: Reals
    limits: Limits

    @property
    def _unit(self) -> float:
        """The largest factor, in which the search counts: no product of it can overflow."""
        return float(self.factors.max()) or 1.0

    @property
    def worth(self) -> Linear:
        """See `Objective`."""
        rates = self.factors / self._unit / self.quanta / self.limits.costs
        return Linear(np.maximum(rates, _SMALLEST_RATE))

    def score(self, importance: Reals) -> float:
        """See `Objective`."""
        relative = np.divide(
            importance, self.peaks, out=np.zeros_like(importance), where=self.peaks > 0
        )
        return float((self.factors * relative).sum())

    def bound(self, bounds: Reals, slack: float) -> float:
        """See `Objective`."""
        hidden = self.factors * self.half_blocks
        everywhere = float(hidden @ self.limits.at_most)
        affordable = float((hidden / self.limits.costs).max()) * self.limits.budget
        reached = self.score(bounds) + slack * self._unit + min(everywhere, affordable)
        return reached * (1 + _ROUNDING)


@dataclass(frozen=True)
class Product:
    """See the module's description; layers that cannot keep anything do not count.

    Attributes:
        totals: float64 [layers], all importance of a layer in units of its peak.
        peaks: float64 [layers].
        half_blocks: float64 [layers], what rounding can hide of a block, in units of the peak.
        limits: of the numbers of blocks.
    """

    totals: Reals
    peaks: Reals
    half_blocks: Reals
    limits: Limits

    @property
    def worth(self) -> Logarithmic:
        """See `Objective`."""
        return Logarithmic(self.limits.costs)

    def score(self, importance: Reals) -> float:
        """See `Objective`."""
        counts = self._counts
        return float(np.log(importance[counts] / self.peaks[counts] / self.totals[counts]).sum())

    def bound(self, bounds: Reals, slack: float) -> float:
        """See `Objective`."""
        # log(f(k) + k * half_block) <= log f(k) + k * half_block / f(k), the last of which never
        # falls as k rises (f being concave), nor as f is replaced by a smaller value.
        counts = self._counts
        most = self.half_blocks[counts] * self.limits.at_most[counts]
        least = np.maximum(bounds[counts] / self.peaks[counts] - 2 * most, 0.5)
        reached = self.score(bounds) + slack + float((most / least).sum())
        return reached + _ROUNDING * (1 + abs(reached))

    @property
    def _counts(self) -> npt.NDArray[np.bool_]:
        """Bool [layers]: layers that keep something."""
        counts: npt.NDArray[np.bool_] = (self.peaks > 0) & (self.limits.at_most > 0)
        return counts


def _relative_total(layer: Layer) -> float:
    """The sum of a layer's importance over its largest, which is finite for any importance."""
    if layer.peak == 0.0:
        return 0.0
    return float((layer.importance.astype(np.float64) / layer.peak).sum())
