# SPDX-License-Identifier: Apache-2.0
"""Schemes: removed channels and kernel patterns as recipes, and the page that compares them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from bench.harness.machine import Machine
from experiment.schemes import __main__ as command
from experiment.strokes.dataset import Pictures, make
from experiment.study import networks, pruned, training
from experiment.study.recipe import KERNELS, REMOVED, Recipe
from experiment.study.report import CellResult, Report
from experiment.study.settings import FULL
from experiment.study.store import Outcome

SMALLER = Recipe(REMOVED, 1, 0.75)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return make(train=600, test=1).train


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return networks.build("vgg", 1)


def test_removed_channels_take_their_share_of_the_weights(
    model: keras.Model, pictures: Pictures
) -> None:
    smaller = pruned.start(model, SMALLER, pictures, seed=0)
    filters = [each.filters for each in smaller.layers if type(each) is keras.layers.Conv2D]
    assert filters == [16, 32, 64, 64]
    sparsity, kept = pruned.removed_and_kept(model, smaller)
    assert sparsity == pytest.approx(0.75)
    assert 0.25 < kept < 0.5  # the larger filters are those that stay


def test_removed_channels_are_trained(model: keras.Model, pictures: Pictures) -> None:
    begin = pruned.start(model, SMALLER, pictures, seed=0)
    before = begin.get_weights()
    recipe = SMALLER.but(steps=3, learning_rate=1e-3)
    result = pruned.train(model, begin, recipe, pictures, None, seed=0)
    assert result.count_params() < model.count_params() / 3
    assert any(not np.array_equal(a, b) for a, b in zip(before, result.get_weights(), strict=True))
    assert np.isfinite(training.score(result, pictures).nll)


@pytest.mark.parametrize("size", [1, 4])
def test_kernel_patterns_as_a_recipe(size: int, model: keras.Model, pictures: Pictures) -> None:
    result = pruned.start(model, Recipe(KERNELS, size, 0.8), pictures, seed=0)
    sparsity, kept = pruned.sparsity_and_kept(model, result)
    assert sparsity == pytest.approx(0.8, abs=2e-3)
    assert 0.2 < kept < 0.5
    for layer in [each for each in result.layers if type(each) is keras.layers.Conv2D][1:]:
        taps = (layer.kernel.numpy() != 0).reshape(9, -1)
        assert set(taps.sum(axis=0)) == {0, 4}


def test_every_cell_has_all_schemes_and_the_dense_network() -> None:
    for cell in command.cells():
        assert cell.recipes.keys() == {"dense", *command.SCHEMES}
        assert len({bool(recipe.steps) for recipe in cell.recipes.values()}) <= 2


def test_the_section_has_times_and_what_is_missing() -> None:
    cell = command.cells()[0]
    recipes = {name: recipe for name, recipe in cell.recipes.items() if name != "removed"}
    outcomes = {
        name: [Outcome(0.9 + 0.001 * seed, 0.5, 0.8, 0.3) for seed in range(3)] for name in recipes
    }
    milliseconds = dict.fromkeys(recipes, 0.512)
    results = CellResult(cell.name, cell.title, cell.network, recipes, outcomes, milliseconds)
    machine = Machine("A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2"}, 64 * "a")
    report = Report("2026-01-02T03:04:05+00:00", machine, FULL, [0, 1, 2], {}, [results])
    text = command._EXPERIMENT.command.section(report)
    row = "| punched/4x4 | 80.0% | 30.0% | 512 | 90.10% | +0.00 ± 0.00 | 0.500 |"
    assert row in text and "| dense | - |" in text
    assert "any number of zeros: removed.\n" in text
