"""One layer's trade-off between density and the importance that is kept: `TradeoffCurve`.

tradeoff.py makes them, tradeoff_plot.py draws them. Immutable, so that threads may share them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.arguments import shown
from ubp.selection.worth import Integers, Reals

_ROUNDING = 2**-40  # covers products and sums of float64, relatively


@dataclass(frozen=True, eq=False)
class TradeoffCurve:
    """One layer's largest kept importance for any number of blocks, between certain bounds.

    The arrays are of the points where it was solved, from no block to as many as fit.

    Attributes:
        name: of the layer.
        shape: (lanes, channels).
        block_size: N.
        num_blocks: int64 [points], rising.
        importance: float64 [points], the importance that these many blocks keep at most, in the
            caller's units and up to the rounding of quantised.py.
        penalties: float64 [points], a block's price, in units of importance, at which they are
            best, falling: the slope of the curve.
        total: all importance of the layer.
        hidden: how much importance rounding hides of a block at most.
    """

    name: str
    shape: tuple[int, int]
    block_size: int
    num_blocks: Integers
    importance: Reals
    penalties: Reals
    total: float
    hidden: float

    @property
    def density(self) -> Reals:
        """Float64 [points]: the share of weights kept."""
        lanes, channels = self.shape
        return np.asarray(self.num_blocks * self.block_size / (lanes * channels), dtype=np.float64)

    @property
    def kept(self) -> Reals:
        """Float64 [points]: the share of importance kept; 1 in a layer that has none."""
        if self.total == 0.0:
            return np.ones(len(self.importance))
        return self.importance / self.total

    def bounds(self, num_blocks: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Certificates: what any numbers of blocks keep at least and at most at their best.

        Args:
            num_blocks: [...], 0 to the most that fit.

        Returns:
            (lower, upper), float64 [...], in the caller's units.

        Raises:
            ValueError: if they are other numbers, or none.
        """
        given = np.asarray(num_blocks)
        if given.dtype.kind not in "iuf":
            raise ValueError(f"num_blocks is {shown(num_blocks)}; expected numbers of blocks.")
        count = given.astype(np.float64)
        if not np.all((count >= 0) & (count <= self.num_blocks[-1])):
            raise ValueError(
                f"num_blocks has values from {count.min():.10g} to {count.max():.10g}; expected 0 "
                f"to {self.num_blocks[-1]}, the most that fit {self.name}."
            )
        chord = np.interp(count, self.num_blocks, self.importance)
        added = count[..., np.newaxis] - self.num_blocks
        tangents = (self.importance + added * self.penalties).min(axis=-1)
        lower = (chord - count * self.hidden) * (1 - _ROUNDING)
        upper = (tangents + count * self.hidden) * (1 + _ROUNDING)
        return np.maximum(lower, 0.0), upper
