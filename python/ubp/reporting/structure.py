# SPDX-License-Identifier: Apache-2.0
"""`block_structure`: in which blocks the non-zeros of one layer's weights lie, as data and picture.

A cover (conversion/cover.py) is the fewest blocks that hold all non-zeros. Weights that were pruned
in these blocks fill them; others leave zeros in them, which a file would store and a kernel would
multiply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_whole
from ubp.conversion.cover import cover_lanes
from ubp.lanes import input_channels, sum_lane_groups, to_lanes


@dataclass(frozen=True, eq=False)
class BlockStructure:
    """The non-zeros of a layer, and the fewest blocks that hold them.

        >>> import numpy as np
        >>> import ubp
        >>> found = ubp.block_structure(np.array([[0, 1, 2, 0], [0, 0, 0, 0]]), 2)
        >>> found.num_blocks, found.aligned, found.empty_lanes, found.empty_channels
        (1, 0.0, 1, 2)

    Attributes:
        nonzero: bool [lanes, channels].
        block_size, block_lanes: N and M of the blocks.
        lanes, starts: int64 [num_blocks], the first lane of each block and its start channel,
            sorted; the last block of a lane may overlap the one before.
    """

    nonzero: npt.NDArray[np.bool_]
    block_size: int
    block_lanes: int
    lanes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    @property
    def num_blocks(self) -> int:
        """How many blocks there are."""
        return len(self.lanes)

    @property
    def sparsity(self) -> float:
        """The share of zeros."""
        return 1.0 - float(self.nonzero.mean())

    @property
    def fill(self) -> float:
        """The share of the blocks' weights that are not zero; 1 where there are no blocks."""
        weights = self.num_blocks * self.block_size * self.block_lanes
        return int(np.count_nonzero(self.nonzero)) / weights if weights else 1.0

    @property
    def aligned(self) -> float:
        """The share of blocks that start at multiples of N; 1 where there are none."""
        return float((self.starts % self.block_size == 0).mean()) if self.num_blocks else 1.0

    @property
    def empty_lanes(self) -> int:
        """Lanes without a non-zero: inputs that the layer does not need."""
        return int(np.count_nonzero(~self.nonzero.any(axis=1)))

    @property
    def empty_channels(self) -> int:
        """Output channels without a non-zero."""
        return int(np.count_nonzero(~self.nonzero.any(axis=0)))

    def __str__(self) -> str:
        lanes, channels = self.nonzero.shape
        return (
            f"{lanes} lanes x {channels} channels, {self.sparsity:.1%} zeros: {self.num_blocks} "
            f"blocks of {self.block_size} channels x {self.block_lanes} lanes, {self.fill:.1%} "
            f"full, {self.aligned:.1%} aligned; {self.empty_lanes} lanes and "
            f"{self.empty_channels} channels are empty"
        )

    def plot(self, axes: Any = None, *, lanes: int = 64, channels: int = 64) -> Any:
        """Draw the non-zeros of the first lanes and channels, each block with its outline.

        Args:
            axes: matplotlib's, to draw into; by default those of a new figure.
            lanes, channels: how many of each, at most as many as there are.

        Returns:
            The axes.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if an argument is not as described.
        """
        from ubp.reporting.structure_picture import plot  # matplotlib is optional

        return plot(self, axes, lanes, channels)


def block_structure(
    weights: npt.NDArray[Any], block_size: int = 4, *, block_lanes: int = 1, channel_axis: int = -1
) -> BlockStructure:
    """The fewest blocks that hold the non-zeros of a layer's weights, and how well they do.

        >>> import numpy as np
        >>> import ubp
        >>> kernel = np.zeros((1, 1, 8, 6), np.float32)
        >>> kernel[0, 0, :4, 1:3] = kernel[0, 0, 4:, 3:5] = 0.5
        >>> found = ubp.block_structure(kernel, 2, block_lanes=4)
        >>> found.num_blocks, found.fill, found.lanes.tolist(), found.starts.tolist()
        (2, 1.0, [0, 4], [1, 3])

    Args:
        weights: of a layer, or its mask: an array of rank 2 or more; NaN counts as not zero.
        block_size: N, the output channels of a block.
        block_lanes: M, its lanes, a divisor of the input channels.
        channel_axis: the axis of the output channels: -1 for Keras, 0 for TFLite.

    Returns:
        The blocks [num_blocks], by lane and start channel, and shares of what they hold.

    Raises:
        ValueError: if an argument is not as described.
    """
    matrix = to_lanes(weights, channel_axis)
    check_whole("block_size", block_size, 1)
    check_whole("block_lanes", block_lanes, 1)
    if block_size > matrix.shape[1]:
        raise ValueError(
            f"block_size is {block_size}, but the weights have only {matrix.shape[1]} channels."
        )
    inputs = input_channels(weights.shape, channel_axis)
    if inputs % block_lanes:
        raise ValueError(
            f"block_lanes is {block_lanes}; expected a divisor of the {inputs} input channels of "
            "the weights."
        )
    nonzero = matrix != 0
    groups = sum_lane_groups(nonzero.astype(np.float32), block_lanes) > 0
    found = cover_lanes(groups, block_size)
    order = np.lexsort((found.starts, found.lanes))
    lanes = found.lanes[order].astype(np.int64) * block_lanes
    starts = found.starts[order].astype(np.int64)
    return BlockStructure(nonzero, block_size, block_lanes, lanes, starts)
