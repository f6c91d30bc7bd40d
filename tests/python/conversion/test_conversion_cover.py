# SPDX-License-Identifier: Apache-2.0
"""ubp.conversion.cover: all non-zeros covered, with as few blocks as brute force needs."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubp.conversion.cover import Blocks, cover_groups, cover_lanes

masks = st.tuples(st.integers(1, 6), st.integers(1, 12)).flatmap(
    lambda shape: st.lists(
        st.lists(st.booleans(), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    ).map(lambda rows: np.array(rows, np.bool_))
)


def covered(blocks: Blocks, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.bool_)
    for lane, start in zip(blocks.lanes, blocks.starts, strict=True):
        mask[lane, start : start + blocks.size] = True
    return mask


def fewest_blocks(lane: np.ndarray, n: int) -> int:
    """Over all sets of block starts, by dynamic programming on the next non-zero to cover."""
    nonzero, last = np.flatnonzero(lane).tolist(), lane.size - n

    @cache
    def fewest(channel: int) -> int:
        left = [c for c in nonzero if c >= channel]
        if not left:
            return 0
        starts = range(max(0, left[0] - n + 1), min(left[0], last) + 1)
        return 1 + min(fewest(start + n) for start in starts)

    return fewest(0)


@given(masks, st.sampled_from([1, 2, 4, 8]))
def test_covers_everything_with_the_fewest_blocks(mask: np.ndarray, n: int) -> None:
    n = min(n, mask.shape[1])
    blocks = cover_lanes(mask, n)
    assert not (mask & ~covered(blocks, mask.shape)).any()
    assert blocks.count == sum(fewest_blocks(lane, n) for lane in mask)
    assert (blocks.starts >= 0).all()
    assert (blocks.starts <= mask.shape[1] - n).all()


@given(masks, st.sampled_from([1, 2, 4]))
def test_blocks_are_distinct_and_in_the_order_of_start_and_lane(mask: np.ndarray, n: int) -> None:
    blocks = cover_lanes(mask, min(n, mask.shape[1]))
    places = list(zip(blocks.starts.tolist(), blocks.lanes.tolist(), strict=True))
    assert places == sorted(set(places))


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16])
def test_all_dense_and_all_zero(n: int) -> None:
    assert cover_lanes(np.ones((3, 16), np.bool_), n).count == 3 * 16 // n
    assert cover_lanes(np.zeros((3, 16), np.bool_), n).count == 0


def test_unaligned_blocks_are_found_as_they_are() -> None:
    mask = np.zeros((2, 12), np.bool_)
    mask[0, 3:7] = mask[0, 7:11] = mask[1, 8:12] = True
    blocks = cover_lanes(mask, 4)
    assert blocks.starts.tolist() == [3, 7, 8]
    assert blocks.lanes.tolist() == [0, 0, 1]


def test_a_block_at_the_end_is_shifted_left() -> None:
    mask = np.array([[1, 0, 0, 0, 1, 1]], np.bool_)
    assert cover_lanes(mask, 4).starts.tolist() == [0, 2]


@given(masks, st.integers(1, 4), st.sampled_from([1, 2, 4]))
def test_groups_of_channels_are_covered_by_themselves(
    mask: np.ndarray, groups: int, n: int
) -> None:
    channels = mask.shape[1]
    n = min(n, channels)
    parts = [np.roll(mask, shift, axis=0) for shift in range(groups)]
    blocks = cover_groups(np.hstack(parts), n, groups)
    for group, part in enumerate(parts):
        expected = cover_lanes(part, n)
        here = blocks.starts // channels == group
        np.testing.assert_array_equal(blocks.lanes[here], expected.lanes)
        np.testing.assert_array_equal(blocks.starts[here], expected.starts + group * channels)
    places = list(zip(blocks.starts.tolist(), blocks.lanes.tolist(), strict=True))
    assert places == sorted(set(places))


def test_a_block_wider_than_a_lane_is_refused() -> None:
    with pytest.raises(ValueError, match="blocks of 4 do not fit into 3 channels"):
        cover_lanes(np.ones((1, 3), np.bool_), 4)
    with pytest.raises(ValueError, match="blocks of 4 do not fit into 3 channels"):
        cover_groups(np.ones((1, 6), np.bool_), 4, 2)
