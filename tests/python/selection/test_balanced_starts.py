# SPDX-License-Identifier: Apache-2.0
"""A cap on the number of blocks per start channel."""

from __future__ import annotations

import numpy as np
import pytest
from selection_oracles import KINDS, assert_valid, blocks_of, make_importance

from ubp.selection import METHODS, select_blocks


def per_start(selection, channels):
    return np.bincount(selection.starts, minlength=channels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_start_has_more_blocks_than_the_cap(method, kind):
    importance = make_importance(kind, (60, 33), np.random.default_rng(1))
    for block_size in (1, 4):
        count = importance.size // (5 * block_size)
        free = select_blocks(importance, block_size, num_blocks=count, method=method)
        possible = 33 // block_size if method == "aligned" else 33 - block_size + 1
        fewest = -(-count // possible)
        for cap in (fewest + 1, 2 * fewest, count):
            capped = select_blocks(
                importance, block_size, num_blocks=count, method=method, max_per_start=cap
            )
            assert_valid(capped, importance, count)
            assert per_start(capped, 33).max() <= cap
            assert capped.upper_bound == free.upper_bound
            if method == "aligned":
                assert np.all(capped.starts % block_size == 0)
            if per_start(free, 33).max() <= cap:
                assert blocks_of(capped) == blocks_of(free)


def test_little_is_lost_when_a_few_channels_are_favoured():
    rng = np.random.default_rng(2)
    importance = np.abs(rng.standard_normal((256, 64)))
    importance[:, 20:24] *= 2.0
    free = select_blocks(importance, 4, sparsity=0.8)
    capped = select_blocks(importance, 4, sparsity=0.8, max_per_start=30)
    assert per_start(free, 64).max() > 90
    assert per_start(capped, 64).max() == 30
    assert capped.score > 0.97 * free.score


def test_everything_is_given_back_where_the_rest_does_not_fit():
    importance = np.array([[0.0, 9.0, 9.0, 0.0], [0.0, 8.0, 8.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    selection = select_blocks(importance, 2, num_blocks=3, max_per_start=1)
    assert sorted(selection.starts.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_per_start": 0}, "max_per_start is 0; expected a whole number"),
        ({"max_per_start": 1, "num_blocks": 16}, "place for about 5 of 16 blocks; raise it"),
    ],
)
def test_impossible_caps_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        select_blocks(np.ones((8, 8)), 4, **{"num_blocks": 3} | options)


def test_a_cap_is_an_integer():
    with pytest.raises(ValueError, match="; expected a whole number"):
        select_blocks(np.ones((8, 8)), 4, num_blocks=3, max_per_start=2.0)
