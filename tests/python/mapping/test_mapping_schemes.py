# SPDX-License-Identifier: Apache-2.0
"""map_schemes on a small network with synthetic times; what it returns, its file and its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from mapped_networks import NAMES, SHAPES, latency_model, small_network

import ubp
from ubp.cli import main
from ubp.costs import DEFAULT_COSTS
from ubp.latency.network import Setting
from ubp.mapping.knapsack import Choice
from ubp.mapping.problem import Problem
from ubp.mapping.recipe import to_json


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return small_network()


@pytest.fixture(scope="module")
def mapping(model: keras.Model) -> ubp.SchemeMapping:
    return ubp.map_schemes(model, latency_model(), speedup=2.5)


@pytest.mark.parametrize("method", ["knapsack", "rules"])
@pytest.mark.parametrize("speedup", [1.2, 2.0, 3.0])
def test_the_budget_is_kept_and_the_sum_is_right(
    model: keras.Model, method: str, speedup: float
) -> None:
    latency = latency_model()
    found = ubp.map_schemes(model, latency, speedup=speedup, method=method)
    assert [each.name for each in found.schemes] == list(NAMES)
    assert found.us <= found.budget_us == pytest.approx(found.dense_us / speedup)
    assert found.us == pytest.approx(latency.of_model(found.settings))
    assert 0 <= found.gap < 0.1 and 0 < found.kept <= 1
    same = ubp.map_schemes(model, latency, budget_ms=found.budget_us / 1e3, method=method)
    assert same.settings == found.settings


def test_no_other_mapping_of_these_points_keeps_more(model: keras.Model) -> None:
    latency = latency_model()
    best = ubp.map_schemes(model, latency, speedup=2.0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        other = ubp.map_schemes(
            model, latency, speedup=2.0, block_sizes=[int(rng.choice([1, 2, 4, 8]))]
        )
        assert other.kept <= best.kept * (1 + 1e-6)
    assert ubp.map_schemes(model, latency, speedup=2.0, method="rules").kept <= best.kept + 1e-9


def test_pruning_keeps_what_was_mapped(model: keras.Model, mapping: ubp.SchemeMapping) -> None:
    pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.5), layers=mapping.layers))
    for each in mapping.schemes:
        kernel = np.asarray(pruned.get_layer(each.name).kernel)
        matrix = kernel.reshape(-1, kernel.shape[-1])
        assert np.mean(matrix != 0) == pytest.approx(each.density, abs=1e-6)
        whole = np.asarray(model.get_layer(each.name).kernel)
        kept = np.abs(kernel).sum() / np.abs(whole).sum()
        assert kept == pytest.approx(each.kept, abs=2e-3)


def test_the_best_block_size_follows_the_device(model: keras.Model) -> None:
    fine = ubp.map_schemes(model, latency_model({1: 1.9, 2: 1.2, 4: 1.2, 8: 1.2}), speedup=2.0)
    coarse = ubp.map_schemes(model, latency_model({1: 9.0, 2: 6.0, 4: 4.0, 8: 1.0}), speedup=2.0)
    assert {each.block_size for each in fine.schemes} <= {2, None}
    assert {each.block_size for each in coarse.schemes} <= {8, None}


def test_the_runner_up_is_said(mapping: ubp.SchemeMapping) -> None:
    sparse = [each for each in mapping.schemes if each.block_size is not None]
    assert sparse
    for each in sparse:
        assert each.runner_up.startswith(f"N={each.block_size} at {1 - each.density:.1%} zeros")
        assert "takes as long and keeps" in each.runner_up
    printed = str(mapping)
    assert all(name in printed for name in NAMES) and "as fast as the dense model" in printed
    assert printed.count("would keep") == 2


def test_a_budget_that_cannot_be_met_names_the_fastest(model: keras.Model) -> None:
    latency = latency_model()
    with pytest.raises(ValueError, match="the fastest there is") as caught:
        ubp.map_schemes(model, latency, budget_ms=0.031)
    text = str(caught.value)
    assert text.endswith(".") and "30 us do not depend" in text
    fastest = float(text.split("takes ")[2].split(" us")[0])
    assert ubp.map_schemes(model, latency, budget_ms=(fastest + 0.6) / 1e3).us <= fastest + 0.6


def test_more_time_than_the_dense_model_takes_prunes_nothing(model: keras.Model) -> None:
    found = ubp.map_schemes(model, latency_model(), speedup=1.0)
    assert all(each.block_size is None for each in found.schemes)
    assert found.us == pytest.approx(found.dense_us) and found.kept == 1.0


def test_without_a_profile_layers_are_counted_alone(model: keras.Model) -> None:
    found = ubp.map_schemes(model, speedup=1.5)
    assert not found.is_timed and found.fixed_us == 0 and found.block_sizes == {}
    assert found.dense_us == pytest.approx(sum(DEFAULT_COSTS.dense(s) for s in SHAPES.values()))
    assert ubp.map_schemes(model, DEFAULT_COSTS, speedup=1.5) == found
    with pytest.raises(ValueError, match="has constants alone"):
        ubp.map_schemes(model, budget_ms=1.0)


def test_layers_that_were_not_measured_are_said(model: keras.Model) -> None:
    latency = latency_model()
    assert latency.network is not None
    fewer = replace(latency, network=replace(latency.network, layers=latency.network.layers[:2]))
    found = ubp.map_schemes(model, fewer, speedup=1.2)
    assert set(found.left) == {"three", "hidden"} and len(found.schemes) == 2
    other = replace(latency, network=replace(latency.network, layers=()))
    with pytest.raises(ValueError, match="Measure the model with 'ubp profile'"):
        ubp.map_schemes(model, other, speedup=1.2)


def test_layers_can_be_named(model: keras.Model) -> None:
    found = ubp.map_schemes(model, latency_model(), speedup=1.3, layers=["t*"])
    assert [each.name for each in found.schemes] == ["two", "three"]
    assert found.fixed_us == pytest.approx(30 + (512 + 2048) / 100)
    assert found.us == pytest.approx(latency_model().of_model(found.settings))


def test_it_survives_a_file_and_can_be_edited(mapping: ubp.SchemeMapping, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    mapping.save(path)
    assert ubp.SchemeMapping.load(path) == mapping
    found = json.loads(path.read_text())
    found["layers"][0] |= {"scheme": "dense"}
    found["layers"][1] |= {"scheme": "blocks", "block_size": 2, "density": 0.25}
    path.write_text(json.dumps(found))
    edited = ubp.SchemeMapping.load(path)
    assert edited.layers["one"] is None
    assert edited.layers["two"] == {"pattern": ubp.UnalignedBlock(2), "sparsity": 0.75}
    assert edited.block_sizes["small/two/w"] == 2


def changed(mapping: ubp.SchemeMapping, layer: bool = False, **values: Any) -> str:
    found = json.loads(to_json(mapping))
    (found["layers"][1] if layer else found).update(values)
    return json.dumps(found)


@pytest.mark.parametrize(
    ("of_layer", "values", "message"),
    [
        (False, {"format": "x"}, "not a mapping"),
        (False, {"version": 9}, "a mapping of version 9, expected 1"),
        (False, {"layers": []}, "'layers' is"),
        (False, {"us": -1}, "'us' is -1"),
        (False, {"is_timed": 1}, "'is_timed' is 1"),
        (True, {"scheme": "pattern"}, "the scheme of layer 'two' is 'pattern'"),
        (True, {"scheme": "blocks", "block_size": 3}, "the block_size of layer 'two' is 3"),
        (
            True,
            {"scheme": "blocks", "block_size": 4, "density": 0},
            "the density of layer 'two' is 0",
        ),
        (True, {"lanes": "many"}, "'lanes' is 'many'"),
    ],
)
def test_other_files_are_refused(
    mapping: ubp.SchemeMapping,
    tmp_path: Path,
    of_layer: bool,
    values: dict[str, Any],
    message: str,
) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(changed(mapping, of_layer, **values))
    with pytest.raises(ValueError, match=message) as caught:
        ubp.SchemeMapping.load(path)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).endswith(".")


def test_the_picture_has_every_layer_twice(mapping: ubp.SchemeMapping) -> None:
    pytest.importorskip("matplotlib")
    axes = mapping.plot()
    before = sum(each.dense_us for each in mapping.schemes)
    widths = [patch.get_width() for patch in axes.patches if patch.get_width()]
    assert len(widths) == 2 * (1 + len(NAMES))
    assert sum(widths) == pytest.approx((2 * 30 + before + mapping.us - 30) / 1e3)
    with pytest.raises(ValueError, match="axes is 3"):
        mapping.plot(3)


def test_the_command(
    model: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(tmp_path / "small.keras")
    latency_model().save(tmp_path / "latency.json")
    output, report = tmp_path / "mapping.json", tmp_path / "mapping.html"
    arguments = ["map", str(tmp_path / "small.keras"), "-o", str(output), "--speedup", "2"]
    arguments += ["--latency", str(tmp_path / "latency.json"), "--report", str(report)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "as fast as the dense model" in printed and f"wrote {report}" in printed
    page = report.read_text()
    assert page.count("<svg") == 2 and all(name in page for name in NAMES)
    assert ubp.SchemeMapping.load(output).speedup >= 2
    assert main(arguments) == 3
    assert main([*arguments, "--force", "--storage", "journal"]) == 3
    assert "--storage is for --method search" in capsys.readouterr().err
    assert main([*arguments, "--force", "--method", "search"]) == 3
    assert "give some hundred by --data" in capsys.readouterr().err
    assert main([*arguments[:-4], "--force", "--speedup", "90"]) == 3
    assert "the fastest there is" in capsys.readouterr().err


def test_arguments_are_checked_before_the_network_is_converted(
    model: keras.Model,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model.save(tmp_path / "small.keras")
    latency_model().save(tmp_path / "latency.json")
    made: list[Any] = []

    def timer(*arguments: Any, **_: Any) -> Any:
        made.append(arguments)
        return lambda settings: 1.0

    monkeypatch.setattr("ubp.timing.NetworkTimer", timer)
    command = ["map", str(tmp_path / "small.keras"), "--latency", str(tmp_path / "latency.json")]
    command += ["-o", str(tmp_path / "mapping.json"), "--measure", "--speedup", "2"]
    assert main([*command, "--min-density", "7"]) == 3
    assert "min_density is 7" in capsys.readouterr().err and not made
    assert main(command) == 0
    assert len(made) == 1


# ---- measured -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["knapsack", "rules"])
def test_what_takes_longer_than_predicted_is_mapped_for_less(
    model: keras.Model, method: str
) -> None:
    latency = latency_model()
    asked: list[float] = []

    def measure(settings: Mapping[str, Setting]) -> float:
        asked.append(latency.of_model(settings))
        dense = sum(setting is None for setting in settings.values())
        return 1.1 * asked[-1] + 5.0 * dense

    found = ubp.map_schemes(model, latency, speedup=2.0, method=method, measure=measure)
    assert found.measured_us is not None and found.measured_us <= found.budget_us
    assert found.us == pytest.approx(asked[-1]) and found.us < found.budget_us / 1.1 + 1e-6
    assert 1 < len(asked) <= 6 and asked == sorted(asked, reverse=True)
    assert f"measured {found.measured_us:.0f} us" in str(found)


def test_one_measurement_is_enough_where_the_prediction_is_right(
    model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    latency = latency_model()
    plain = ubp.map_schemes(model, latency, speedup=2.0)
    choose, budgets = Problem.choose, []

    def counted(problem: Problem, method: str, budget: float | None = None) -> Choice | None:
        budgets.append(budget)
        return choose(problem, method, budget)

    monkeypatch.setattr(Problem, "choose", counted)
    found = ubp.map_schemes(model, latency, speedup=2.0, measure=latency.of_model)
    assert [each for each in budgets if each in (None, found.budget_us)] == [None]
    assert found.settings == plain.settings and found.measured_us == pytest.approx(plain.us)


def test_a_measured_mapping_survives_a_file(model: keras.Model, tmp_path: Path) -> None:
    latency = latency_model()
    found = ubp.map_schemes(model, latency, speedup=2.0, measure=latency.of_model)
    found.save(tmp_path / "mapping.json")
    assert ubp.SchemeMapping.load(tmp_path / "mapping.json").measured_us == found.measured_us


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"measure": lambda settings: 1e9}, ValueError, "the fastest that was tried took 1000000"),
        ({"measure": lambda settings: -1.0}, ValueError, "measure gave -1.0; expected micro"),
        ({"measure": 3}, TypeError, "measure is 3; expected a callable"),
        ({"measure": abs, "method": "search", "data": []}, ValueError, "methods 'knapsack' and"),
        ({"measure": abs, "latency": None}, ValueError, "which the latency model does not have"),
    ],
)
def test_measurements_that_make_no_sense_are_said(
    model: keras.Model, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ubp.map_schemes(model, **({"latency": latency_model(), "speedup": 2.0} | arguments))
