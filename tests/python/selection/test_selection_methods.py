# SPDX-License-Identifier: Apache-2.0
"""Every method against a slow and obvious implementation of it, for every possible m."""

from __future__ import annotations

import numpy as np
import pytest
from selection_oracles import (
    KINDS,
    assert_valid,
    bed_blocks,
    best_scores,
    blocks_of,
    greedy_blocks,
    make_importance,
    quantised_score,
    small_instances,
)

from ubp.selection import METHODS, max_num_blocks, select_blocks
from ubp.selection.layer.dual import minimise_dual
from ubp.selection.layer.lane_program import LaneProgram
from ubp.selection.layer.quantised import quantise
from ubp.selection.native.form import NUMPY, VARIABLE

BLOCK_SIZES = (1, 2, 3, 4, 5, 8, 16)


@pytest.fixture(params=[NUMPY, "native"], autouse=True)
def core(request, monkeypatch):
    monkeypatch.setenv(VARIABLE, request.param)


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_optimal_equals_the_dynamic_programme(block_size):
    for importance in small_instances(block_size, per_kind=29):  # 203 in all
        best = best_scores(importance, block_size)
        assert len(best) == max_num_blocks(importance.shape, block_size) + 1
        for count, expected in enumerate(best):
            selection = select_blocks(importance, block_size, num_blocks=count)
            assert_valid(selection, importance, count)
            assert quantised_score(selection, importance) == expected


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_the_dual_has_no_gap(block_size):
    for importance in small_instances(block_size, per_kind=5):
        program = LaneProgram.of(quantise(importance, block_size))
        for count, expected in enumerate(best_scores(importance, block_size)[1:], start=1):
            assert minimise_dual(program, count).value == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampled_scale", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("shape", [(700, 9), (300, 34)])
def test_optimal_on_layers_wide_enough_to_be_sampled(kind, shape, sampled_scale):
    importance = make_importance(kind, shape, np.random.default_rng(5))
    importance[:: shape[0] // 64] *= sampled_scale  # the sample may look like no other lane
    best = best_scores(importance, 4)
    for count in [1, 2, *range(97, len(best), 401), len(best) - 2, len(best) - 1]:
        selection = select_blocks(importance, 4, num_blocks=count)
        assert_valid(selection, importance, count)
        assert quantised_score(selection, importance) == best[count]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [997, 1000])
def test_optimal_of_one_long_lane_packed_to_the_last_block(kind, channels):
    importance = make_importance(kind, (1, channels), np.random.default_rng(6))
    best = best_scores(importance, 2)
    for count in range(len(best) - 4, len(best)):
        selection = select_blocks(importance, 2, num_blocks=count)
        assert_valid(selection, importance, count)
        assert quantised_score(selection, importance) == best[count]


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_aligned_keeps_the_best_aligned_blocks(block_size):
    for importance in small_instances(block_size, per_kind=8):
        scores = quantise(importance, block_size).scores[:, ::block_size]
        ranked = np.sort(scores, axis=None)[::-1].astype(np.int64)
        for count in range(max_num_blocks(importance.shape, block_size) + 1):
            selection = select_blocks(importance, block_size, num_blocks=count, method="aligned")
            assert_valid(selection, importance, count)
            assert np.all(selection.starts % block_size == 0)
            assert quantised_score(selection, importance) == ranked[:count].sum()


@pytest.mark.parametrize("block_size", [2, 3, 4, 8])
def test_greedy_takes_the_best_free_block_and_fills_up_by_expansion(block_size):
    for importance in small_instances(block_size, per_kind=8):
        order = greedy_blocks(importance, block_size)
        free_blocks = np.zeros(importance.shape, dtype=bool)
        for lane, start in order:
            free_blocks[lane, start : start + block_size] = True
        for count in range(max_num_blocks(importance.shape, block_size) + 1):
            selection = select_blocks(importance, block_size, num_blocks=count, method="greedy")
            assert_valid(selection, importance, count)
            if count <= len(order):
                assert blocks_of(selection) == sorted(order[:count])
            else:
                assert np.all(selection.mask()[free_blocks])


@pytest.mark.parametrize("block_size", [2, 3, 4, 5, 8])
def test_bed_equals_its_definition(block_size):
    for importance in small_instances(block_size, per_kind=6):
        for count in range(max_num_blocks(importance.shape, block_size) + 1):
            selection = select_blocks(importance, block_size, num_blocks=count, method="bed")
            assert_valid(selection, importance, count)
            assert blocks_of(selection) == bed_blocks(importance, block_size, count)


def test_bed_is_optimal_for_blocks_of_two():
    for importance in small_instances(2, per_kind=25):
        for count, expected in enumerate(best_scores(importance, 2)):
            selection = select_blocks(importance, 2, num_blocks=count, method="bed")
            assert quantised_score(selection, importance) == expected


def test_all_methods_agree_on_blocks_of_one():
    for importance in small_instances(1, per_kind=5):
        for count in range(importance.size + 1):
            first, *others = [
                select_blocks(importance, 1, num_blocks=count, method=m) for m in METHODS
            ]
            assert all(blocks_of(other) == blocks_of(first) for other in others)


@pytest.mark.parametrize("sparsity", [0.8, 0.9])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_kept_importance(sparsity, spread):
    """Of Gaussian weights, and of weights with a spread of their own for lanes and channels."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((512, 256))
    weights *= np.exp(spread * rng.standard_normal((512, 1)))
    weights *= np.exp(spread * rng.standard_normal((1, 256)))
    weights = weights.astype(np.float32)
    score = {
        m: select_blocks(np.abs(weights), 4, sparsity=sparsity, method=m).score for m in METHODS
    }
    assert 0.85 < score["aligned"] / score["optimal"] < 0.95
    assert score["aligned"] < score["greedy"] < score["bed"] < score["optimal"]
    assert score["bed"] / score["optimal"] >= 0.998
