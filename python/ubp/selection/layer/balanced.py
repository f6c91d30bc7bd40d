# SPDX-License-Identifier: Apache-2.0
"""Balanced starts: at most so many blocks of a layer start at the same channel.

The cap evens the work of threads and vector units that own a part of the start channels each; the
code of the UBP paper's authors has it, too. It ties all lanes together, so that the dynamic
programme per lane is exact no longer, and the best selection is approached from one without a cap:

    1. start channels with too many blocks keep their best ones;
    2. the best block is taken that overlaps none and whose start channel has room, again and again;
    3. if such blocks run out, everything is given back, and step 2 begins from nothing.

The upper bound of the selection without a cap holds with it as well.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.quantised import QuantisedLayer

_Positions = npt.NDArray[np.int64]


class NoRoomError(ValueError):
    """It is not found how so many blocks fit with a cap."""


def balance(
    layer: QuantisedLayer, positions: _Positions, max_per_start: int, aligned: bool
) -> _Positions:
    """As many blocks as given, at most `max_per_start` per start channel, as sorted positions.

    Of equal scores, first lanes and channels first.

    Args:
        positions: of the selection without a cap.
        aligned: whether blocks start at multiples of N only.

    Raises:
        NoRoomError: if it is not found how so many blocks fit.
    """
    kept = _best_of_each_start(layer, positions, max_per_start)
    if len(kept) == len(positions):
        return kept
    filled = _fill(layer, kept, len(positions), max_per_start, aligned)
    if len(filled) < len(positions):
        nothing = np.empty(0, dtype=np.int64)
        filled = _fill(layer, nothing, len(positions), max_per_start, aligned)
    if len(filled) < len(positions):
        raise NoRoomError(
            f"max_per_start is {max_per_start}, which leaves place for about {len(filled)} of "
            f"{len(positions)} blocks; raise it, or keep fewer blocks."
        )
    return filled


def _best_of_each_start(
    layer: QuantisedLayer, positions: _Positions, max_per_start: int
) -> _Positions:
    """Of the blocks at each start channel the max_per_start best, as sorted positions."""
    lanes, starts = np.divmod(positions, layer.shape[1])
    order = np.lexsort((lanes, -layer.scores[lanes, starts], starts))
    in_order = starts[order]
    rank = np.arange(len(order)) - np.searchsorted(in_order, in_order)
    return np.sort(positions[order[rank < max_per_start]])


def _fill(
    layer: QuantisedLayer,
    positions: _Positions,
    num_blocks: int,
    max_per_start: int,
    aligned: bool,
) -> _Positions:
    """Add the best free blocks to those at `positions`, up to num_blocks, while there are any."""
    n, channels = layer.block_size, layer.shape[1]
    room = np.full(channels, max_per_start)
    np.subtract.at(room, positions % channels, 1)
    open_starts = room[: layer.scores.shape[1]] > 0
    if aligned:
        open_starts &= np.arange(len(open_starts)) % n == 0
    # free[p + n - 1]: no kept block overlaps the one at position p; as in greedy.py.
    free = np.ones(layer.elements.size + 2 * (n - 1), dtype=np.bool_)
    free[positions[:, np.newaxis] + np.arange(2 * n - 1)] = False
    lane, start = np.nonzero(
        free[n - 1 : n - 1 + layer.elements.size].reshape(layer.shape)[:, : len(open_starts)]
        & open_starts
    )
    best_first = np.argsort(-layer.scores[lane, start], kind="stable")
    places, is_free = room.tolist(), bytearray(free)
    added: list[int] = []
    for position in (lane * channels + start)[best_first].tolist():
        if len(positions) + len(added) == num_blocks:
            break
        if is_free[position + n - 1] and places[position % channels]:
            places[position % channels] -= 1
            is_free[position : position + 2 * n - 1] = bytes(2 * n - 1)
            added.append(position)
    return np.sort(np.concatenate([positions, np.array(added, dtype=np.int64)]))
