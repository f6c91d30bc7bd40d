# SPDX-License-Identifier: Apache-2.0
"""Orders of channels against all orders there are, and the tables of the hill climb by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from selection_oracles import KINDS, make_importance

from ubp.selection import select_blocks
from ubp.selection.order.chain import chain_channels
from ubp.selection.order.channel_order import (
    PERMUTATION_METHODS,
    block_count,
    kept_importance,
    order_channels,
)
from ubp.selection.order.hill_climb import LaneTables


def lane_value(column_values, price, block_size):
    """The best net value of a lane, by trying every set of blocks."""
    channels = len(column_values)
    best = 0.0
    for count in range(1, channels // block_size + 1):
        for starts in itertools.combinations(range(channels - block_size + 1), count):
            if all(b - a >= block_size for a, b in itertools.pairwise(starts)):
                kept = sum(sum(column_values[s : s + block_size]) for s in starts)
                best = max(best, kept - count * price)
    return best


def planted(rng, lanes, clusters, size):
    """Importance in which each cluster of channels matters in lanes of its own, and its order."""
    clean = np.zeros((lanes, clusters * size))
    for cluster in range(clusters):
        clean[cluster::clusters, cluster * size : (cluster + 1) * size] = 1.0
    clean += 0.01 * rng.random(clean.shape)
    shuffle = rng.permutation(clean.shape[1])
    return clean, clean[:, shuffle]


@pytest.mark.parametrize("block_size", [1, 2, 3, 4])
@pytest.mark.parametrize("price", [0.0, 0.7, 2.5])
def test_tables_hold_the_best_of_every_lane(block_size, price):
    rng = np.random.default_rng(block_size)
    columns = rng.random((8, 5)).astype(np.float32)
    prices = np.full(5, price, dtype=np.float32)
    tables = LaneTables.of(columns, prices, block_size)
    values = [lane_value(lane.tolist(), price, block_size) for lane in columns.T]
    np.testing.assert_allclose(tables.before[-1], values, rtol=1e-5)
    np.testing.assert_allclose(tables.after[0], values, rtol=1e-5)
    assert tables.value == pytest.approx(sum(values), rel=1e-5)


@pytest.mark.parametrize("block_size", [1, 2, 4, 7])
def test_gains_are_what_replacing_a_channel_gains(block_size):
    rng = np.random.default_rng(3)
    columns = rng.random((9, 6)).astype(np.float32)
    prices = rng.uniform(0.2, 2.0, 6).astype(np.float32)
    tables = LaneTables.of(columns, prices, block_size)
    for place in range(len(columns)):
        gains = tables.gains(place, columns)
        values = []
        for channel in columns:
            replaced = columns.copy()
            replaced[place] = channel
            values.append(LaneTables.of(replaced, prices, block_size).value)
        np.testing.assert_allclose(
            gains - gains[place], np.subtract(values, values[place]), atol=1e-4
        )


@pytest.mark.parametrize("block_size", [2, 3])
@pytest.mark.parametrize("kind", ["gaussian", "mostly_zero", "heavy_tailed", "few_valued"])
def test_against_every_order(kind, block_size):
    rng = np.random.default_rng(7)
    importance = make_importance(kind, (4, 6), rng)
    sparsity = 0.5
    best = max(
        kept_importance(np.ascontiguousarray(importance[:, order]), block_size, sparsity)
        for order in itertools.permutations(range(6))
    )
    found = order_channels([importance], block_size, sparsity, "hill_climb", rounds=50)
    assert 0.97 * best <= sum(found.kept_after) <= best * (1 + 1e-12)


@pytest.mark.parametrize("method", PERMUTATION_METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_order_is_a_permutation_that_keeps_no_less(kind, method):
    rng = np.random.default_rng(5)
    layers = [make_importance(kind, (lanes, 21), rng) for lanes in (3, 8)]
    found = order_channels(layers, 4, 0.6, method, rounds=20)
    assert sorted(found.order) == list(range(21))
    assert sum(found.kept_after) >= sum(found.kept_before)
    for layer, before, after in zip(layers, found.kept_before, found.kept_after, strict=True):
        assert select_blocks(layer, 4, sparsity=0.6).score == before
        ordered = np.ascontiguousarray(layer[:, found.order])
        assert select_blocks(ordered, 4, sparsity=0.6).score == after


@pytest.mark.parametrize("method", PERMUTATION_METHODS)
def test_channels_that_matter_together_become_neighbours(method):
    clean, shuffled = planted(np.random.default_rng(0), lanes=30, clusters=5, size=4)
    found = order_channels([shuffled], 4, 0.8, method)
    assert found.kept_after[0] == pytest.approx(kept_importance(clean, 4, 0.8), rel=0.01)
    assert found.kept_before[0] < 0.7 * found.kept_after[0]


@pytest.mark.parametrize("method", PERMUTATION_METHODS)
def test_a_good_order_is_left_alone(method):
    clean, _ = planted(np.random.default_rng(0), lanes=30, clusters=5, size=4)
    clean = np.round(clean)
    found = order_channels([clean], 4, 0.8, method)
    np.testing.assert_array_equal(found.order, np.arange(20))
    assert found.kept_after == found.kept_before


def test_hill_climb_improves_on_the_chain():
    importance = make_importance("gaussian", (64, 48), np.random.default_rng(1))
    chain, climb = (
        order_channels([importance], 4, 0.8, method).kept_after[0]
        for method in ("chain", "hill_climb")
    )
    assert climb > 1.01 * chain


def test_the_same_input_gives_the_same_order():
    importance = make_importance("gaussian", (16, 30), np.random.default_rng(2))
    first, second = (order_channels([importance], rounds=10).order for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_every_layer_counts():
    """The layer of larger weights decides; alone, the other would have another order."""
    rng = np.random.default_rng(4)
    large, small = 100 * rng.random((20, 24)), rng.random((20, 24))
    together = order_channels([large, small], 4, 0.8)
    assert together.kept_after[0] > 1.02 * together.kept_before[0]
    alone = order_channels([small], 4, 0.8)
    assert alone.kept_after[0] > together.kept_after[1]


def test_rounds_are_counted():
    done = []
    order_channels([np.eye(8)], 2, 0.5, rounds=7, after_round=lambda: done.append(1))
    assert len(done) == 7


@pytest.mark.parametrize("channels", [4, 5, 7])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.9, 1.0])
def test_few_channels_and_extreme_sparsities(channels, sparsity):
    importance = np.random.default_rng(0).random((3, channels)).astype(np.float32)
    found = order_channels([importance], 4, sparsity, rounds=5)
    assert sorted(found.order) == list(range(channels))


def test_chain_follows_likeness():
    columns = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1]], dtype=np.float64)
    assert chain_channels([columns], 0.5).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(
    ("shape", "n", "sparsity", "expected"),
    [((3, 8), 4, 0.5, 3), ((3, 7), 4, 0.1, 3), ((3, 7), 4, 1.0, 0), ((2, 9), 1, 0.0, 18)],
)
def test_block_count(shape, n, sparsity, expected):
    assert block_count(shape, n, sparsity) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "best"}, "method is 'best'; expected one of chain, hill_climb"),
        ({"rounds": 0}, "rounds is 0; expected a whole number"),
        ({"sparsity": 1.5}, "sparsity is 1.5; expected a number from 0 to 1"),
        ({"block_size": 9}, "only 8 channels"),
        ({"importances": []}, "expected at least one layer"),
        ({"importances": [np.ones((2, 8)), np.ones((2, 9))]}, "as many channels in all"),
        ({"importances": [np.full((2, 8), np.nan)]}, "importance contains nan"),
    ],
)
def test_mistakes_end_in_a_clear_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        order_channels(**({"importances": [np.ones((2, 8))]} | arguments))
