# SPDX-License-Identifier: Apache-2.0
"""The contract of `select_blocks`: number of blocks, certificate, determinism, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from selection_oracles import KINDS, assert_valid, blocks_of, make_importance

import ubp
from ubp.selection import METHODS, max_num_blocks, select_blocks
from ubp.selection.layer.quantised import count_bits, quantise


@st.composite
def problems(draw):
    """(importance, block_size, num_blocks), of any scale a float64 can have."""
    values = st.one_of(st.just(0.0), st.floats(0.0, 1e300), st.sampled_from([1.0, 5e-324, 1e-310]))
    importance = draw(
        arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=values)
    )
    block_size = draw(st.integers(1, importance.shape[1]))
    num_blocks = draw(st.integers(0, max_num_blocks(importance.shape, block_size)))
    return importance, block_size, num_blocks


@given(problems(), st.sampled_from(METHODS))
def test_any_problem_gives_exactly_m_blocks_below_the_bound(problem, method):
    importance, block_size, count = problem
    selection = select_blocks(importance, block_size, num_blocks=count, method=method)
    assert_valid(selection, importance, count)


@given(problems())
def test_the_bound_holds_for_every_method_and_is_tight_for_optimal(problem):
    importance, block_size, count = problem
    selections = {
        m: select_blocks(importance, block_size, num_blocks=count, method=m) for m in METHODS
    }
    optimal = selections["optimal"]
    assert len({selection.upper_bound for selection in selections.values()}) == 1
    layer = quantise(importance, block_size)
    slack = (count * block_size + 1) / layer.quanta * layer.peak + 1e-9 * optimal.score
    assert optimal.upper_bound <= optimal.score + slack
    assert all(selection.score <= optimal.score + slack for selection in selections.values())


@given(problems(), st.integers(-20, 20))
def test_a_power_of_two_as_a_factor_changes_no_choice(problem, exponent):
    importance, block_size, count = problem
    importance[importance < 1e-290] = 0.0
    selection = select_blocks(importance, block_size, num_blocks=count)
    scaled = select_blocks(importance * 2.0**exponent, block_size, num_blocks=count)
    assert blocks_of(scaled) == blocks_of(selection)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_input_gives_the_same_selection_whatever_its_memory_layout(method, kind):
    importance = make_importance(kind, (300, 37), np.random.default_rng(1)).astype(np.float32)
    variants = [importance, importance.copy(), np.asfortranarray(importance)]
    variants += [importance.astype(np.float64), np.repeat(importance, 2, axis=1)[:, ::2]]
    first, *others = [select_blocks(v, 4, sparsity=0.7, method=method) for v in variants]
    for other in others:
        assert blocks_of(other) == blocks_of(first)
        assert other.upper_bound == first.upper_bound


@pytest.mark.parametrize(
    ("shape", "block_size", "sparsity", "expected"),
    [
        ((64, 64), 4, 0.8, 205),
        ((10, 10), 4, 0.8, 5),
        ((10, 8), 4, 0.0, 20),
        ((10, 8), 4, 1.0, 0),
        ((10, 10), 4, 0.2, 20),
        ((3, 7), 1, 0.5, 10),
        ((1, 16), 16, 0.4, 1),
        ((1, 16), 16, 0.6, 0),
    ],
)
def test_sparsity_sets_the_number_of_blocks(shape, block_size, sparsity, expected):
    importance = make_importance("gaussian", shape, np.random.default_rng(2))
    for method in METHODS:
        selection = select_blocks(importance, block_size, sparsity=sparsity, method=method)
        assert_valid(selection, importance, expected)


def test_the_public_names_and_the_default_method():
    importance = make_importance("gaussian", (64, 32), np.random.default_rng(3))
    selection = ubp.select_blocks(importance, sparsity=0.8)
    assert isinstance(selection, ubp.Selection)
    assert selection.block_size == 4
    optimal = ubp.select_blocks(importance, block_size=4, num_blocks=102, method="optimal")
    assert blocks_of(selection) == blocks_of(optimal)
    assert not selection.lanes.flags.writeable
    assert not selection.starts.flags.writeable


def test_the_importance_is_left_as_it_was():
    importance = make_importance("gaussian", (64, 32), np.random.default_rng(4))
    before = importance.copy()
    importance.setflags(write=False)
    for method in METHODS:
        select_blocks(importance, sparsity=0.1, method=method)
    assert np.array_equal(importance, before)


@pytest.mark.parametrize("channels", [2, 2**10, 2**16, 2**20])
@pytest.mark.parametrize("block_size", [1, 2])
def test_a_lane_of_any_length_stays_within_int64(channels, block_size):
    elements = quantise(np.ones((1, channels), dtype=np.float32), block_size).elements
    assert elements.max() > 0
    packed = int(elements.sum(dtype=np.int64)) << count_bits(channels, block_size)
    assert packed < 2**62


ONES = np.ones((6, 10), dtype=np.float32)


@pytest.mark.parametrize(
    ("importance", "message"),
    [
        (np.array([[1.0, np.nan, 2.0, np.nan]]), r"contains nan \(lane 0, channel 1; 2 such"),
        (np.array([[1.0, 1.0, 2.0, np.inf]]), r"contains inf \(lane 0, channel 3; 1 such"),
        (np.array([[1.0, 1.0, -2.5, 1.0]]), r"contains -2\.5 \(lane 0, channel 2"),
        (np.ones(8), r"shape \(8,\); expected \[lanes, channels\]"),
        (np.ones((2, 3, 8)), r"shape \(2, 3, 8\)"),
        (np.ones((0, 8)), r"shape \(0, 8\)"),
        (np.ones((4, 8), dtype=np.int32), "importance is int32; expected a NumPy array of float32"),
        (np.ones((4, 8), dtype=np.float16), "importance is float16"),
        ([[1.0, 2.0, 3.0, 4.0]], "importance is list"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_unusable_importance_is_named(importance, message, method):
    with pytest.raises(ValueError, match=message):
        select_blocks(importance, 4, num_blocks=0, method=method)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sparsity": 0.5, "block_size": 11}, "block_size is 11, but the layer has only 10"),
        (
            {"sparsity": 0.5, "block_size": 0},
            "block_size is 0; expected a whole number",
        ),
        ({"sparsity": 0.5, "block_size": -4}, "block_size is -4"),
        ({}, "neither of sparsity and num_blocks given; expected exactly one"),
        ({"sparsity": 0.5, "num_blocks": 3}, "both of sparsity and num_blocks given"),
        ({"sparsity": 1.5}, "sparsity is 1.5; expected a number from 0 to 1"),
        ({"sparsity": -0.1}, "sparsity is -0.1"),
        ({"sparsity": float("nan")}, "sparsity is nan"),
        ({"num_blocks": -1}, "num_blocks is -1 blocks"),
        ({"num_blocks": 13}, r"num_blocks is 13 .* expected 0 to 12, .* 6 lanes of 10 channels"),
        ({"sparsity": 0.0}, r"sparsity 0.0 asks for 15 .* 0 to 12, .*at least 0\.2\)"),
        ({"sparsity": 0.5, "method": "best"}, "method is 'best'; expected one of aligned, greedy"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_blocks(ONES, **arguments)


@pytest.mark.parametrize("arguments", [{"num_blocks": 2.0}, {"sparsity": 0.5, "block_size": 4.0}])
def test_numbers_of_things_are_integers(arguments):
    with pytest.raises(ValueError, match="; expected a whole number"):
        select_blocks(ONES, **arguments)
