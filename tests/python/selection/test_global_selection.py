# SPDX-License-Identifier: Apache-2.0
"""`select_blocks_global` against every distribution of blocks over the layers."""

from __future__ import annotations

import numpy as np
import pytest
from global_oracles import FACTORS, Problem, packable, random_importances
from selection_oracles import KINDS, blocks_of, make_importance

import ubp
from ubp.selection import METHODS, NORMALIZATIONS, native, select_blocks, select_blocks_global
from ubp.selection.native.form import NUMPY, VARIABLE

CLOSE = {"rel": 1e-11, "abs": 1e-11}


def problem_of(importances, block_sizes, normalize, costs=None, at_least=None, at_most=None):
    """With all limits; those of "lamp" included."""
    at_most = at_most or packable(importances, block_sizes)
    at_least = at_least or [0] * len(importances)
    if normalize == "lamp":
        at_least = [
            max(least, min(1, most)) if importance.any() else least
            for importance, least, most in zip(importances, at_least, at_most, strict=True)
        ]
    costs = costs or [1.0] * len(importances)
    return Problem(importances, list(block_sizes), normalize, costs, at_least, at_most)


def assert_optimal(problem, selection, budget):
    problem.check(selection)
    best = problem.best(budget)
    assert problem.whole(selection) == pytest.approx(best, **CLOSE)
    assert_certified(problem, selection, best)


def assert_certified(problem, selection, best):
    """The score is that of the blocks, in the caller's importance; the bound is above the best."""
    assert selection.score == pytest.approx(problem.whole(selection), rel=1e-6, abs=1e-6)
    assert selection.upper_bound >= selection.score
    assert selection.upper_bound >= best - 1e-12 * abs(best)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
@pytest.mark.parametrize("block_size", [1, 2, 4])
def test_any_number_of_blocks_is_distributed_best(block_size, normalize):
    rng = np.random.default_rng(block_size)
    for _ in range(6):
        sizes = [block_size] * int(rng.integers(1, 4))
        importances = random_importances(rng, sizes)
        problem = problem_of(importances, sizes, normalize)
        for count in range(sum(problem.at_least), sum(problem.at_most) + 1):
            selection = select_blocks_global(
                importances, block_size, num_blocks=count, normalize=normalize
            )
            assert selection.num_blocks == count
            assert_optimal(problem, selection, count)
            slack = 1e-6 * (abs(selection.score) + 1)
            assert selection.upper_bound <= selection.score + slack


@pytest.mark.parametrize("normalize", ["rms", "none", "lamp"])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_one_kind_with_many_ties_between_them(kind, normalize):
    rng = np.random.default_rng(3)
    importances = [make_importance(kind, shape, rng) for shape in [(2, 9), (3, 8), (1, 13)]]
    problem = problem_of(importances, [2, 2, 2], normalize)
    for count in range(sum(problem.at_least), sum(problem.at_most) + 1):
        selection = select_blocks_global(importances, 2, num_blocks=count, normalize=normalize)
        assert_optimal(problem, selection, count)


def test_another_block_size_in_each_layer():
    rng = np.random.default_rng(5)
    for _ in range(10):
        sizes = rng.permutation([1, 2, 3, 4])[:3].tolist()
        importances = random_importances(rng, sizes, max_lanes=2)
        problem = problem_of(importances, sizes, "mean")
        for count in range(0, sum(problem.at_most) + 1, 2):
            selection = select_blocks_global(importances, sizes, num_blocks=count, normalize="mean")
            assert_optimal(problem, selection, count)


@pytest.mark.parametrize("normalize", ["rms", "lamp"])
def test_density_limits_of_each_layer(normalize):
    rng = np.random.default_rng(6)
    for _ in range(12):
        importances = random_importances(rng, [2, 2, 2])
        full = [importance.size / 2 for importance in importances]
        most = packable(importances, [2, 2, 2])
        low = rng.uniform(0.0, 0.4, 3)
        high = low + rng.uniform(0.0, 0.6, 3)
        at_least = [round(d * f) for d, f in zip(low, full, strict=True)]
        at_most = [min(round(d * f), m) for d, f, m in zip(high, full, most, strict=True)]
        problem = problem_of(importances, [2, 2, 2], normalize, None, at_least, at_most)
        for count in range(sum(problem.at_least), sum(at_most) + 1):
            selection = select_blocks_global(
                importances,
                2,
                num_blocks=count,
                normalize=normalize,
                min_density=low.tolist(),
                max_density=high.tolist(),
            )
            assert_optimal(problem, selection, count)


