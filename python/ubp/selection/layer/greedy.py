# SPDX-License-Identifier: Apache-2.0
"""Greedy: the best block that overlaps none taken, again and again.

"Flexible Group-Level Pruning of Deep Neural Networks for On-Device Machine Learning", CASES'19.

Blocks taken this way leave gaps shorter than N, on average about a quarter of a lane when it is
filled to the end. Where so many blocks are asked for that no free one is left, the rest are taken
from what remains of each lane by block expansion (see bed.py), so that every number of blocks that
can be packed is packed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.selection.layer import bed
from ubp.selection.layer.quantised import QuantisedLayer

_BATCH = 1 << 16


def select(layer: QuantisedLayer, num_blocks: int) -> npt.NDArray[np.int64]:
    """num_blocks blocks as sorted positions; of equal scores, first lanes and channels first."""
    positions = _take_free(layer, num_blocks)
    if len(positions) == num_blocks:
        return positions
    return _fill_up(layer, positions, num_blocks)


def _take_free(layer: QuantisedLayer, num_blocks: int) -> npt.NDArray[np.int64]:
    """The greedy choice, up to num_blocks or until no free block is left."""
    n = layer.block_size
    lanes, channels = layer.shape
    # free[p + n - 1]: no taken block overlaps the one at position p. A block's n - 1 neighbours
    # to either side are in its lane, or are positions at which no block can start.
    free = bytearray(b"\1") * (lanes * channels + 2 * (n - 1))
    overlapped = bytes(2 * n - 1)
    taken: list[int] = []
    best_first = _best_first(layer)
    for batch in range(0, len(best_first), _BATCH):
        candidates = best_first[batch : batch + _BATCH]
        still_free = np.frombuffer(free, dtype=np.bool_)[candidates + n - 1]
        for position in candidates[still_free].tolist():
            if free[position + n - 1]:
                taken.append(position)
                if len(taken) == num_blocks:
                    return np.sort(np.array(taken))
                free[position : position + 2 * n - 1] = overlapped
    return np.sort(np.array(taken))


def _best_first(layer: QuantisedLayer) -> npt.NDArray[np.int64]:
    """All positions at which a block can start, by decreasing score, then increasing position."""
    lanes, channels = layer.shape
    position = np.arange(lanes * channels).reshape(lanes, channels)[:, : layer.scores.shape[1]]
    bits = (lanes * channels).bit_length()
    keys = (-layer.scores.astype(np.int64) << bits) | position
    return np.sort(keys, axis=None) & ((1 << bits) - 1)


def _fill_up(
    layer: QuantisedLayer, positions: npt.NDArray[np.int64], num_blocks: int
) -> npt.NDArray[np.int64]:
    """Add blocks to those at `positions` by expansion on the elements that they leave."""
    n = layer.block_size
    taken = np.zeros(layer.elements.size, dtype=np.bool_)
    taken[positions[:, np.newaxis] + np.arange(n)] = True
    taken = taken.reshape(layer.shape)
    # Each lane's list: its elements not taken first, in order.
    order = np.argsort(taken, axis=1, kind="stable")
    lists = np.take_along_axis(layer.elements, order, axis=1)
    lengths = layer.shape[1] - taken.sum(axis=1)
    added = bed.expand(lists, lengths, n, num_blocks - len(positions))
    lane, place = np.nonzero(added)
    taken[lane, order[lane, place]] = True
    return bed.divide(taken, n)
