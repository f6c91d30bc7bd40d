# SPDX-License-Identifier: Apache-2.0
"""Networks, batches and recipes do what they say; the command goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

import ubp
from experiment.accuracy import __main__ as methods
from experiment.accuracy.__main__ import main
from experiment.recipes import __main__ as combinations
from experiment.starts import __main__ as starts
from experiment.strokes.dataset import Pictures, make
from experiment.study import networks, pruned, training
from experiment.study.recipe import DENSE, METHODS, Recipe, recipe_of
from experiment.study.settings import BATCH, QUICK
from experiment.untrained import __main__ as untrained


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return make(train=500, test=1).train


@pytest.mark.parametrize("name", QUICK.dense_rates)
def test_blocks_divide_the_channels_of_all_pruned_layers(name: str) -> None:
    model = networks.build(name, 0)
    convolutions = [layer for layer in model.layers if type(layer) is keras.layers.Conv2D]
    assert len(convolutions) == (4 if name == "vgg" else 5)
    assert all(layer.filters % 8 == 0 for layer in convolutions)


def test_batches_go_through_all_pictures_and_depend_on_the_seed() -> None:
    order = training.batch_order(100, 3, seed=1)
    assert order.shape == (3, BATCH)
    assert sorted(order.ravel()[:100]) == list(range(100))
    np.testing.assert_array_equal(order, training.batch_order(100, 3, seed=1))
    np.testing.assert_array_equal(order[:2], training.batch_order(100, 2, seed=1))
    assert not np.array_equal(order, training.batch_order(100, 3, seed=2))


def test_score_of_a_network_that_knows_nothing(pictures: Pictures) -> None:
    model = networks.build("vgg", 0)
    model.get_layer("logits").kernel.assign(np.zeros((128, 32)))
    score = training.score(model, pictures)
    assert score.nll == pytest.approx(np.log(32), rel=1e-5)
    assert score.accuracy == pytest.approx(np.mean(pictures.labels == 0))


@pytest.mark.parametrize("method", METHODS)
def test_one_shot_recipes_have_their_sparsity_and_blocks(method: str, pictures: Pictures) -> None:
    model = networks.build("mobilenet", 1)
    chosen = recipe_of(method, 8, 0.75)
    if chosen.permute:
        model = pruned.permuted(model, chosen.block_size, chosen.lanes, chosen.sparsity)
    result = pruned.start(model, chosen, pictures, seed=0)
    sparsity, kept = pruned.sparsity_and_kept(model, result)
    assert sparsity == pytest.approx(0.75, abs=1e-3)
    assert 0.25 < kept < 0.75
    if method == "aligned":
        kernel = result.layers[7].kernel.numpy()
        assert type(result.layers[7]) is keras.layers.Conv2D
        blocks = (kernel.reshape(-1, kernel.shape[-1] // 8, 8) != 0).sum(axis=-1)
        assert set(np.unique(blocks)) == {0, 8}


@pytest.mark.parametrize("method", ["aligned", "optimal"])
def test_recipes_with_blocks_of_several_lanes(method: str, pictures: Pictures) -> None:
    chosen = recipe_of(method, 4, 0.75, lanes=4)
    result = pruned.start(networks.build("vgg", 1), chosen, pictures, seed=0)
    kernels = [each.kernel for each in result.layers if type(each) is keras.layers.Conv2D]
    for kernel in kernels[1:]:
        found = ubp.block_structure(kernel.numpy(), 4, block_lanes=4)
        assert found.fill == 1.0
        assert found.sparsity == pytest.approx(0.75, abs=1e-3)
        assert (found.aligned == 1.0) == (method == "aligned")
    assert recipe_of("unstructured", 4, 0.75, lanes=4) == recipe_of("unstructured", 8, 0.75)


def test_gradual_recipe_reaches_its_sparsity(pictures: Pictures) -> None:
    model = networks.build("vgg", 1)
    chosen = recipe_of("optimal", 8, 0.9, steps=5).but(frequency=2, distillation=0.5)
    teacher = training.probabilities(model, pictures)
    np.testing.assert_allclose(teacher.sum(axis=1), 1, rtol=1e-5)
    result = pruned.train(model, None, chosen, pictures, teacher, seed=0)
    assert pruned.sparsity_and_kept(model, result)[0] == pytest.approx(0.9, abs=1e-3)


def zeros_of(model: keras.Model) -> list[np.ndarray]:
    return [
        layer.kernel.numpy() == 0
        for layer in model.layers
        if type(layer) is keras.layers.Conv2D and (layer.kernel.numpy() == 0).any()
    ]


@pytest.fixture(scope="module")
def mobilenet() -> keras.Model:
    return networks.build("mobilenet", 1)


@pytest.fixture(scope="module")
def start_of(mobilenet: keras.Model, pictures: Pictures) -> Callable[[Recipe], keras.Model]:
    """Of a recipe without its training; each is made once."""
    return cache(lambda untrained: pruned.start(mobilenet, untrained, pictures, seed=0))


@pytest.mark.parametrize("name", starts.STARTS)
def test_starts_are_trained_to_their_sparsity(
    name: str,
    mobilenet: keras.Model,
    start_of: Callable[[Recipe], keras.Model],
    pictures: Pictures,
) -> None:
    model = mobilenet
    chosen = starts._recipe("mobilenet", name, 80, 50).but(steps=10, frequency=4, pictures=64)
    start = None if chosen.start == DENSE else start_of(chosen.untrained)
    result = pruned.train(model, start, chosen, pictures, None, seed=0)
    sparsity, _ = pruned.sparsity_and_kept(model, result)
    assert sparsity == pytest.approx(0.8, abs=1e-3)
    if start is not None and chosen.start_sparsity is None:
        for before, after in zip(zeros_of(start), zeros_of(result), strict=True):
            np.testing.assert_array_equal(before, after)


def test_recipes_that_differ_in_their_training_share_a_start() -> None:
    begun = starts._recipe("vgg", "rebuilt+global", 95, 0)
    for name in ("rebuilt+global", "masks+global"):
        assert starts._recipe("vgg", name, 95, 500).untrained == begun.untrained
    rising = starts._recipe("vgg", "rebuilt+gradual+global", 95, 500).untrained
    assert rising == begun.untrained.but(sparsity=0.8)


def test_every_recipe_has_a_schedule_in_a_quick_run() -> None:
    recipes = [
        recipe.but(steps=min(recipe.steps, QUICK.most_steps))
        for cell in (*methods.cells(), *combinations.cells())
        for recipe in cell.recipes.values()
        if recipe.steps
    ]
    schedules = [pruned._schedule(recipe) for recipe in recipes]
    assert {recipe.importance for recipe in recipes} == {"magnitude", "gradient"}
    assert all(0 <= each.begin_step < each.end_step <= QUICK.most_steps for each in schedules)


def test_an_unknown_method_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--methods", "best"])
    assert "there is no method 'best'; there are unstructured, aligned" in capsys.readouterr().err


def test_no_cell_of_these_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--cells", "vgg-oneshot80-n8", "--networks", "mobilenet", "--output", str(tmp_path)]
    assert main(words) == 1
    assert "no cell is of these networks" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (starts.main, ["mobilenet-95", "--methods", "rebuilt/50"]),
        (untrained.main, ["mobilenet-untrained80", "--methods", "rebuilt/4"]),
    ],
)
def test_commands_of_rebuilt_networks(command, words: list[str], tmp_path: Path) -> None:
    assert command(["--quick", "--jobs", "1", "--output", str(tmp_path), "--cells", *words]) == 0


@pytest.mark.slow
def test_the_command_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--quick", "--jobs", "1", "--cells", "vgg-oneshot80-n8", "--output", str(tmp_path)]
    assert main([*words, "--methods", "optimal"]) == 0
    runs = tmp_path / "runs"
    finished = {file: file.stat().st_mtime_ns for file in runs.iterdir()}
    assert len(list(runs.glob("*.json"))) == 3  # dense, aligned, optimal
    assert main([*words, "--methods", "optimal,greedy"]) == 0
    assert len(list(runs.glob("*.json"))) == 4
    assert all(file.stat().st_mtime_ns == time for file, time in finished.items())
    assert "greedy" in capsys.readouterr().out
    assert (tmp_path / "accuracy.png").exists() and (tmp_path / "accuracy.json").exists()
