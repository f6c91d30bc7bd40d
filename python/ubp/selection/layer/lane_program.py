# SPDX-License-Identifier: Apache-2.0
"""The best blocks of each lane when every block costs the same price: one pass over the channels.

With s[i] the score of the block that starts at channel i and lambda the price (the *penalty*) of a
block, the best net value V[i] of a lane's first i channels is

    V[i] = max(V[i-1], V[i-N] + s[i-N] - lambda)

vectorised across lanes (and penalties), so all arrays here have the lanes last:

    scaled  [channels - N + 1, lanes]   int64   s * K
    V       [penalties, lanes]          int64   one row of a ring of N + 1

**Counting without a second array.** K is a power of two above the number of blocks of a lane, and
the programme runs on K * s with the penalty K * lambda - 1. That breaks ties in favour of more
blocks, and leaves the number of blocks of the winner in the low bits of V.

**No penalty is negative.** As importance is >= 0, a further block never costs importance if it can
be packed at all: of a lane's elements left out, N successive ones and the blocks between them are
as long as one block more, which covers all that was covered before. Hence at lambda = 0, with ties
broken as above, every lane is packed full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.quantised import QuantisedLayer, count_bits


@dataclass(frozen=True)
class LaneValues:
    """The best of each lane, per penalty; among equals, that with the most blocks.

    Attributes:
        counts: int64 [penalties, lanes], number of blocks.
        values: int64 [penalties, lanes], their summed score, penalties not subtracted.
    """

    counts: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]


@dataclass(frozen=True)
class LaneProgram:
    """A set of lanes with equally many channels, ready to be solved for any penalty.

    Attributes:
        scaled: int64 [channels - N + 1, lanes], block scores times 2^bits.
        block_size: N.
        bits: see `count_bits`.
    """

    scaled: npt.NDArray[np.int64]
    block_size: int
    bits: int

    @classmethod
    def of(cls, layer: QuantisedLayer) -> LaneProgram:
        """The programme of all lanes of a layer."""
        lanes, num_starts = layer.scores.shape
        bits = count_bits(layer.shape[1], layer.block_size)
        scaled = np.empty((num_starts, lanes), dtype=np.int64)
        np.copyto(scaled, layer.scores.T)
        scaled <<= bits
        return cls(scaled, layer.block_size, bits)

    @property
    def num_lanes(self) -> int:
        """Number of lanes."""
        return int(self.scaled.shape[1])

    @property
    def max_score(self) -> int:
        """The best block's score."""
        return int(self.scaled.max()) >> self.bits

    def subset(self, lanes: npt.NDArray[np.bool_] | slice) -> LaneProgram:
        """The programme of some of the lanes."""
        return LaneProgram(np.ascontiguousarray(self.scaled[:, lanes]), self.block_size, self.bits)

    def solve(self, penalties: list[int]) -> LaneValues:
        """Count and value of each lane's best blocks, for each penalty >= 0."""
        packed = self._sweep(penalties, taken=None)
        counts = packed & ((1 << self.bits) - 1)
        price = np.array(penalties, dtype=np.int64)[:, np.newaxis]
        return LaneValues(counts, (packed >> self.bits) + counts * price)

    def trace(self, penalty: int) -> npt.NDArray[np.int64]:
        """The blocks that `solve` counts, as sorted positions lane * channels + start."""
        num_starts, lanes = self.scaled.shape
        taken = np.empty((num_starts, lanes), dtype=np.bool_)
        self._sweep([penalty], taken)
        # Walk back from the last channel: a block is kept if it ends where the walk has come to.
        free_from = np.full(lanes, num_starts, dtype=np.int32)
        for start in range(num_starts - 1, -1, -1):
            taken[start] &= free_from > start
            free_from[taken[start]] = start - self.block_size + 1
        flat = np.flatnonzero(np.ascontiguousarray(taken.T))
        positions: npt.NDArray[np.int64] = flat + flat // num_starts * (self.block_size - 1)
        return positions

    def _sweep(
        self, penalties: list[int], taken: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.int64]:
        """Run the recurrence; return V at the last channel [penalties, lanes].

        For a single penalty, `taken` [channels - N + 1, lanes] records where taking the block that
        starts there is strictly better than leaving its last channel out.
        """
        n = self.block_size
        price = (np.array(penalties, dtype=np.int64)[:, np.newaxis] << self.bits) - 1
        ring = np.zeros((n + 1, len(penalties), self.num_lanes), dtype=np.int64)
        for start, scores in enumerate(self.scaled):
            end = start + n
            skip, take = ring[(end - 1) % (n + 1)], ring[end % (n + 1)]
            np.add(ring[start % (n + 1)], scores, out=take)
            np.subtract(take, price, out=take)
            if taken is not None:
                np.greater(take[0], skip[0], out=taken[start])
            np.maximum(take, skip, out=take)
        last: npt.NDArray[np.int64] = take
        return last
