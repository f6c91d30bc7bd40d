# SPDX-License-Identifier: Apache-2.0
"""A cap on start channels that gives way where blocks are too many."""

from __future__ import annotations

import numpy as np
import pytest
from selection_oracles import assert_valid, blocks_of

from ubp.selection import max_num_blocks, select_blocks
from ubp.selection.layer.raised import select_balanced


def per_start(selection) -> int:
    return int(np.bincount(selection.starts).max())


@pytest.mark.parametrize("method", ["optimal", "greedy", "aligned"])
@pytest.mark.parametrize("seed", range(12))
def test_any_number_of_blocks_fits_with_any_cap(method, seed):
    rng = np.random.default_rng(seed)
    lanes, channels, size = rng.integers(2, 30), rng.integers(4, 24), int(rng.integers(1, 5))
    importance = rng.random((lanes, channels)).astype(np.float32)
    count = int(rng.integers(1, max_num_blocks((lanes, channels), size) + 1))
    cap = int(rng.integers(1, lanes + 1))
    found = select_balanced(importance, size, num_blocks=count, max_per_start=cap, method=method)
    assert_valid(found, importance, count)
    free = select_blocks(importance, size, num_blocks=count, method=method)
    assert found.score <= free.score + 1e-6
    try:
        wanted = select_blocks(importance, size, num_blocks=count, method=method, max_per_start=cap)
    except ValueError:
        assert per_start(found) > cap
    else:
        assert blocks_of(found) == blocks_of(wanted)


def test_the_cap_is_raised_no_further_than_needed():
    importance = np.random.default_rng(0).random((40, 16)).astype(np.float32)
    found = select_balanced(importance, 4, num_blocks=65, max_per_start=2)
    assert 65 / 13 <= per_start(found) <= 8
    assert per_start(select_balanced(importance, 4, num_blocks=26, max_per_start=3)) == 3


def test_no_cap_is_the_selection_itself():
    importance = np.random.default_rng(0).random((40, 16)).astype(np.float32)
    found = select_balanced(importance, 4, num_blocks=30, max_per_start=None)
    assert blocks_of(found) == blocks_of(select_blocks(importance, 4, num_blocks=30))
    with pytest.raises(ValueError, match="num_blocks is 161"):
        select_balanced(importance, 4, num_blocks=161, max_per_start=3)
