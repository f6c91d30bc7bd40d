# SPDX-License-Identifier: Apache-2.0
"""Int8 files are scored as networks are; cells get the sparsities that make them as fast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from keras.layers import Conv2D

from bench.harness.machine import Machine
from experiment.int8 import __main__ as command
from experiment.strokes.dataset import Pictures, make
from experiment.study import equal_latency, int8, latency, networks, pruned, training
from experiment.study.equal_latency import Curve, Effort, Found, Wanted, settled
from experiment.study.recipe import AWARE, FLOAT, POST_TRAINING, UNALIGNED, Cell, Recipe
from experiment.study.report import CellResult, Report
from experiment.study.settings import FULL, QUICK
from experiment.study.store import Outcome, Store

SPARSE = Recipe(UNALIGNED, 2, 0.75, lanes=4, quantization=POST_TRAINING)
DENSE = command._AS_THEY_ARE[command.REFERENCE]


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return make(train=600, test=1).train


@pytest.fixture(scope="module")
def model():
    return networks.build("mobilenet", 1)


def test_an_int8_file_scores_as_its_network(model, pictures: Pictures) -> None:
    network = pruned.start(model, SPARSE, pictures, seed=0)
    file = int8.int8_file(network, SPARSE, pictures)
    ours, theirs = int8.score(file, pictures), training.score(network, pictures)
    assert ours.nll == pytest.approx(theirs.nll, rel=0.02)
    assert int8.score(file, pictures) == ours
    with pytest.raises(AssertionError):
        int8._Runner(file)(pictures.pixels[:1], training=True)


@pytest.mark.slow
def test_training_for_int8_needs_no_pictures_for_ranges(model, pictures: Pictures) -> None:
    recipe = SPARSE.but(quantization=AWARE, steps=2)
    network = pruned.train(model, None, recipe, pictures, None, seed=0)
    nothing = replace(pictures, pixels=pictures.pixels[:0])
    file = int8.int8_file(network, recipe, nothing)
    wanted = training.score(network, pictures)  # computes with rounded numbers, too
    assert int8.score(file, pictures).nll == pytest.approx(wanted.nll, rel=2e-3)
    kernels = [each.kernel.numpy() for each in network.layers if type(each) is Conv2D]
    assert all(np.mean(kernel == 0) >= 0.75 for kernel in kernels[1:])


def test_what_is_not_pruned_is_the_model_itself(model, pictures: Pictures) -> None:
    assert pruned.start(model, DENSE, pictures, seed=0) is model
    assert pruned.sparsity_and_kept(model, model) == (0.0, 1.0)


def test_sparsities_lie_on_the_curve_of_times() -> None:
    curve = Curve((0.1, 0.2, 0.4), (1.0, 2.0, 3.0))
    assert curve.sparsity_at(1.0) == 0.9
    assert curve.sparsity_at(1.5) == 0.85
    assert curve.sparsity_at(2.5) == 0.7
    assert curve.sparsity_at(0.99) is None and curve.sparsity_at(3.01) is None
    noisy = Curve((0.1, 0.2, 0.4), (1.0, 0.9, 3.0))
    assert noisy.sparsity_at(0.95) is None
    assert 0.6 < noisy.sparsity_at(2.0) < 0.8


def counted(model, pictures, forms, rounds):
    """A clock for tests: 1 ms, and 8 for all weights, of which int8 ones take a quarter."""
    assert pictures.pixels.shape == (64, 48, 48, 1) and model.input_shape[1:3] == (48, 48)
    assert rounds == 5
    return {
        key: 1 + (8 if form.quantization == FLOAT else 2) * (1 - form.sparsity)
        for key, form in forms.items()
    }


def test_equally_fast_networks_are_found(
    model, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "_milliseconds", counted)
    floats = Recipe(UNALIGNED, 4, 0.5, steps=9)
    recipes = {
        "dense": DENSE,
        "float": floats,
        "int8": SPARSE,
        "aware": SPARSE.but(quantization=AWARE, steps=3),
    }
    wanted = {
        "slow": Wanted(1, {"float": floats}),
        "fast": Wanted(2, recipes),
        "never": Wanted(9, recipes),
    }
    effort = Effort(enlargement=2, densities=(0.01, 0.05, 0.5), rounds=5)
    found = latency.find_sparsities(model, pictures, wanted, DENSE, effort)
    as_it_is = Found(0.0, 3.0)
    assert found["slow"] == {"float": Found(0.75, 3.0)}
    assert found["fast"].pop("float").sparsity == pytest.approx(0.9375, abs=1e-3)
    assert found["fast"] == {
        "dense": as_it_is,
        "int8": Found(0.75, 1.5),
        "aware": Found(0.75, 1.5),
    }
    assert found["never"] == {"dense": as_it_is}


@pytest.mark.slow
def test_dense_and_sparse_files_are_timed(model, pictures: Pictures) -> None:
    larger, seen = latency._larger(model, 2), latency._enlarged(pictures, 2)
    np.testing.assert_array_equal(seen.pixels[:, 1::2, ::2], pictures.pixels[:64])
    score = training.score(larger, seen)
    assert np.isfinite(score.nll)
    times = latency._milliseconds(larger, seen, {"dense": DENSE, "sparse": SPARSE}, rounds=1)
    assert times.keys() == {"dense", "sparse"} and min(times.values()) > 0


def test_cells_are_settled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes without a sparsity are left out; what is measured is kept for these cells."""
    asked = []

    class Pool:
        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...
        def submit(self, measure, store, settings, dense, wanted, reference, effort) -> Pool:
            asked.append((dense, {name: each.speed for name, each in wanted.items()}))
            return self

        def result(self) -> dict[str, dict[str, Found]]:
            return {"b": {"dense": Found(0.0, 2.0), "sparse": Found(0.9, 1.0)}}

    monkeypatch.setattr(equal_latency, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(equal_latency, "run_all", lambda *_, **__: None)
    cell = Cell("b", "title", "vgg", {"dense": DENSE, "sparse": SPARSE, "never": SPARSE})
    for _ in range(2):
        (found,) = settled([cell], {"a": 1.0, "b": 3.0}, DENSE, Store(tmp_path, QUICK), QUICK)
        assert found.recipes == {"dense": DENSE, "sparse": SPARSE.but(sparsity=0.9)}
        assert found.milliseconds == {"dense": 2.0, "sparse": 1.0}
    assert len(asked) == 1 and asked[0][1] == {"b": 3.0}
    settled([cell], {"b": 4.0}, DENSE, Store(tmp_path, QUICK), QUICK)
    assert len(asked) == 2


def test_the_section_has_measured_speeds_and_what_is_missing() -> None:
    cell = command.cells()[2]
    recipes = {name: recipe for name, recipe in cell.recipes.items() if name != "int8-4x4"}
    outcomes = {
        name: [Outcome(0.9 + 0.001 * seed, 0.5, 0.8, 0.3) for seed in range(3)] for name in recipes
    }
    milliseconds = dict.fromkeys(recipes, 0.5) | {command.REFERENCE: 1.02}
    results = CellResult(cell.name, cell.title, cell.network, recipes, outcomes, milliseconds)
    machine = Machine("A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2"}, 64 * "a")
    report = Report("2026-01-02T03:04:05+00:00", machine, FULL, [0, 1, 2], {}, [results])
    text = command._EXPERIMENT.command.section(report)
    assert "| int8-2x4 | 80.0% | 2.04 | 90.10% | +0.00 ± 0.00 | 0.500 |" in text
    assert "any number of zeros: int8-4x4.\n" in text
    assert "| int8-2x4+aware - int8-2x4 | +0.00 ± 0.00 |" in text
