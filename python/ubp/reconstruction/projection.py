# SPDX-License-Identifier: Apache-2.0
"""The exact projection onto weights in blocks: `ubp.select_blocks` for one number of blocks."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from ubp.reconstruction.moments import Floats
from ubp.reconstruction.refit import Mask
from ubp.selection import Selection
from ubp.selection.layer.raised import select_balanced


@dataclass(frozen=True)
class Blocks:
    """What is kept of a layer.

    Attributes:
        block_size: N; 1 for single weights.
        num_blocks: how many blocks.
        method: of `ubp.select_blocks`: "optimal", or "aligned" for blocks that start at multiples
            of N.
        block_lanes: M, the lanes of a block.
        max_per_start: the most blocks that start at one channel, raised to what they need; None:
            any number.
    """

    block_size: int
    num_blocks: int
    method: str = "optimal"
    block_lanes: int = 1
    max_per_start: int | None = None

    def select(self, importance: Floats) -> Selection:
        """The blocks with the largest sum of importance [lanes, channels], finite and >= 0."""
        return select_balanced(
            np.ascontiguousarray(importance),
            self.block_size,
            num_blocks=self.num_blocks,
            max_per_start=self.max_per_start,
            method=self.method,
            block_lanes=self.block_lanes,
            threads=os.cpu_count() or 1,
        )

    def mask(self, importance: Floats) -> Mask:
        """Bool [lanes, channels]: where these blocks are."""
        return self.select(importance).mask()
