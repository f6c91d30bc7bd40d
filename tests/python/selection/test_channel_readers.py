# SPDX-License-Identifier: Apache-2.0
"""Orders of channels for layers that read them in blocks of several lanes, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from selection_oracles import KINDS, make_importance
from test_channel_order import lane_value

from ubp.lanes import sum_lane_groups
from ubp.selection.order.channel_order import (
    PERMUTATION_METHODS,
    kept_importance,
    order_channels,
)
from ubp.selection.order.readers import Reader, ReaderTables, worth_of_lanes


def reader(importance, taps, block_lanes):
    """All lanes of a convolution."""
    lanes = np.arange(len(importance)).reshape(taps, -1)
    return Reader(importance, lanes, block_lanes)


def rows_of(rng, outputs, taps, channels):
    return rng.random((outputs, taps, channels)).astype(np.float32)


@pytest.mark.parametrize("block_size", [1, 2, 3, 4])
@pytest.mark.parametrize("price", [0.0, 0.7, 2.5])
def test_worth_is_that_of_the_best_blocks(block_size, price):
    lanes = np.random.default_rng(block_size).random((8, 5)).astype(np.float32)
    expected = [lane_value(lane.tolist(), price, block_size) for lane in lanes.T]
    np.testing.assert_allclose(worth_of_lanes(lanes, price, block_size), expected, rtol=1e-5)


@pytest.mark.parametrize("block_lanes", [2, 4])
@pytest.mark.parametrize("chunk", [1, 2**20])
def test_gains_are_what_replacing_a_channel_gains(block_lanes, chunk, monkeypatch):
    monkeypatch.setattr("ubp.selection.order.readers._CHUNK", chunk)
    rows = rows_of(np.random.default_rng(3), 7, 3, 16)
    tables = ReaderTables.of(rows, block_lanes, 1.7, 2)
    places = list(range(1, 16, block_lanes))
    gains = tables.gains(places)
    assert gains.shape == (len(places), len(places))
    for row, place in enumerate(places):
        for column, channel in enumerate(places):
            replaced = rows.copy()
            replaced[:, :, place] = rows[:, :, channel]
            value = ReaderTables.of(replaced, block_lanes, 1.7, 2).value
            assert gains[row, column] == pytest.approx(value - tables.value, abs=1e-4)


def test_a_reader_in_another_order():
    importance = np.arange(24.0).reshape(12, 2)
    lanes = np.array([[2, 3, 4, 5], [8, 9, 10, 11]])
    one = Reader(importance, lanes, 2)
    found = one.reordered(np.array([3, 1, 0, 2]))
    assert found[:, 0].tolist() == [0, 2, 10, 6, 4, 8, 12, 14, 22, 18, 16, 20]
    assert one.rows().shape == (2, 2, 4)
    assert one.rows()[1, 1].tolist() == [17, 19, 21, 23]


@pytest.mark.parametrize("kind", ["gaussian", "mostly_zero", "heavy_tailed", "few_valued"])
@pytest.mark.parametrize("taps", [1, 2])
def test_against_every_order(kind, taps):
    importance = make_importance(kind, (6 * taps, 7), np.random.default_rng(7))
    read = reader(importance, taps, 2)
    best = max(
        kept_importance(read.reordered(np.array(order)), 2, 0.5, 2)
        for order in itertools.permutations(range(6))
    )
    found = order_channels([], 2, 0.5, readers=[read], rounds=60)
    assert 0.97 * best <= sum(found.kept_after) <= best * (1 + 1e-12)


@pytest.mark.parametrize("method", PERMUTATION_METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_order_keeps_no_less_of_layers_and_readers_together(kind, method):
    rng = np.random.default_rng(5)
    own, read = make_importance(kind, (12, 16), rng), make_importance(kind, (32, 9), rng)
    groups = sum_lane_groups(own, 4)
    found = order_channels([groups], 2, 0.6, method, readers=[reader(read, 2, 4)], rounds=20)
    assert sorted(found.order) == list(range(16))
    assert sum(found.kept_after) >= sum(found.kept_before)
    ordered = read.reshape(2, 16, 9)[:, found.order].reshape(32, 9)
    for kept, one, other in (
        (found.kept_before, own, read),
        (found.kept_after, own[:, found.order], ordered),
    ):
        assert kept == pytest.approx(
            [kept_importance(each, 2, 0.6, 4) for each in (np.ascontiguousarray(one), other)]
        )


@pytest.mark.parametrize("method", PERMUTATION_METHODS)
def test_lanes_that_matter_together_share_a_group(method):
    rng = np.random.default_rng(0)
    clean = np.zeros((24, 30))
    for cluster in range(6):
        clean[4 * cluster : 4 * cluster + 4, 5 * cluster : 5 * cluster + 4] = 1.0
    clean += 0.01 * rng.random(clean.shape)
    shuffled = clean[rng.permutation(24)]
    found = order_channels([], 2, 0.85, method, readers=[reader(shuffled, 1, 4)])
    assert found.kept_after[0] == pytest.approx(kept_importance(clean, 2, 0.85, 4), rel=0.01)
    assert found.kept_before[0] < 0.7 * found.kept_after[0]


def test_what_input_channels_in_order_gain_of_normal_weights():
    """2 x 4 blocks of 80% zeros; docs/pruning.md has the figure."""
    importance = np.abs(np.random.default_rng(1).standard_normal((64, 64)))
    found = order_channels([], 2, 0.8, readers=[reader(importance, 1, 4)])
    assert found.kept_after[0] / found.kept_before[0] == pytest.approx(1.13, abs=0.01)


def test_few_places_are_looked_at_where_there_is_much_to_read(monkeypatch):
    monkeypatch.setattr("ubp.selection.order.hill_climb._MOST_READ", 5 * 5 * 64)
    importance = np.abs(np.random.default_rng(1).standard_normal((64, 64)))
    read = reader(importance, 1, 4)
    found = order_channels([], 2, 0.8, readers=[read])
    assert found.kept_after[0] > 1.03 * found.kept_before[0]
    again = order_channels([], 2, 0.8, readers=[read])
    np.testing.assert_array_equal(found.order, again.order)


def test_layers_and_readers_of_other_widths_are_refused():
    read = reader(np.ones((8, 4)), 1, 4)
    with pytest.raises(ValueError, match="as many channels in all"):
        order_channels([np.ones((2, 12))], 2, 0.5, readers=[read])
