# SPDX-License-Identifier: Apache-2.0
"""The multiple-choice knapsack against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ubp.mapping.knapsack import Options, equal_slopes, solve


def random_layers(rng: np.random.Generator, kind: int) -> list[Options]:
    """Of few options, whose values tie, are logarithms or rise with time."""
    layers = []
    for _ in range(rng.integers(1, 6)):
        count = int(rng.integers(1, 7))
        if kind == 0:
            pair = rng.integers(0, 6, (2, count)).astype(np.float64)
        elif kind == 1:
            pair = np.stack([rng.exponential(1, count), np.log(rng.uniform(0.01, 1, count))])
        else:
            times = np.sort(rng.exponential(1, count))
            pair = np.stack([times, np.sqrt(times) * rng.uniform(0.9, 1.1, count)])
        layers.append(Options(*pair))
    return layers


def best_by_trying(layers: list[Options], budget: float) -> float | None:
    best = None
    for chosen in product(*(range(len(layer.times)) for layer in layers)):
        pairs = list(zip(layers, chosen, strict=True))
        if sum(layer.times[index] for layer, index in pairs) <= budget:
            value = sum(float(layer.values[index]) for layer, index in pairs)
            best = value if best is None else max(best, value)
    return best


@pytest.mark.parametrize("kind", range(3))
def test_it_is_as_good_as_trying_everything(kind: int) -> None:
    rng = np.random.default_rng(kind)
    solved = 0
    for _ in range(100):
        layers = random_layers(rng, kind)
        fastest = sum(float(layer.times.min()) for layer in layers)
        slowest = sum(float(layer.times.max()) for layer in layers)
        budget = float(rng.uniform(0.9 * fastest, 1.05 * slowest))
        best, found = best_by_trying(layers, budget), solve(layers, budget)
        first = equal_slopes(layers, budget)
        if best is None:
            assert found is None and first is None
            continue
        assert found is not None and first is not None
        solved += 1
        assert found.value == pytest.approx(best)
        assert found.time <= budget * (1 + 1e-9) and found.bound >= best - 1e-9
        assert first.value <= found.value + 1e-9 and first.bound >= best - 1e-9
        assert first.time <= budget * (1 + 1e-9)
    assert solved > 70


def test_few_states_stay_within_the_budget_and_the_bound() -> None:
    rng = np.random.default_rng(0)
    layers = []
    for _ in range(12):
        times = rng.uniform(0, 10, 12)
        layers.append(Options(times, times * rng.uniform(0.9, 1.1, 12)))
    exact, rough = solve(layers, 60.0, states=1_000_000), solve(layers, 60.0, states=16)
    assert exact is not None and rough is not None
    assert rough.time <= 60.0 and rough.value <= exact.value + 1e-9 <= exact.bound + 2e-9
    assert rough.bound == pytest.approx(exact.bound)
    assert rough.bound - rough.value < 0.05 * rough.value


def test_equal_options_and_a_layer_with_one() -> None:
    layers = [Options(np.zeros(3), np.zeros(3)), Options(np.array([2.0]), np.array([-5.0]))]
    found = solve(layers, 2.0)
    assert found is not None and found.value == -5.0 and found.chosen[1] == 0
    assert solve(layers, 1.99) is None
