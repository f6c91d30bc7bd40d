# SPDX-License-Identifier: Apache-2.0
"""One layer: re-fitting, costs, ADMM and swaps against brute force; wrong arguments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_problems import fitted_by_hand, layer, packings, problem

import ubp
from ubp.reconstruction import MomentSum, reconstruct
from ubp.reconstruction.admm import Splitting
from ubp.reconstruction.problem import problem_of
from ubp.reconstruction.projection import Blocks
from ubp.reconstruction.refit import diagonal_blocks, refit, refit_with_costs, shared_squares
from ubp.reconstruction.swaps import swap

METHODS = ["optimal", "aligned"]
sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 1000)


def random_mask(shape, seed, share=0.5):
    return np.random.default_rng(seed).random(shape) < share


@given(sizes, seeds, st.sampled_from([0.0, 0.3, 1.0]))
def test_refit_is_least_squares_on_the_support(shape, seed, share):
    layer_problem, mask = problem(*shape, seed=seed), random_mask(shape, seed, share)
    found = refit(layer_problem, mask)
    np.testing.assert_allclose(found, fitted_by_hand(layer_problem, mask), rtol=1e-6, atol=1e-8)
    assert not found[~mask].any()


def test_refit_is_lstsq_of_samples_and_damping():
    """Not from moments at all: the rows of the samples, and one for each weight's damping."""
    moments, weights, inputs, targets = layer(10, 4)
    layer_problem, mask = problem_of(moments, weights, 0.05), random_mask((10, 4), 1)
    x = inputs - inputs.mean(axis=0, dtype=np.float64)
    y = targets - targets.mean(axis=0, dtype=np.float64)
    root = np.sqrt(layer_problem.damping * len(x))
    for channel in range(4):
        kept = mask[:, channel]
        rows = np.vstack([x[:, kept], root * np.eye(10)[:, kept]])
        right = np.concatenate([y[:, channel], root * weights[:, channel]])
        expected = np.linalg.lstsq(rows, right, rcond=None)[0]
        found = refit(layer_problem, mask)[kept, channel]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(st.integers(2, 8), st.integers(1, 4), seeds)
