"""The hill climb: channels at many places are exchanged at once, as an assignment problem.

What is climbed is the value of an order at a fixed price per block (`permutation_tables.py`): up to
the price of the blocks, the importance that the optimal selection keeps. Each layer's price is
found anew every few rounds.

Let P be places at least N apart, so that no block covers two of them. The gain of rearranging their
channels is close to the sum of what each place gains by itself, so that of all |P|! rearrangements
the best is the solution of a linear assignment problem. The sum is not exact, as the blocks
between two places may shift; hence the result is taken only if it is worth more. That is one
round; another set P is drawn for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ubp.selection.permutation_tables import LaneTables
from ubp.selection.select import max_num_blocks, select_blocks

_ROUNDS_PER_PRICE = 25
_LEAST_GAIN = 1e-7  # relative; what is less may be rounding

_Order = npt.NDArray[np.int64]


class HillClimb:
    """The search for an order of the channels of some layers.

    Args:
        importances: float [lanes, channels] of each layer, finite and >= 0.
        block_size: N, at most `channels`.
        counts: how many blocks each layer keeps.
        seed: of the choice of places.
    """

    def __init__(
        self,
        importances: Sequence[npt.NDArray[np.floating]],
        block_size: int,
        counts: Sequence[int],
        seed: int,
    ) -> None:
        self._layers = importances
        self._block_size = block_size
        self._counts = counts
        self._random = np.random.default_rng(seed)
        self._columns = np.ascontiguousarray(np.concatenate(importances).T, dtype=np.float32)

    def run(self, order: _Order, rounds: int, after_round: Callable[[], None]) -> _Order:
        """An order int64 [channels] better than the given one, or that one; at least one round."""
        for done in range(rounds):
            if done % _ROUNDS_PER_PRICE == 0:
                prices = self._prices(order)
                tables = LaneTables.of(self._columns[order], prices, self._block_size)
            changed = self._rearrange(order, tables)
            candidate = LaneTables.of(self._columns[changed], prices, self._block_size)
            if candidate.value > tables.value * (1 + _LEAST_GAIN):
                tables, order = candidate, changed
            after_round()
        return order

    def _prices(self, order: _Order) -> npt.NDArray[np.float32]:
        """Float32 [lanes]: what one block more would add to the layer that the lane is in."""
        prices = []
        for layer, count in zip(self._layers, self._counts, strict=True):
            ordered = np.ascontiguousarray(layer[:, order])
            lanes, channels = layer.shape
            most = max_num_blocks((lanes, channels), self._block_size)
            step = max(1, count // 64)
            low, high = max(count - step, 0), min(count + step, most)
            less, more = (
                select_blocks(ordered, self._block_size, num_blocks=m).score for m in (low, high)
            )
            prices.append(np.full(lanes, (more - less) / (high - low), dtype=np.float32))
        return np.concatenate(prices)

    def _rearrange(self, order: _Order, tables: LaneTables) -> _Order:
        """The best rearrangement of channels at some places, as it seems from each by itself."""
        widest = min(2 * self._block_size, len(order))
        stride = int(self._random.integers(self._block_size, widest, endpoint=True))
        first = int(self._random.integers(stride))
        places = list(range(first, len(order), stride))
        channels = tables.columns[places]
        gains = np.stack([tables.gains(place, channels) for place in places])
        _, chosen = linear_sum_assignment(gains, maximize=True)
        rearranged = order.copy()
        rearranged[places] = order[places][chosen]
        return rearranged