@pytest.mark.parametrize("normalize", ["none", "rms", "lamp"])
def test_a_budget_of_costs_lacks_at_most_one_block(normalize):
    rng = np.random.default_rng(7)
    for _ in range(12):
        sizes = [2, 4, 2]
        importances = random_importances(rng, sizes, max_lanes=2)
        costs = rng.choice([0.5, 1.0, 3.0, 7.0, 0.1], 3).tolist()
        problem = problem_of(importances, sizes, normalize, costs)
        fewest = float(np.dot(problem.at_least, costs))
        for budget in np.linspace(fewest, np.dot(problem.at_most, costs) * 1.1, 9).tolist():
            selection = select_blocks_global(
                importances, sizes, budget=budget, costs=costs, normalize=normalize
            )
            problem.check(selection)
            best, found = problem.best(budget), problem.whole(selection)
            assert selection.cost <= budget * (1 + 1e-12)
            assert_certified(problem, selection, best)
            assert found >= best - problem.one_block() - 1e-9
            assert selection.upper_bound <= selection.score + problem.one_block() + 1e-6
            if selection.cost == pytest.approx(budget, rel=1e-12):
                assert found == pytest.approx(best, **CLOSE)
            for layer, blocks in enumerate(selection):  # nothing that still fits is left out
                full = len(blocks) == problem.at_most[layer]
                assert full or selection.cost + costs[layer] > budget


def test_equal_costs_are_exact_whatever_their_unit():
    rng = np.random.default_rng(8)
    importances = random_importances(rng, [2, 2, 2])
    costs = [0.1] * 3
    problem = problem_of(importances, [2, 2, 2], "rms", costs)
    for count in range(sum(problem.at_most) + 1):
        selection = select_blocks_global(importances, 2, budget=0.1 * count, costs=costs)
        assert selection.num_blocks == count
        assert_optimal(problem, selection, 0.1 * count)


def test_what_is_left_of_a_budget_goes_to_cheaper_blocks():
    dear, cheap = np.full((4, 8), 900.0), np.random.default_rng(9).random((40, 8))
    selection = select_blocks_global(
        [dear, cheap], 4, budget=150.0, costs=[100.0, 1.0], normalize="none"
    )
    assert [len(blocks) for blocks in selection] == [1, 50]
    best = select_blocks(cheap, 4, num_blocks=50)
    assert blocks_of(selection[1]) == blocks_of(best)


def test_the_sparsity_of_layers_with_different_block_sizes_is_that_of_weights():
    rng = np.random.default_rng(10)
    importances = [rng.random((40, 32)), rng.random((30, 64)), rng.random((9, 16))]
    sizes = [4, 8, 16]
    weights = sum(importance.size for importance in importances)
    for sparsity in (0.0, 0.31, 0.8, 0.99, 1.0):
        selection = select_blocks_global(importances, sizes, sparsity=sparsity)
        kept = sum(len(blocks) * blocks.block_size for blocks in selection)
        assert kept == selection.cost
        assert (1 - sparsity) * weights - 16 < kept <= (1 - sparsity) * weights + 1e-6


def test_the_sparsity_of_costs_is_that_of_the_whole_cost():
    rng = np.random.default_rng(11)
    importances = [rng.random((40, 32)), rng.random((30, 64))]
    costs = [5.0, 2.0]
    whole = 40 * 8 * 5.0 + 30 * 16 * 2.0
    by_share = select_blocks_global(importances, 4, sparsity=0.75, costs=costs)
    by_budget = select_blocks_global(importances, 4, budget=whole / 4, costs=costs)
    assert [blocks_of(b) for b in by_share] == [blocks_of(b) for b in by_budget]
    assert whole / 4 - 2.0 < by_share.cost <= whole / 4


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_one_layer_is_what_select_blocks_makes_of_it(normalize):
    importance = make_importance("gaussian", (300, 34), np.random.default_rng(12))
    for sparsity in (0.15, 0.8, 1.0 - 4 / importance.size):
        single = select_blocks(importance, 4, sparsity=sparsity)
        (selection,) = select_blocks_global([importance], 4, sparsity=sparsity, normalize=normalize)
        assert blocks_of(selection) == blocks_of(single)
        assert selection.upper_bound == single.upper_bound


