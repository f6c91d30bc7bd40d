# SPDX-License-Identifier: Apache-2.0
"""`block_structure`: what was pruned in blocks fills them; pictures outline them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PatchCollection

import ubp
from ubp.lanes import from_lanes


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 4),
    m=st.sampled_from([1, 2, 4]),
    groups=st.integers(1, 8),
    sparsity=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    seed=st.integers(0, 999),
)
def test_blocks_that_were_selected_are_found_again(n, m, groups, sparsity, seed):
    """Neighbouring blocks may be told apart otherwise, but their number is the same."""
    importance = np.random.default_rng(seed).random((m * groups, 4 * n))
    chosen = ubp.select_blocks(importance, n, sparsity=sparsity, block_lanes=m)
    found = ubp.block_structure(chosen.mask(), n, block_lanes=m)
    assert found.num_blocks == len(chosen)
    assert found.fill == 1.0
    assert found.sparsity == pytest.approx(1 - len(chosen) * n * m / importance.size)
    rebuilt = np.zeros(importance.shape, bool)
    for lane, start in zip(found.lanes, found.starts, strict=True):
        rebuilt[lane : lane + m, start : start + n] = True
    np.testing.assert_array_equal(rebuilt, chosen.mask())


def test_zeros_inside_of_blocks_and_their_places():
    weights = np.zeros((8, 6))
    weights[1, 2], weights[6, 5] = 1.0, np.nan
    found = ubp.block_structure(weights, 2, block_lanes=4)
    assert found.lanes.tolist() == [0, 4] and found.starts.tolist() == [2, 4]
    assert (found.fill, found.aligned) == (2 / 16, 1.0)
    assert (found.empty_lanes, found.empty_channels) == (6, 4)
    assert str(found) == (
        "8 lanes x 6 channels, 95.8% zeros: 2 blocks of 2 channels x 4 lanes, 12.5% full, 100.0% "
        "aligned; 6 lanes and 4 channels are empty"
    )


@pytest.mark.parametrize(("shape", "axis"), [((3, 3, 8, 10), -1), ((10, 3, 3, 8), 0)])
def test_weights_of_either_framework(shape, axis):
    mask = ubp.select_blocks(
        np.random.default_rng(0).random((72, 10)), 2, sparsity=0.8, block_lanes=4
    ).mask()
    found = ubp.block_structure(from_lanes(mask, shape, axis), 2, block_lanes=4, channel_axis=axis)
    np.testing.assert_array_equal(found.nonzero, mask)
    assert (found.num_blocks, found.fill) == (18, 1.0)


def test_no_blocks():
    found = ubp.block_structure(np.zeros((4, 4)))
    assert (found.num_blocks, found.fill, found.aligned, found.sparsity) == (0, 1.0, 1.0, 1.0)


def test_groups_of_lanes_do_not_reach_over_taps():
    message = "block_lanes is 4; expected a divisor of the 6 input channels"
    with pytest.raises(ValueError, match=message):
        ubp.block_structure(np.ones((2, 2, 6, 8)), 2, block_lanes=4)


@pytest.mark.parametrize(("n", "m"), [(2, 4), (4, 1)])
def test_the_picture_outlines_every_block(n, m):
    mask = ubp.select_blocks(
        np.random.default_rng(0).random((32, 24)), n, sparsity=0.8, block_lanes=m
    ).mask()
    found = ubp.block_structure(mask, n, block_lanes=m)
    axes = found.plot()
    (outlines,) = [each for each in axes.collections if isinstance(each, PatchCollection)]
    boxes = [path.get_extents() for path in outlines.get_paths()]
    assert {(box.x0, box.y0, box.width, box.height) for box in boxes} == {
        (start, lane, n, m) for lane, start in zip(found.lanes, found.starts, strict=True)
    }
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), mask)
    _, own = plt.subplots()
    assert found.plot(own, lanes=8, channels=6) is own
    assert own.images[0].get_array().shape == (8, 6)
    plt.close("all")
