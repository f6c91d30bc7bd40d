# SPDX-License-Identifier: Apache-2.0
"""The hill climb: channels at many places are exchanged at once, as an assignment problem.

What is climbed is the value of an order at a fixed price per block: up to the price of the blocks,
the importance that the optimal selection keeps. Each layer's price is found anew every few rounds.

Let P be places at least N apart, so that no block covers two of them, and at least M apart if there
are readers (readers.py), so that no two are in one group of lanes. The gain of rearranging their
channels is close to the sum of what each place gains by itself, so that of all |P|! rearrangements
the best is the solution of a linear assignment problem. The sum is not exact, as the blocks
between two places may shift; hence the result is taken only if it is worth more. That is one
round; another set P is drawn for the next.

**The tables of an order.** At a price lambda per block (see layer/lane_program.py), the best blocks
of a lane are worth V[C], with s[i] the importance of the block that starts at place i, less lambda:

    V[i] = max(V[i-1], V[i-N] + s[i-N])     the best of places 0 .. i-1
    W[i] = max(W[i+1], s[i] + W[i+N])       the best of places i .. C-1

If a channel of importance x in this lane came to place p, and all others stayed, the lane would be
worth

    max(V[p] + W[p+1], x + m[p])

where m[p] is the largest sum, over the blocks that cover p, of V before the block, s without place
p, and W after it.

    columns  [channels, lanes]          float32   in the order that is looked at
    prices   [lanes]                    float32   lambda, one per layer; readers have one each
    scores   [channels - N + 1, lanes]  float32   s
    V, W     [channels + 1, lanes]      float32
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.extras import extra_needed
from ubp.selection.layer.select import max_num_blocks, select_blocks
from ubp.selection.order.readers import Reader, ReaderTables

with extra_needed("an order of channels by hill climbing"):
    from scipy.optimize import linear_sum_assignment

_ROUNDS_PER_PRICE = 25
_LEAST_GAIN = 1e-7  # relative; what is less may be rounding
_MOST_READ = 2**21  # numbers of all readers' candidates for all places of a round

_Order = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]


class HillClimb:
    """The search for an order of the channels of some layers.

    Args:
        importances: float [lanes, channels] of each layer, finite and >= 0.
        readers: layers that read the channels.
        block_size: N, at most `channels`.
        counts: how many blocks each layer keeps, and each reader.
        seed: of the choice of places.
    """

    def __init__(
        self,
        importances: Sequence[npt.NDArray[np.floating]],
        readers: Sequence[Reader],
        block_size: int,
        counts: Sequence[int],
        seed: int,
    ) -> None:
        self._layers, self._readers = importances, readers
        self._block_size = block_size
        self._counts = counts
        self._random = np.random.default_rng(seed)
        columns = np.concatenate(importances).T if importances else np.empty((0, 0))
        self._columns = np.ascontiguousarray(columns, dtype=np.float32)
        self._rows = [np.ascontiguousarray(each.rows(), dtype=np.float32) for each in readers]

    def run(self, order: _Order, rounds: int, after_round: Callable[[], None]) -> _Order:
        """An order int64 [channels] better than the given one, or that one; at least one round."""
        for done in range(rounds):
            if done % _ROUNDS_PER_PRICE == 0:
                prices = self._prices(order)
                tables = self._tables(order, prices)
            changed = self._rearrange(order, tables)
            candidate = self._tables(changed, prices)
            if candidate.value > tables.value * (1 + _LEAST_GAIN):
                tables, order = candidate, changed
            after_round()
        return order

    def _tables(self, order: _Order, prices: Sequence[float]) -> _Tables:
        """The tables of an order at the prices of the layers and readers."""
        own, read = None, prices[len(self._layers) :]
        if self._layers:
            lanes = [len(each) for each in self._layers]
            of_lanes = np.repeat(np.array(prices[: len(lanes)], dtype=np.float32), lanes)
            own = LaneTables.of(self._columns[order], of_lanes, self._block_size)
        readers = [
            ReaderTables.of(rows[:, :, order], reader.block_lanes, price, self._block_size)
            for rows, reader, price in zip(self._rows, self._readers, read, strict=True)
        ]
        return _Tables(own, readers)

    def _prices(self, order: _Order) -> list[float]:
        """Of each layer and reader: what one block more would add to it."""
        own = [(layer[:, order], 1) for layer in self._layers]
        read = [(each.reordered(order), each.block_lanes) for each in self._readers]
        pairs = zip([*own, *read], self._counts, strict=True)
        return [self._price(*layer, count) for layer, count in pairs]

    def _price(self, importance: npt.NDArray[np.floating], block_lanes: int, count: int) -> float:
        importance = np.ascontiguousarray(importance)
        lanes, channels = importance.shape
        most = max_num_blocks((lanes, channels), self._block_size, block_lanes)
        step = max(1, count // 64)
        low, high = max(count - step, 0), min(count + step, most)
        less, more = (
            select_blocks(importance, self._block_size, num_blocks=m, block_lanes=block_lanes).score
            for m in (low, high)
        )
        return (more - less) / (high - low)

    def _rearrange(self, order: _Order, tables: _Tables) -> _Order:
        """The best rearrangement of channels at some places, as it seems from each by itself."""
        places = self._places(len(order))
        _, chosen = linear_sum_assignment(tables.gains(places), maximize=True)
        rearranged = order.copy()
        rearranged[places] = order[places][chosen]
        return rearranged

    def _places(self, channels: int) -> list[int]:
        """Rising, far enough from each other; with readers not more than are quickly looked at."""
        apart = max([self._block_size, *(each.block_lanes for each in self._readers)])
        widest = min(2 * apart, channels)
        stride = int(self._random.integers(apart, widest, endpoint=True))
        first = int(self._random.integers(stride))
        places = list(range(first, channels, stride))
        cells = sum(rows[:, :, 0].size for rows in self._rows)
        most = max(2, math.isqrt(_MOST_READ // cells)) if cells else len(places)
        if len(places) > most:
            places = sorted(self._random.choice(places, most, replace=False).tolist())
        return places


@dataclass(frozen=True)
class _Tables:
    """An order as all layers see it: own, those whose outputs the channels are, and readers."""

    own: LaneTables | None
    readers: Sequence[ReaderTables]

    @property
    def value(self) -> float:
        """What the lanes are worth together: importance kept, less the price of the blocks."""
        own = 0.0 if self.own is None else self.own.value
        return own + sum(each.value for each in self.readers)

    def gains(self, places: list[int]) -> _Floats:
        """What is gained if another of these channels came to one of their places.

        Returns:
            [places, candidates], both as in `places`; rows may have a constant added.
        """
        gains = np.zeros((len(places), len(places)), dtype=np.float32)
        if self.own is not None:
            channels = self.own.columns[places]
            gains += np.stack([self.own.gains(place, channels) for place in places])
        for reader in self.readers:
            gains += reader.gains(places)
        return gains


@dataclass(frozen=True)
class LaneTables:
    """The tables of one order; see the module's description."""

    columns: _Floats
    scores: _Floats
    before: _Floats  # V
    after: _Floats  # W

    @classmethod
    def of(cls, columns: _Floats, prices: _Floats, block_size: int) -> LaneTables:
        """Fill the tables for importances [channels, lanes]."""
        n = block_size
        channels, lanes = columns.shape
        num_starts = channels - n + 1
        scores = columns[:num_starts] - prices
        for offset in range(1, n):
            scores += columns[offset : offset + num_starts]
        before = np.zeros((channels + 1, lanes), dtype=np.float32)
        after = np.zeros((channels + 1, lanes), dtype=np.float32)
        for end in range(n, channels + 1):
            np.add(before[end - n], scores[end - n], out=before[end])
            np.maximum(before[end], before[end - 1], out=before[end])
        for start in range(num_starts - 1, -1, -1):
            np.add(scores[start], after[start + n], out=after[start])
            np.maximum(after[start], after[start + 1], out=after[start])
        return cls(columns, scores, before, after)

    @property
    def value(self) -> float:
        """What the lanes are worth together: importance kept, less the price of the blocks."""
        return float(self.before[-1].sum(dtype=np.float64))

    def gains(self, place: int, channels: _Floats) -> _Floats:
        """What all lanes gain if a channel comes to a place, over leaving that place uncovered.

        Args:
            place: 0 to C-1.
            channels: [candidates, lanes], the importances of each channel that might come.

        Returns:
            Float32 [candidates].
        """
        n = len(self.columns) - len(self.scores) + 1
        first, last = max(0, place - n + 1), min(place, len(self.scores) - 1)
        blocks = self.before[first : last + 1] + self.scores[first : last + 1]
        blocks += self.after[first + n : last + n + 1]
        covered = blocks.max(axis=0) - self.columns[place]  # m
        uncovered = self.before[place] + self.after[place + 1]
        added = channels + (covered - uncovered)
        gains: _Floats = np.maximum(added, 0, out=added).sum(axis=1)
        return gains
