# SPDX-License-Identifier: Apache-2.0
"""Aligned blocks: the m best of those that start at a multiple of N.

What block pruning does in the literature ("ABP" in the UBP paper, arXiv 2407.19644). Channels
beyond the last whole block belong to none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.quantised import QuantisedLayer, largest_indices


def select(layer: QuantisedLayer, num_blocks: int) -> npt.NDArray[np.int64]:
    """The best num_blocks aligned blocks, as sorted positions; of equals, the first ones."""
    n = layer.block_size
    scores = layer.scores[:, ::n]
    best = largest_indices(scores.ravel(), num_blocks)
    blocks_per_lane = scores.shape[1]
    lane, block = best // blocks_per_lane, best % blocks_per_lane
    positions: npt.NDArray[np.int64] = lane * layer.shape[1] + block * n
    return positions