@pytest.mark.parametrize("normalize", ["rms", "lamp"])
@pytest.mark.parametrize("sampled_scale", [0.0, 1.0, 100.0])
def test_layers_wide_enough_to_be_sampled(normalize, sampled_scale):
    rng = np.random.default_rng(13)
    importances = [make_importance("heavy_tailed", shape, rng) for shape in [(130, 9), (200, 8)]]
    for importance in importances:
        importance[:: len(importance) // 64] *= sampled_scale  # like no other lane
    problem = problem_of(importances, [4, 4], normalize)
    contributions = problem.contributions()
    for count in (2, 50, 333, 600, 659):
        selection = select_blocks_global(importances, 4, num_blocks=count, normalize=normalize)
        first = np.arange(max(0, count - 400), min(count, 260) + 1)
        best = (contributions[0][first] + contributions[1][count - first]).max()
        assert selection.num_blocks == count
        assert problem.whole(selection) == pytest.approx(best, **CLOSE)


def test_lamp_of_single_weights_is_the_one_of_its_paper():
    rng = np.random.default_rng(14)
    weights = [rng.standard_normal(shape) * scale for shape, scale in [((30, 8), 1), ((9, 40), 5)]]
    squares = [w**2 for w in weights]
    scores = []
    for square in squares:
        ranked = np.sort(square, axis=None)
        at_least_as_large = np.cumsum(ranked[::-1])[::-1]
        scores.append((ranked / at_least_as_large)[np.searchsorted(ranked, square)])
    threshold = np.sort(np.concatenate([s.ravel() for s in scores]))[-150]
    selection = select_blocks_global(squares, 1, num_blocks=150, normalize="lamp")
    for blocks, score in zip(selection, scores, strict=True):
        assert np.array_equal(blocks.mask(), score >= threshold)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_the_numbers_of_blocks_and_the_bound_of_optimal(method):
    rng = np.random.default_rng(15)
    importances = [rng.random((40, 32)), rng.random((30, 18)) ** 3, np.zeros((3, 8))]
    optimal = select_blocks_global(importances, 4, sparsity=0.7)
    selection = select_blocks_global(importances, 4, sparsity=0.7, method=method)
    assert [len(blocks) for blocks in selection] == [len(blocks) for blocks in optimal]
    assert selection.upper_bound == optimal.upper_bound
    assert selection.score <= optimal.score * (1 + 1e-12)
    for blocks, importance in zip(selection, importances, strict=True):
        single = select_blocks(importance, 4, num_blocks=len(blocks), method=method)
        assert blocks_of(blocks) == blocks_of(single)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_the_score_is_normalised_importance(normalize):
    rng = np.random.default_rng(16)
    importances = [rng.random((40, 32)) * 30, rng.random((30, 18)) ** 3]
    selection = ubp.select_blocks_global(importances, sparsity=0.6, normalize=normalize)
    assert isinstance(selection, ubp.GlobalSelection)
    assert isinstance(selection[0], ubp.Selection)
    kept = [a[blocks.mask()].sum() for a, blocks in zip(importances, selection, strict=True)]
    if normalize == "lamp":
        expected = sum(np.log(k / a.sum()) for k, a in zip(kept, importances, strict=True))
    else:
        factor = FACTORS[normalize]
        expected = sum(k * factor(a) for k, a in zip(kept, importances, strict=True))
    assert selection.score == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_layers_without_importance_get_what_no_other_layer_can_hold(normalize):
    rng = np.random.default_rng(17)
    importances = [np.zeros((5, 8)), rng.random((5, 8)) + 0.1, np.zeros((5, 8))]
    for count, expected in [(3, [0, 3, 0]), (10, [0, 10, 0]), (12, [2, 10, 0]), (30, [10] * 3)]:
        selection = select_blocks_global(importances, 4, num_blocks=count, normalize=normalize)
        assert [len(blocks) for blocks in selection] == expected
    empty = select_blocks_global([np.zeros((2, 4))], 4, num_blocks=1, normalize=normalize)
    assert (empty.score, empty.num_blocks) == (0.0, 1)
    assert empty.upper_bound == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_importance_of_any_scale(normalize):
    rng = np.random.default_rng(18)
    importances = [rng.random((6, 8)) * scale for scale in (1e300, 1.0, 5e-324, 1e-310)]
    importances[2][0, 0] = 5e-324
    selection = select_blocks_global(importances, 4, num_blocks=20, normalize=normalize)
    assert selection.num_blocks == 20
    assert np.isfinite(selection.score)
    assert selection.score <= selection.upper_bound < np.inf


@pytest.mark.parametrize("family", native.families())
def test_the_native_core_gives_what_numpy_gives(family, monkeypatch):
    rng = np.random.default_rng(19)
    kinds = ("gaussian", "few_valued", "mostly_zero", "all_zero", "heavy_tailed")
    importances = [make_importance(kind, (150, 20), rng) for kind in kinds]
    for normalize in ("rms", "lamp"):
        for budget in ({"sparsity": 0.7}, {"budget": 900.0, "costs": [1.0, 3.0, 2.0, 0.7, 9.0]}):
            found = []
            for core in (NUMPY, family):
                monkeypatch.setenv(VARIABLE, core)
                found.append(select_blocks_global(importances, 4, normalize=normalize, **budget))
            expected, selection = found
            assert [blocks_of(b) for b in selection] == [blocks_of(b) for b in expected]
            assert selection.score == expected.score
            assert selection.upper_bound == expected.upper_bound
