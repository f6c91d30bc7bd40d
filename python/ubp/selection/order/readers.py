# SPDX-License-Identifier: Apache-2.0
"""Readers: layers whose input channels are put in order, so that lanes that matter together meet.

A block of M lanes has M neighbouring input channels of one tap (see ubp.lanes), so that the order
of a layer's input channels decides which lanes share a block. It does not matter in which order
they are within their M, nor which M come first.

    lanes    [taps, channels]                 int64    where each channel's lane of each tap is
    rows     [outputs, taps, channels]        float32  importance of these lanes, in some order
    sums     [outputs, taps, channels / M]    float32  that of each M together
    worth    [channels / M]                   float32  of the best blocks, less their price

A price is per block, as in hill_climb.py; at a price, what groups of lanes are worth adds up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_CHUNK = 2**20  # numbers that are looked at together

_Order = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reader:
    """A layer that reads the channels which are put in order.

    Attributes:
        importance: float [all lanes, outputs], finite and >= 0; other lanes than those of the
            channels count where it is said how many blocks the layer keeps.
        lanes: int64 [taps, channels]; every M channels, one after the other, are a group of lanes.
        block_lanes: M.
    """

    importance: npt.NDArray[np.floating]
    lanes: npt.NDArray[np.int64]
    block_lanes: int

    def reordered(self, order: _Order) -> npt.NDArray[np.floating]:
        """The importance with the channels in another order."""
        result = self.importance.copy()
        result[self.lanes] = self.importance[self.lanes[:, order]]
        return result

    def rows(self) -> npt.NDArray[np.floating]:
        """[outputs, taps, channels]; see the module's description."""
        return self.importance[self.lanes].transpose(2, 0, 1)


@dataclass(frozen=True, eq=False)
class ReaderTables:
    """What an order is worth to one reader at a price; see the module's description."""

    rows: _Floats
    sums: _Floats
    worth: _Floats
    price: float
    block_size: int

    @classmethod
    def of(cls, rows: _Floats, block_lanes: int, price: float, block_size: int) -> ReaderTables:
        """Fill the tables for rows in the order that is looked at."""
        outputs, taps, channels = rows.shape
        sums = rows.reshape(outputs, taps, channels // block_lanes, block_lanes).sum(axis=3)
        worth = worth_of_lanes(sums, price, block_size).sum(axis=0)
        return cls(rows, sums, worth, price, block_size)

    @property
    def value(self) -> float:
        """What all groups are worth together."""
        return float(self.worth.sum(dtype=np.float64))

    def gains(self, places: list[int]) -> _Floats:
        """What the groups gain if another of these channels came to one of their places.

        Args:
            places: no two in the same group.

        Returns:
            Float32 [places, candidates], both as in `places`.
        """
        block_lanes = self.rows.shape[2] // self.sums.shape[2]
        groups = np.array(places) // block_lanes
        candidates = self.rows[:, :, places]
        left = self.sums[:, :, groups] - candidates
        gains = np.empty((len(places), len(places)), dtype=np.float32)
        step = max(1, _CHUNK // candidates.size)
        for first in range(0, len(places), step):
            some = slice(first, first + step)
            sums = left[:, :, some, np.newaxis] + candidates[:, :, np.newaxis]
            gains[some] = worth_of_lanes(sums, self.price, self.block_size).sum(axis=0)
        return gains - self.worth[groups, np.newaxis]


def worth_of_lanes(lanes: _Floats, price: float, block_size: int) -> _Floats:
    """What the best blocks of each lane are worth, less their price.

    Args:
        lanes: [outputs, ...].
        price: of a block.
        block_size: N, at most the outputs.

    Returns:
        [...].
    """
    ring = block_size + 1  # V of as many ends, each at its end modulo that
    best = np.zeros((ring, *lanes.shape[1:]), dtype=np.float32)
    for end in range(block_size, len(lanes) + 1):
        score = lanes[end - block_size] - np.float32(price)
        for channel in range(end - block_size + 1, end):
            score += lanes[channel]
        worth = np.add(best[(end - block_size) % ring], score, out=best[end % ring])
        np.maximum(worth, best[(end - 1) % ring], out=worth)
    last: _Floats = best[len(lanes) % ring]
    return last
