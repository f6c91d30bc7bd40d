# SPDX-License-Identifier: Apache-2.0
"""The NumPy form of a selection: quantise, find the dual's optimum, run the method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ubp.selection.layer import aligned, bed, greedy, optimal
from ubp.selection.layer.dual import minimise_dual
from ubp.selection.layer.lane_program import LaneProgram
from ubp.selection.layer.quantised import QuantisedLayer, quantise
from ubp.selection.layer.result import Kept

_Heuristic = Callable[[QuantisedLayer, int], npt.NDArray[np.int64]]
_HEURISTICS: dict[str, _Heuristic] = {
    "aligned": aligned.select,
    "greedy": greedy.select,
    "bed": bed.select,
}
METHODS = (*_HEURISTICS, "optimal")


def choose(
    importance: npt.NDArray[np.floating], block_size: int, num_blocks: int, method: str
) -> Kept:
    """Choose num_blocks >= 1 blocks of valid importance by one of METHODS."""
    layer = quantise(importance, block_size)
    program = LaneProgram.of(layer)
    dual = minimise_dual(program, num_blocks)
    if method == "optimal":
        positions = optimal.select(program, num_blocks, dual)
    else:
        positions = _HEURISTICS[method](layer, num_blocks)
    lanes, starts = np.divmod(positions, importance.shape[1])
    score = importance_of(importance, positions, block_size)
    return Kept(lanes, starts, score, layer.importance_bound(dual.value, num_blocks))


def importance_of(
    importance: npt.NDArray[np.floating], positions: npt.NDArray[np.int64], block_size: int
) -> float:
    """The importance inside blocks, in float64: of each block, then of each lane, then of all.

    In this order, so that the native core gives the same to the last bit.
    """
    values = importance.reshape(-1)
    of_block = np.zeros(len(positions))
    for offset in range(block_size):
        of_block += values[positions + offset]
    of_lane = np.bincount(positions // importance.shape[1], weights=of_block)
    return float(np.cumsum(of_lane)[-1])
