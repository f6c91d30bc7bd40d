# SPDX-License-Identifier: Apache-2.0
"""What a selection is: the kept blocks of one layer, their importance and a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ubp.lanes import spread_lane_groups


class Kept(NamedTuple):
    """What the NumPy form and the native core return.

    Attributes:
        lanes, starts: int64 [num_blocks], sorted by (lane, start).
        score, upper_bound: as in Selection.
    """

    lanes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    score: float
    upper_bound: float


@dataclass(frozen=True, eq=False)
class Selection:
    """The kept blocks of a layer's weights [lanes, channels]; the arrays are read-only.

        >>> import numpy as np
        >>> import ubp
        >>> selection = ubp.select_blocks(np.array([[0.0, 1.0, 2.0, 0.5]]), 2, num_blocks=1)
        >>> len(selection), selection.score, selection.shape, selection.block_weights
        (1, 3.0, (1, 4), 2)

    Attributes:
        lanes: int64 [num_blocks], the first lane of each block.
        starts: int64 [num_blocks], its start channel. Sorted by (lane, start); no two overlap.
        block_size: N, the consecutive channels of a block.
        block_lanes: M, its consecutive lanes.
        shape: (lanes, channels) of the layer.
        score: importance inside the blocks, in the caller's units, summed in float64.
        upper_bound: no selection of as many (unaligned) blocks has a larger score. For the method
            "optimal" it exceeds the score by the quantisation of the importance only.
    """

    lanes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    block_size: int
    block_lanes: int
    shape: tuple[int, int]
    score: float
    upper_bound: float

    def __len__(self) -> int:
        """Number of blocks."""
        return len(self.lanes)

    @property
    def block_weights(self) -> int:
        """N * M, the weights of a block."""
        return self.block_size * self.block_lanes

    def mask(self) -> npt.NDArray[np.bool_]:
        """Bool [lanes, channels]: True where a weight is kept."""
        lanes, channels = self.shape
        groups = np.zeros((lanes // self.block_lanes, channels), dtype=np.bool_)
        for offset in range(self.block_size):
            groups[self.lanes // self.block_lanes, self.starts + offset] = True
        return spread_lane_groups(groups, self.block_lanes)
