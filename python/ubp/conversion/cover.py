# SPDX-License-Identifier: Apache-2.0
"""Cover: the fewest blocks of N consecutive channels that contain all of a layer's non-zeros.

Walking each lane from left to right and starting a block at the first non-zero that no block
contains yet is minimal: a block that contains that non-zero cannot reach further to the right. A
block that would cross the last channel is shifted left, where it may overlap the previous block of
its lane. Where the channels are those of several pixels (transposed convolutions), each pixel's are
covered by themselves: their lanes are not the same, and a block across two would multiply one
pixel's zeros with inputs that it does not read. delegate/format/cover.h is the same rule for files
that were not converted.

Blocks of 4 lanes hold groups of them, the lanes 4g .. 4g+3: where any of the 4 is no zero, the
group is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ubp.format import QUAD


@dataclass(frozen=True)
class Blocks:
    """Blocks of `size` channels; lanes, starts: integers [num_blocks], sorted by (start, lane).

    Of blocks of several lanes each, `lanes` has the numbers of their groups.
    """

    size: int
    lanes: npt.NDArray[np.integer]
    starts: npt.NDArray[np.integer]
    block_lanes: int = 1

    @property
    def count(self) -> int:
        return self.lanes.size


def cover_quads(nonzero: npt.NDArray[np.bool_], block_size: int) -> Blocks:
    """Cover every True of `nonzero` with blocks of 4 lanes.

    Args:
        nonzero: bool [lanes, channels]; the lanes are a multiple of 4.
        block_size: N, at most `channels`.

    Raises:
        ValueError: if a block is wider than a lane.
    """
    groups: npt.NDArray[np.bool_] = np.any(nonzero.reshape(-1, QUAD, nonzero.shape[1]), axis=1)
    return replace(cover_lanes(groups, block_size), block_lanes=QUAD)


def cover_groups(nonzero: npt.NDArray[np.bool_], block_size: int, groups: int) -> Blocks:
    """Cover every True of `nonzero` without a block that reaches from one group into the next.

    Args:
        nonzero: bool [lanes, channels].
        block_size: N, at most the channels of a group.
        groups: into which the channels are divided evenly, one after the other.

    Raises:
        ValueError: if a block is wider than a group.
    """
    lanes, channels = nonzero.shape
    of_group = channels // groups
    found = cover_lanes(nonzero.reshape(lanes * groups, of_group), block_size)
    lane, group = np.divmod(found.lanes, groups)
    start = group * of_group + found.starts
    order = np.lexsort((lane, start))
    return Blocks(block_size, lane[order], start[order])


def cover_lanes(nonzero: npt.NDArray[np.bool_], block_size: int) -> Blocks:
    """Cover every True of `nonzero`.

    Args:
        nonzero: bool [lanes, channels].
        block_size: N, at most `channels`.

    Raises:
        ValueError: if a block is wider than a lane.
    """
    lanes, channels = nonzero.shape
    if block_size > channels:
        raise ValueError(
            f"cover_lanes: blocks of {block_size} do not fit into {channels} channels."
        )
    by_channel = np.ascontiguousarray(nonzero.T)
    covered_to = np.zeros(lanes, np.int32)  # the channel after each lane's last block
    found = []
    for channel in range(channels):
        begun = np.flatnonzero(by_channel[channel] & (covered_to <= channel)).astype(np.int32)
        covered_to[begun] = channel + block_size
        found.append(begun)
    lane = np.concatenate(found)
    last_start = channels - block_size
    start = np.repeat(np.arange(channels, dtype=np.int32), [begun.size for begun in found])
    start = np.minimum(start, last_start)
    order = np.lexsort((lane, start))  # the shifted blocks of several channels share one start
    return Blocks(block_size, lane[order], start[order])
