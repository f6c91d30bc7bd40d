"""What a selection is: the kept blocks of one layer, their importance and a certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Selection:
    """The kept blocks of a layer's weights [lanes, channels]; the arrays are read-only.

    Attributes:
        lanes: int64 [num_blocks], the lane of each block.
        starts: int64 [num_blocks], its start channel. Sorted by (lane, start); no two overlap.
        block_size: N, the consecutive channels of a block.
        shape: (lanes, channels) of the layer.
        score: importance inside the blocks, in the caller's units, summed in float64.
        upper_bound: no selection of as many (unaligned) blocks has a larger score. For the method
            "optimal" it exceeds the score by the quantisation of the importance only.
    """

    lanes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    block_size: int
    shape: tuple[int, int]
    score: float
    upper_bound: float

    def __len__(self) -> int:
        """Number of blocks."""
        return len(self.lanes)

    def mask(self) -> npt.NDArray[np.bool_]:
        """Bool [lanes, channels]: True where a weight is kept."""
        mask = np.zeros(self.shape, dtype=np.bool_)
        for offset in range(self.block_size):
            mask[self.lanes, self.starts + offset] = True
        return mask
