"""What an order of channels is worth at a fixed price per block, and what an exchange changes.

At a price lambda per block (see `lane_program.py`), the best blocks of a lane are worth V[C], with
s[i] the importance of the block that starts at place i, less lambda:

    V[i] = max(V[i-1], V[i-N] + s[i-N])     the best of places 0 .. i-1
    W[i] = max(W[i+1], s[i] + W[i+N])       the best of places i .. C-1

If a channel of importance x in this lane came to place p, and all others stayed, the lane would be
worth

    max(V[p] + W[p+1], x + m[p])

where m[p] is the largest sum, over the blocks that cover p, of V before the block, s without place
p, and W after it.

    columns  [channels, lanes]          float32   in the order that is looked at
    prices   [lanes]                    float32   lambda, one per layer
    scores   [channels - N + 1, lanes]  float32   s
    V, W     [channels + 1, lanes]      float32
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float32]


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
