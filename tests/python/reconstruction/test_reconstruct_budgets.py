# SPDX-License-Identifier: Apache-2.0
"""Costs of removal, curves of error, and budgets that are shared out by them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_problems import layer
from rebuilt_models import as_graph, chain, pictures, residual, subclassed

import ubp
from ubp.reconstruction import ErrorCurve, error_curve, removal_costs
from ubp.reconstruction.budget import LayerCost, share_out, weight_of
from ubp.reconstruction.problem import problem_of
from ubp.reconstruction.refit import refit

FOUR = ubp.UnalignedBlock(4)
gains, small = st.integers(0, 20), st.integers(1, 3)


def test_costs_of_removal_choose_better_than_magnitude():
    moments, weights, _, _ = layer(48, 16, samples=2000)
    problem = problem_of(moments, weights)
    errors = {}
    for name, importance in [("cost", removal_costs(moments, weights)), ("size", np.abs(weights))]:
        mask = ubp.select_blocks(importance, 4, sparsity=0.5).mask()
        errors[name] = problem.relative_error(refit(problem, mask))
    assert errors["cost"] < errors["size"]


def test_cost_of_a_block_is_exact():
    moments, weights, _, _ = layer(6, 4)
    problem, costs = problem_of(moments, weights), removal_costs(moments, weights)
    mask = np.ones((6, 4), bool)
    before = problem.objective(refit(problem, mask))
    mask[2, 1:3] = False
    after = problem.objective(refit(problem, mask))
    assert after - before == pytest.approx(costs[2, 1:3].sum(), rel=1e-6)


@pytest.mark.parametrize("method", ["optimal", "aligned"])
def test_a_curve_falls_from_all_of_the_error_to_none(method):
    moments, weights, _, _ = layer(24, 16, samples=2000)
    curve = error_curve(moments, weights, block_size=4, method=method)
    assert curve.num_blocks[0] == 0 and curve.num_blocks[-1] == 24 * 4
    assert (np.diff(curve.num_blocks) > 0).all() and (np.diff(curve.errors) <= 0).all()
    assert curve.errors[0] == pytest.approx(1) and curve.errors[-1] == 0
    between = curve.error(np.array([3, 50, 96]))
    assert (np.diff(between) < 0).all()


def test_points_of_a_curve_are_errors_of_that_many_blocks():
    moments, weights, _, _ = layer(24, 16, samples=2000)
    curve = error_curve(moments, weights, block_size=4, densities=[0.25, 0.5])
    assert curve.num_blocks.tolist() == [0, 24, 48, 96]
    for count, error in zip(curve.num_blocks[1:3], curve.errors[1:3], strict=True):
        found = ubp.reconstruction.reconstruct(moments, weights, num_blocks=int(count))
        assert found.relative_error <= error * 1.02  # more iterations, and swaps
        assert found.relative_error > 0.7 * error


def test_points_of_a_curve_of_blocks_of_several_lanes():
    moments, weights, _, _ = layer(24, 16, samples=2000)
    curve = error_curve(moments, weights, block_size=2, densities=[0.25, 0.5], block_lanes=4)
    assert curve.num_blocks.tolist() == [0, 12, 24, 48]
    found = ubp.reconstruction.reconstruct(
        moments, weights, block_size=2, num_blocks=12, block_lanes=4
    )
    assert 0.7 * curve.errors[1] < found.relative_error <= 1.02 * curve.errors[1]


def test_densest_points_of_large_layers_are_left_out(monkeypatch):
    monkeypatch.setattr("ubp.reconstruction.curves._MOST_WORK", 16 * (0.3 * 24) ** 3 / 3)
    moments, weights, _, _ = layer(24, 16)
    curve = error_curve(moments, weights, block_size=4, densities=[0.25, 0.5])
    assert curve.num_blocks.tolist() == [0, 24, 96]


def test_wrong_densities_are_told():
    moments, weights, _, _ = layer(6, 8)
    for wrong in (0.5, [2], "text"):
        with pytest.raises(ValueError, match="densities"):
            error_curve(moments, weights, densities=wrong)


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 20), min_size=2, max_size=5),
            st.integers(1, 3),
            st.integers(1, 3),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 20),
)
def test_budgets_are_shared_out_as_well_as_by_trying_all(drawn, budget):
    """Up to what the last block that does not fit may gain."""
    layers = []
    for falls, cost, weight in drawn:
        convex = np.sort(falls)[::-1]  # block by block
        errors = np.concatenate([[convex.sum()], convex.sum() - np.cumsum(convex)]).astype(float)
        counts = np.arange(len(errors), dtype=np.int64)
        curve = ErrorCurve(1, counts, errors)
        layers.append(LayerCost(curve, float(weight), float(cost), 0, len(falls)))

    def error(counts):
        return sum(
            each.weight * float(each.curve.error(np.array([count]))[0])
            for each, count in zip(layers, counts, strict=True)
        )

    def spent(counts):
        return sum(each.cost * count for each, count in zip(layers, counts, strict=True))

    counts = share_out(layers, float(budget))
    assert spent(counts) <= budget
    possible = product(*(range(each.most + 1) for each in layers))
    best = min(error(each) for each in possible if spent(each) <= budget)
    largest = max(-each.weight * float(np.diff(each.curve.errors).min()) for each in layers)
    slack = largest * max(each.cost for each in layers)
    assert best - 1e-9 <= error(counts) <= best + slack + 1e-9


def test_curves_that_are_not_convex_are_taken_at_their_lower_hull():
    bumpy = ErrorCurve(1, np.array([0, 1, 2, 4]), np.array([1.0, 0.9, 0.2, 0.0]))
    straight = ErrorCurve(1, np.array([0, 4]), np.array([0.8, 0.0]))
    layers = [LayerCost(each, 1.0, 1.0, 0, 4) for each in (bumpy, straight)]
    assert share_out(layers, 2.0) == [2, 0]
    assert share_out(layers, 5.0) == [2, 3]
    assert share_out([LayerCost(bumpy, 1.0, 1.0, 1, 3)], 0.0) == [1]
    assert share_out([LayerCost(bumpy, 1.0, 1.0, 1, 3)], 9.0) == [3]


def test_weights_of_errors():
    assert weight_of([0.02, float("nan"), 0.04], 0.1) == pytest.approx(0.3)
    assert weight_of([float("nan")], 0.1) == 1.0
    assert np.isfinite(weight_of([0.0], 0.0))


@pytest.mark.parametrize(
    ("make", "scope"),
    [
        (chain, "global"),
        (residual, "latency"),
        (residual, ubp.GlobalBudget(max_density=0.6)),
        (as_graph, "global"),
        (subclassed, "latency"),
    ],
)
def test_a_budget_is_kept_and_the_model_as_it_was(make, scope):
    model = make()
    before = [weight.numpy().copy() for weight in model.weights]
    options = {"samples": 64, "progress": False}
    result = ubp.prune_without_training(model, pictures(80), 0.6, FOUR, scope=scope, **options)
    for weight, values in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), values)
    kept = [row.kept for row in result.report.pruned]
    if scope != "latency":
        assert result.report.sparsity == pytest.approx(0.6, abs=0.05)
        assert max(kept) <= 0.63 or scope == "global"  # rounded to whole blocks
    assert min(kept) > 0


def test_a_budget_is_better_than_one_sparsity_for_all():
    model, given, judged = chain(), pictures(400), pictures(64, 9)
    errors = {}
    for scope in ("layer", "global"):
        result = ubp.prune_without_training(model, given, 0.7, scope=scope, progress=False)
        found, wanted = (np.asarray(each(judged)) for each in (result.model, model))
        errors[scope] = np.sum((found - wanted) ** 2)
    assert errors["global"] < errors["layer"]


def test_layers_of_other_settings_stay_out_of_the_budget():
    policy = {"second": {"sparsity": 0.75}, "third": {"scope": "layer"}, "*": True}
    result = ubp.prune_without_training(
        chain(), pictures(80), 0.5, scope="global", layers=policy, progress=False
    )
    kept = {row.name: row.kept for row in result.report.pruned}
    assert kept["second"] == pytest.approx(0.25) and kept["third"] == pytest.approx(0.5)


def test_budgets_that_cannot_be_met_are_told():
    with pytest.raises(ValueError, match="cannot be reached"):
        ubp.prune_without_training(
            chain(), pictures(80), 0.9, scope=ubp.GlobalBudget(min_density=0.5), progress=False
        )
