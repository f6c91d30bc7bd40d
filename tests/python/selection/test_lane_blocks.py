# SPDX-License-Identifier: Apache-2.0
"""Blocks of N channels x M lanes: by trying every selection there is, alone and under a budget."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selection_oracles import KINDS, make_importance

import ubp
from ubp.lanes import input_channels, spread_lane_groups, sum_lane_groups
from ubp.selection import METHODS, max_num_blocks, select_blocks

BLOCKS = [(1, 4), (2, 2), (2, 4), (3, 2), (4, 4)]


def best_by_trying(importance, n, m):
    """f(0), f(1), ...: the largest importance of that many disjoint N x M blocks."""
    lanes, channels = importance.shape
    places = itertools.product(range(0, lanes, m), range(channels - n + 1))
    best = [0.0]
    taken = [(0.0, np.zeros(importance.shape, dtype=bool))]
    for lane, start in places:
        more = []
        for value, mask in taken:
            if not mask[lane, start : start + n].any():
                joined = mask.copy()
                joined[lane : lane + m, start : start + n] = True
                more.append((value + importance[lane : lane + m, start : start + n].sum(), joined))
        taken += more
        for value, mask in more:
            count = int(mask.sum()) // (n * m)
            best += [-np.inf] * (count + 1 - len(best))
            best[count] = max(best[count], value)
    return best


def small(n, m, kind, rng):
    shape = (m * int(rng.integers(1, 4)), int(rng.integers(n, n + 5)))
    return make_importance(kind, shape, rng)


@pytest.mark.parametrize(("n", "m"), BLOCKS)
@pytest.mark.parametrize("kind", KINDS)
def test_optimal_is_the_best_there_is(n, m, kind):
    rng = np.random.default_rng(n + 10 * m)
    for _ in range(4):
        importance = small(n, m, kind, rng)
        best = best_by_trying(importance, n, m)
        assert len(best) - 1 == max_num_blocks(importance.shape, n, m)
        for count, value in enumerate(best):
            found = select_blocks(importance, n, num_blocks=count, block_lanes=m)
            assert found.score == pytest.approx(value, rel=1e-6)
            assert found.score <= found.upper_bound


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 4),
    m=st.sampled_from([1, 2, 4]),
    method=st.sampled_from(METHODS),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 999),
)
def test_a_mask_is_so_many_blocks_of_whole_groups(n, m, method, kind, seed):
    rng = np.random.default_rng(seed)
    importance = make_importance(kind, (m * int(rng.integers(1, 9)), n + 9), rng)
    count = int(rng.integers(0, max_num_blocks(importance.shape, n, m) + 1))
    found = select_blocks(importance, n, num_blocks=count, method=method, block_lanes=m)
    mask = found.mask()
    assert found.block_weights == n * m and mask.sum() == count * n * m
    groups = mask.reshape(-1, m, importance.shape[1])
    assert (groups.all(axis=1) == groups.any(axis=1)).all()
    assert (found.lanes % m == 0).all()
    assert found.score == pytest.approx(importance[mask].sum())
    rebuilt = np.zeros_like(mask)
    for lane, start in zip(found.lanes, found.starts, strict=True):
        assert not rebuilt[lane : lane + m, start : start + n].any()
        rebuilt[lane : lane + m, start : start + n] = True
    np.testing.assert_array_equal(rebuilt, mask)


@pytest.mark.parametrize(
    ("block", "sparsity", "expected"),
    [((4, 1), 0.8, 0.345), ((4, 1), 0.9, 0.190), ((2, 4), 0.8, 0.291), ((2, 4), 0.9, 0.157),
     ((4, 4), 0.8, 0.270), ((4, 4), 0.9, 0.143)],
)  # fmt: skip
def test_what_blocks_keep_of_normal_weights(block, sparsity, expected):
    importance = np.abs(np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32))
    n, m = block
    found = select_blocks(importance, n, sparsity=sparsity, block_lanes=m)
    assert found.score / importance.sum(dtype=np.float64) == pytest.approx(expected, abs=0.003)


def best_of_two(importances, blocks, factors, budget, costs):
    """The largest normalised importance of two layers by trying every two numbers of blocks."""
    curves = [
        factor * np.array(best_by_trying(importance, *block))
        for importance, block, factor in zip(importances, blocks, factors, strict=True)
    ]
    counts = itertools.product(*(range(len(curve)) for curve in curves))
    return max(
        sum(curve[count] for curve, count in zip(curves, each, strict=True))
        for each in counts
        if np.dot(each, costs) <= budget + 1e-9
    )


@pytest.mark.parametrize("blocks", [((2, 4), (2, 4)), ((2, 4), (4, 1)), ((1, 2), (3, 4))])
@pytest.mark.parametrize("normalize", ["none", "rms", "mean"])
def test_one_budget_for_layers_with_blocks_of_several_lanes(blocks, normalize):
    """A factor is of a layer's weights, whatever the lanes of its blocks."""
    rng = np.random.default_rng(5)
    for _ in range(6):
        importances = [small(n, m, "gaussian", rng) * rng.uniform(0.1, 1) for n, m in blocks]
        factors = {
            "none": [1.0, 1.0],
            "rms": [1 / np.sqrt((each**2).mean()) for each in importances],
            "mean": [1 / each.mean() for each in importances],
        }[normalize]
        sizes, lanes = zip(*blocks, strict=True)
        most = sum(
            max_num_blocks(each.shape, *block)
            for each, block in zip(importances, blocks, strict=True)
        )
        found = ubp.select_blocks_global(
            importances, sizes, num_blocks=most // 2, normalize=normalize, block_lanes=lanes
        )
        best = best_of_two(importances, blocks, factors, most // 2, (1, 1))
        assert found.num_blocks == most // 2
        assert found.score == pytest.approx(best, rel=1e-6)
        assert found.score <= found.upper_bound


def test_sparsity_counts_weights():
    """2 x 4 and 8 x 1 weights are as many, 4 x 4 are not."""
    rng = np.random.default_rng(1)
    importances = [np.abs(rng.standard_normal((16, 24))) for _ in range(2)]
    equal = ubp.select_blocks_global(importances, [2, 8], sparsity=0.75, block_lanes=[4, 1])
    assert equal.num_blocks == round(0.25 * 2 * 16 * 24 / 8)
    mixed = ubp.select_blocks_global(importances, [2, 4], sparsity=0.75, block_lanes=4)
    kept = sum(int(each.mask().sum()) for each in mixed)
    assert 0.25 * 2 * 16 * 24 - 8 < kept <= 0.25 * 2 * 16 * 24


def test_a_layer_of_zeros_beside_another():
    importances = [np.zeros((8, 6)), np.ones((8, 6))]
    found = ubp.select_blocks_global(importances, 2, sparsity=0.5, block_lanes=4)
    assert [len(each) for each in found] == [0, 6]


def test_curves_enclose_what_blocks_keep():
    importance = np.abs(np.random.default_rng(2).standard_normal((32, 20)))
    (curve,) = ubp.tradeoff_curves([importance], 2, block_lanes=4)
    most = max_num_blocks(importance.shape, 2, 4)
    scores = [
        select_blocks(importance, 2, num_blocks=m, block_lanes=4).score for m in range(most + 1)
    ]
    lower, upper = curve.bounds(np.arange(most + 1))
    assert (lower <= scores).all() and (scores <= upper).all()
    assert curve.density[-1] == pytest.approx(1.0)
    assert curve.kept[-1] == pytest.approx(1.0)


def test_groups_and_back():
    matrix = np.arange(24, dtype=np.float32).reshape(8, 3)
    summed = sum_lane_groups(matrix, 4)
    np.testing.assert_array_equal(summed, [matrix[:4].sum(axis=0), matrix[4:].sum(axis=0)])
    assert summed.dtype == np.float64
    spread = spread_lane_groups(summed, 4)
    assert spread.shape == matrix.shape
    np.testing.assert_array_equal(sum_lane_groups(spread, 4), 4 * summed)
    assert sum_lane_groups(matrix, 1) is matrix is spread_lane_groups(matrix, 1)


@pytest.mark.parametrize(
    ("shape", "axis", "expected"),
    [((3, 3, 8, 16), -1, 8), ((16, 3, 3, 8), 0, 8), ((2, 2, 16, 8), -2, 8), ((40, 7), -1, 40),
     ((7, 40), 0, 40)],
)  # fmt: skip
def test_input_channels(shape, axis, expected):
    assert input_channels(shape, axis) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"block_lanes": 3}, r"layer 0: block_lanes is 3; expected a divisor of the layer's 8"),
        ({"block_lanes": [4, 2, 1]}, "block_lanes has 3 values for 1 layers"),
        ({"block_lanes": 0}, "layer 0: block_lanes is 0; expected a whole number"),
        ({"block_lanes": 4, "min_density": 0.95, "block_size": 4},
         "asks for 3 blocks of size 4x4; expected at most 2, which is all that fit 8 lanes of 6"),
    ],
)  # fmt: skip
def test_mistakes_end_in_a_clear_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        ubp.select_blocks_global([np.ones((8, 6))], **({"sparsity": 0.5} | arguments))