def test_cost_of_a_block_is_what_the_objective_rises_by_without_it(lanes, block_size, seed):
    layer_problem = problem(lanes, 6, seed=seed)
    mask = np.ones((lanes, 6), bool)
    mask[0] = random_mask(6, seed)
    weights, costs = refit_with_costs(layer_problem, mask)
    block = np.zeros_like(mask)
    block[lanes - 1, 1 : 1 + block_size] = True
    rise = layer_problem.objective(refit(layer_problem, mask & ~block))
    rise -= layer_problem.objective(weights)
    assert rise == pytest.approx(costs[block].sum(), rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(weights, refit(layer_problem, mask))
    assert not costs[~mask].any() and (costs >= 0).all()


@given(st.integers(2, 5), st.sampled_from([2, 3, 4]), st.integers(1, 4), seeds)
def test_cost_of_lanes_that_go_together(groups, block_lanes, block_size, seed):
    """The sum of the shares is what the objective rises by without the whole block."""
    lanes = groups * block_lanes
    layer_problem = problem(lanes, 6, seed=seed)
    mask = np.ones((lanes, 6), bool)
    mask[:block_lanes] = random_mask(6, seed)
    weights, costs = refit_with_costs(layer_problem, mask, block_lanes)
    block = np.zeros_like(mask)
    block[-block_lanes:, 1 : 1 + block_size] = True
    rise = layer_problem.objective(refit(layer_problem, mask & ~block))
    rise -= layer_problem.objective(weights)
    assert rise == pytest.approx(costs[block].sum(), rel=1e-6, abs=1e-9)
    assert not costs[~mask].any() and (costs >= 0).all()


@given(st.integers(1, 5), st.sampled_from([1, 2, 4]), seeds)
def test_gain_of_lanes_that_come_together(groups, block_lanes, seed):
    """What the objective falls by if one group of a channel may change and all else stays."""
    layer_problem = problem(groups * block_lanes, 3, seed=seed)
    residual = layer_problem.b  # of weights that are all zero
    gains = shared_squares(diagonal_blocks(layer_problem.a, block_lanes), residual)
    alone = np.zeros_like(residual, bool)
    alone[:block_lanes, 1] = True
    fall = layer_problem.objective(np.zeros_like(residual))
    fall -= layer_problem.objective(refit(layer_problem, alone))
    assert fall == pytest.approx(gains[alone].sum(), rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_reconstruction_with_lanes_is_close_to_the_best_of_all_packings(seed):
    moments, weights, _, _ = layer(6, 4, seed=seed)
    layer_problem = problem_of(moments, weights)
    errors = [
        layer_problem.objective(refit(layer_problem, np.repeat(mask, 2, axis=0)))
        for mask in packings(3, 4, 2, 3)
    ]
    found = reconstruct(moments, weights, block_size=2, num_blocks=3, block_lanes=2)
    assert (found.selection.lanes % 2 == 0).all() and found.selection.mask().sum() == 12
    objective = layer_problem.objective(found.weights.astype(np.float64))
    assert objective >= min(errors) - 1e-4
    assert np.sum(np.array(errors) < objective - 1e-4) <= 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_reconstruction_is_close_to_the_best_of_all_packings(method, seed):
    moments, weights, _, _ = layer(4, 4, seed=seed)
    layer_problem = problem_of(moments, weights)
    errors = [
        layer_problem.objective(refit(layer_problem, mask))
        for mask in packings(4, 4, 2, 4, method == "aligned")
    ]
    found = reconstruct(moments, weights, block_size=2, num_blocks=4, method=method)
    objective = layer_problem.objective(found.weights.astype(np.float64))
    assert objective >= min(errors) - 1e-4
    assert np.mean(np.array(errors) < objective - 1e-4) < 0.03  # among the best of 100


@settings(deadline=None)
@given(st.integers(2, 24), st.integers(4, 16), st.integers(1, 4), seeds, st.sampled_from(METHODS))
def test_never_worse_than_the_largest_weights_refitted(lanes, channels, size, seed, method):
    moments, weights, _, _ = layer(lanes, channels, seed=seed)
    layer_problem = problem_of(moments, weights)
    chosen = ubp.select_blocks(np.abs(weights), size, num_blocks=lanes // 2, method=method)
    largest = layer_problem.objective(refit(layer_problem, chosen.mask()))
    found = reconstruct(moments, weights, block_size=size, num_blocks=lanes // 2, method=method)
    kept = found.selection.mask()
    assert len(found.selection) == lanes // 2 and not found.weights[~kept].any()
    assert layer_problem.objective(found.weights) <= largest + 1e-5 * abs(largest)
    if method == "aligned":
        assert not (found.selection.starts % size).any()


@given(st.integers(2, 16), st.sampled_from([1, 4]), seeds, st.integers(0, 5))
def test_swaps_never_make_it_worse(groups, block_lanes, seed, rounds):
    lanes, blocks = groups * block_lanes, Blocks(2, groups, block_lanes=block_lanes)
    layer_problem = problem(lanes, 8, seed=seed)
    mask = blocks.mask(np.random.default_rng(seed).random((lanes, 8)))
    before = layer_problem.objective(refit(layer_problem, mask))
    better, weights = swap(layer_problem, mask, blocks, rounds)
    assert layer_problem.objective(weights) <= before + 1e-9 * abs(before)
    np.testing.assert_allclose(weights, refit(layer_problem, better), rtol=1e-6, atol=1e-9)


def test_admm_is_much_better_than_the_largest_weights_where_lanes_say_the_same():
    moments, weights, inputs, targets = layer(48, 16, samples=2000)
    blocks = {"block_size": 4, "sparsity": 0.75}
    admm = reconstruct(moments, weights, swaps=0, **blocks)
    largest = problem_of(moments, weights)
    mask = ubp.select_blocks(np.abs(weights), **blocks).mask()
    assert admm.relative_error < 0.95 * largest.relative_error(refit(largest, mask))
    # The error is that of the samples, with the bias of the result.
    outputs = inputs.astype(np.float64) @ admm.weights + admm.bias
    about_mean = targets - targets.mean(axis=0)
    error = np.sum((outputs - targets) ** 2) / np.sum(about_mean.astype(np.float64) ** 2)
    assert admm.relative_error == pytest.approx(error, rel=1e-3)
    np.testing.assert_allclose(outputs.mean(axis=0), targets.mean(axis=0), atol=1e-4)


def test_one_splitting_serves_any_number_of_blocks():
    layer_problem = problem(16, 8)
    splitting = Splitting(layer_problem)
    masks = [splitting.mask(Blocks(2, count), 10) for count in (8, 16, 8)]
    assert [mask.sum() for mask in masks] == [16, 32, 16]
    np.testing.assert_array_equal(masks[0], masks[2])


def test_same_input_same_result():
    moments, weights, _, _ = layer(40, 24)
    results = [reconstruct(moments, weights, sparsity=0.7).weights for _ in range(2)]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("kind", ["one sample", "constant", "fewer than lanes", "dead lanes"])
def test_data_that_says_little_leaves_finite_weights(kind):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(20, 40)).astype(np.float32)
    if kind == "one sample":
        inputs = inputs[:1]
    if kind == "constant":
        inputs[:] = inputs[0]
    if kind == "dead lanes":
        inputs[:, 5:] = 0
    weights = rng.normal(size=(40, 8)).astype(np.float32)
    total = MomentSum(40, 8)
    total.add(inputs, inputs @ weights)
    found = reconstruct(total.moments(), weights, sparsity=0.5)
    assert np.isfinite(found.weights).all() and np.isfinite(found.bias).all()
    assert np.mean(found.weights == 0) == pytest.approx(0.5)
    assert np.abs(found.weights).max() < 10 * np.abs(weights).max()
    np.testing.assert_allclose(
        (inputs @ found.weights + found.bias).mean(axis=0),
        (inputs @ weights).mean(axis=0),
        atol=1e-3,
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"damping": 0.0}, "damping is 0.0; expected a number above 0"),
        ({"iterations": -1}, "iterations is -1"),
        ({"swaps": 0.5}, "swaps is 0.5"),
        ({"sparsity": 2.0}, "sparsity is 2.0"),
        ({"block_size": 9}, "block_size is 9"),
        ({"method": "best"}, "method is 'best'"),
    ],
)
def test_wrong_arguments_are_told(changed, message):
    moments, weights, _, _ = layer(6, 8)
    with pytest.raises(ValueError, match=message):
        reconstruct(moments, weights, **({"sparsity": 0.5} | changed))


def test_wrong_weights_are_told():
    moments, weights, _, _ = layer(6, 8)
    for wrong, message in [
        (weights.T, r"shape \(8, 6\); expected .*\(6, 8\)"),
        (np.full_like(weights, np.nan), "NaN"),
        (weights.astype(int), "array of floats"),
    ]:
        with pytest.raises(ValueError, match=message):
            reconstruct(moments, wrong, sparsity=0.5)
