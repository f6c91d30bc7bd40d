# SPDX-License-Identifier: Apache-2.0
"""The contract of `select_blocks_global` as a whole: properties of its results, and its errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ubp.selection import NORMALIZATIONS, select_blocks_global

SCALES = st.sampled_from([1e-300, 0.01, 1.0, 1e200])
VALUES = st.one_of(st.just(0.0), st.integers(1, 3).map(float), st.floats(0.01, 10.0))
LAYER = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=VALUES)
RULES = st.sampled_from(NORMALIZATIONS)


@st.composite
def layers(draw):
    """(importances, block sizes) of one to four layers."""
    importances = [layer * draw(SCALES) for layer in draw(st.lists(LAYER, min_size=1, max_size=4))]
    sizes = [draw(st.integers(1, importance.shape[1])) for importance in importances]
    return importances, sizes


def most_blocks(importances, sizes):
    pairs = zip(importances, sizes, strict=True)
    return sum(a.shape[0] * (a.shape[1] // n) for a, n in pairs)


def few_blocks(importances, normalize):
    return sum(bool(a.any()) for a in importances) if normalize == "lamp" else 0


@settings(max_examples=60, deadline=None)
@given(layers(), RULES, st.data())
def test_more_blocks_never_keep_less(problem, normalize, data):
    importances, sizes = problem
    most, least = most_blocks(*problem), few_blocks(importances, normalize)
    count = data.draw(st.integers(least, most))
    fewer = data.draw(st.integers(least, count))
    more, less = (
        select_blocks_global(importances, sizes, num_blocks=m, normalize=normalize)
        for m in (count, fewer)
    )
    assert (more.num_blocks, less.num_blocks) == (count, fewer)
    tiny = 1e-6 * (1 + abs(more.score))
    assert more.score >= less.score - tiny
    assert more.score <= more.upper_bound <= more.score + tiny


@settings(max_examples=60, deadline=None)
@given(layers(), RULES, st.data())
def test_the_order_of_the_layers_does_not_matter(problem, normalize, data):
    importances, sizes = problem
    count = data.draw(
        st.integers(few_blocks(importances, normalize), most_blocks(importances, sizes))
    )
    order = data.draw(st.permutations(range(len(sizes))))
    first = select_blocks_global(importances, sizes, num_blocks=count, normalize=normalize)
    second = select_blocks_global(
        [importances[i] for i in order],
        [sizes[i] for i in order],
        num_blocks=count,
        normalize=normalize,
    )
    assert second.score == pytest.approx(first.score, rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(layers(), st.data())
def test_budgets_and_limits_are_kept(problem, data):
    importances, sizes = problem
    shares = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2).map(sorted)
    limits = [data.draw(shares) for _ in sizes]
    costs = [data.draw(st.floats(0.01, 100.0)) for _ in sizes]
    pairs = list(zip(importances, sizes, strict=True))
    full = [a.size / n for a, n in pairs]
    most = [a.shape[0] * (a.shape[1] // n) for a, n in pairs]
    low = [min(lo, m / f) for (lo, _), m, f in zip(limits, most, full, strict=True)]
    fewest = [round(lo * f) for lo, f in zip(low, full, strict=True)]
    budget = float(np.dot(fewest, costs)) * (1 + 1e-9) + data.draw(st.floats(0.0, 500.0))
    selection = select_blocks_global(
        importances,
        sizes,
        budget=budget,
        costs=costs,
        min_density=low,
        max_density=[hi for _, hi in limits],
    )
    assert selection.cost <= budget * (1 + 1e-12)
    assert selection.score <= selection.upper_bound
    for blocks, lo, (_, hi), f in zip(selection, fewest, limits, full, strict=True):
        assert lo <= len(blocks) <= max(round(hi * f), lo)


def test_a_factor_of_a_layer_changes_nothing_where_importance_is_normalised():
    rng = np.random.default_rng(1)
    importances = [rng.random((30, 16)), rng.random((20, 24)) ** 2]
    scaled = [importances[0] * 2.0**70, importances[1] * 2.0**-90]
    for normalize in NORMALIZATIONS:
        counts = [
            [len(s) for s in select_blocks_global(each, sparsity=0.7, normalize=normalize)]
            for each in (importances, scaled)
        ]
        assert (counts[0] == counts[1]) == (normalize != "none")


TWO = [np.ones((6, 10)), np.ones((4, 8), dtype=np.float32)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "none of sparsity, num_blocks and budget given; expected exactly one"),
        ({"sparsity": 0.5, "num_blocks": 3}, "sparsity and num_blocks of sparsity, num_blocks"),
        ({"budget": 3.0}, "budget is given without costs"),
        ({"num_blocks": 3, "costs": [1, 1]}, "costs are given with num_blocks"),
        ({"sparsity": 1.5}, "sparsity is 1.5; expected a number from 0 to 1"),
        ({"sparsity": float("nan")}, "sparsity is nan"),
        ({"sparsity": 0.0}, "sparsity 0.0 asks for 23 blocks; expected 0 to 20"),
        ({"sparsity": 0.0, "block_size": [4, 2]}, "sparsity 0.0 asks for 92; expected 0 to 80"),
        ({"num_blocks": -1}, "num_blocks is -1; expected 0 to 20"),
        ({"num_blocks": 21}, "num_blocks is 21; expected 0 to 20"),
        ({"num_blocks": 9, "max_density": 0.2}, "num_blocks is 9; expected 0 to 5"),
        ({"num_blocks": 3, "min_density": [0.2, 0.5]}, "num_blocks is 3; expected 7 to 20"),
        ({"num_blocks": 1, "normalize": "lamp"}, "num_blocks is 1; expected 2 to 20"),
        (
            {"budget": -1.0, "costs": [1, 1]},
            "budget is -1.0; expected a finite number",
        ),
        ({"budget": float("inf"), "costs": [1, 1]}, "budget is inf"),
        ({"budget": 1.0, "costs": [1, 1], "min_density": 0.5}, "budget is 1.0; expected 12 to 20"),
        ({"budget": 1.0, "costs": [1, 1, 1]}, r"costs has the shape \(3,\).* each of the 2 layers"),
        (
            {"budget": 1.0, "costs": [1, 0]},
            "layer 1: the cost of a block is 0; expected a finite",
        ),
        ({"budget": 1.0, "costs": [np.nan, 1]}, "layer 0: the cost of a block is nan"),
        ({"num_blocks": 3, "block_size": [4, 2, 4]}, "block_size has 3 values for 2 layers"),
        ({"num_blocks": 3, "block_size": 9}, "layer 1: block_size is 9, but the layer has only 8"),
        ({"num_blocks": 3, "min_density": [0.1]}, "min_density has 1 values for 2 layers"),
        ({"num_blocks": 3, "min_density": 0.5, "max_density": 0.4}, "layer 0: min_density is 0.5"),
        (
            {"num_blocks": 3, "max_density": [0.4, 1.1]},
            "layer 1: max_density is 1.1; expected a number from 0",
        ),
        ({"num_blocks": 3, "min_density": float("nan")}, "layer 0: min_density is nan"),
        ({"num_blocks": 15, "min_density": 1.0}, "layer 0: min_density 1.0 asks for 15 blocks of"),
        (
            {"num_blocks": 3, "normalize": "l3"},
            "normalize is 'l3'; expected one of none, max, mean",
        ),
        ({"num_blocks": 3, "method": "best"}, "method is 'best'; expected one of aligned"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_blocks_global(TWO, **arguments)


@pytest.mark.parametrize(
    ("importances", "message"),
    [
        ([], "importances is empty"),
        ([TWO[0], np.ones(8)], r"layer 1: importance has the shape \(8,\)"),
        ([np.full((2, 4), np.nan), TWO[0]], "layer 0: importance contains nan"),
        ([TWO[0], [[1.0]]], "layer 1: importance is list"),
    ],
)
def test_unusable_importance_is_named(importances, message):
    with pytest.raises(ValueError, match=message):
        select_blocks_global(importances, num_blocks=0)


@pytest.mark.parametrize("arguments", [{"num_blocks": 2.0}, {"sparsity": 0.5, "block_size": 4.0}])
def test_numbers_of_things_are_integers(arguments):
    with pytest.raises(ValueError, match="; expected a whole number"):
        select_blocks_global(TWO, **arguments)
