# SPDX-License-Identifier: Apache-2.0
"""Data, tables, pages and pictures show what came out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.image import imread

from bench.harness import page
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder, from_json, to_json
from experiment.accuracy import __main__ as methods
from experiment.int8 import __main__ as int8
from experiment.recipes import __main__ as combinations
from experiment.schemes import __main__ as schemes
from experiment.starts import __main__ as starts
from experiment.study.recipe import Cell, recipe_of
from experiment.study.report import CellResult, Report
from experiment.study.settings import FULL
from experiment.study.store import Outcome
from experiment.untrained import __main__ as untrained

ALL = (methods, combinations, starts, untrained, int8, schemes)
MACHINE = Machine("A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2"}, 64 * "a")
SEEDS = range(4)


def result(cell: Cell) -> CellResult:
    generator = np.random.default_rng(0)
    outcomes = {
        name: [Outcome(0.5 + 0.1 * generator.random(), 1.0, 0.8, 0.3) for _ in SEEDS]
        for name in cell.recipes
    }
    milliseconds = dict.fromkeys(cell.recipes, 1.5)
    recipes = dict(cell.recipes)
    return CellResult(cell.name, cell.title, cell.network, recipes, outcomes, milliseconds)


def report(cells: list[Cell]) -> Report:
    dense = {cell.network: [Outcome(0.96, 0.1, 0.0, 1.0) for _ in SEEDS] for cell in cells}
    results = [result(cell) for cell in cells]
    return Report("2026-01-02T03:04:05+00:00", MACHINE, FULL, [*SEEDS], dense, results)


def test_cells_have_names_of_their_own_and_the_reference() -> None:
    experiments = [each._EXPERIMENT for each in ALL]
    cells = [cell for experiment in experiments for cell in experiment.cells]
    assert len({cell.name for cell in cells}) == len(cells)
    for experiment in experiments:
        for cell in experiment.cells:
            assert experiment.reference in cell.recipes


@pytest.mark.parametrize("experiment", [methods, combinations, untrained, int8, schemes])
def test_recipes_of_a_cell_differ(experiment: ModuleType) -> None:
    for cell in experiment.cells():
        assert len(set(cell.recipes.values())) == len(cell.recipes)


def test_without_training_gradual_pruning_is_pruning_at_once() -> None:
    for cell in starts.cells():
        assert cell.recipes["gradual/0"] == cell.recipes["one-shot/0"]
        others = {name: recipe for name, recipe in cell.recipes.items() if name != "gradual/0"}
        assert len(set(others.values())) == len(others)


def test_unstructured_is_the_same_run_for_every_block_size() -> None:
    assert recipe_of("unstructured", 8, 0.95) == recipe_of("unstructured", 4, 0.95)


def test_json_holds_everything() -> None:
    before = report(starts.cells())
    assert from_json(Report, json.loads(json.dumps(to_json(before)))) == before
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, {"cells": []})


def test_pages_have_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    whole, recipes = report(methods.cells()), report(combinations.cells())
    for name, main, made in (
        ("accuracy", methods.main, whole),
        ("recipes", combinations.main, recipes),
    ):
        ResultFolder(tmp_path, name).save(made)
        assert main(["--write-docs", "--output", str(tmp_path)]) == 0
        assert (tmp_path / f"{name}.svg").stat().st_size > 0
    text = (tmp_path / "accuracy.md").read_text()
    for cell in (*whole.cells, *recipes.cells):
        assert f"{cell.title}\n" in text
        for name in cell.recipes:
            assert f"| {name} | {100 * cell.mean(name, 'accuracy'):.2f}% |" in text
    optimal = whole.cells[0].difference("optimal", "aligned", "accuracy")
    assert f"| {100 * optimal.estimate:+.2f} ± " in text


def test_the_page_of_starts_says_until_when_they_are_ahead() -> None:
    cell = result(starts.cells()[0])
    level = [Outcome(0.8, 0.0, 0.0, 0.0) for _ in SEEDS]
    ahead = [Outcome(0.9 + 0.001 * seed, 0.0, 0.0, 0.0) for seed in SEEDS]
    for steps in starts.STEPS:
        cell.outcomes[f"gradual/{steps}"] = level
        cell.outcomes[f"rebuilt/{steps}"] = ahead if steps < 200 else level
    text = starts._EXPERIMENT.command.section(replace(report([]), cells=[cell]))
    assert "| gradual | 80.00% | 80.00% |" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| rebuilt - gradual |")]
    assert row.startswith("| rebuilt - gradual | +10.15 ± ") and row.endswith("| 100 |")


def test_the_page_without_training_has_what_was_run() -> None:
    cells = [result(cell) for cell in untrained.cells() if cell.network == "vgg"][3:5]
    del cells[0].outcomes["rebuilt/8"], cells[0].recipes["rebuilt/8"]
    whole = replace(report([]), cells=cells, dense={"vgg": []})
    text = untrained._EXPERIMENT.command.section(whole)
    assert "### mobilenet" not in text
    assert "| method | 80% | 90% |" in text
    assert f"| rebuilt/8 | - | {100 * cells[1].mean('rebuilt/8', 'accuracy'):.2f}% |" in text


def test_a_page_of_some_methods_leaves_out_what_needs_others() -> None:
    cell = methods.cells()[0]
    some = replace(cell, recipes={name: cell.recipes[name] for name in ("aligned", "optimal")})
    text = methods._EXPERIMENT.command.section(report([some]))
    assert "greedy |" not in text.split("### Results")[1].split("| method")[0]
    assert f"| {cell.title} |" in text


@pytest.mark.parametrize("experiment", ALL)
def test_picture_and_its_svg_are_drawn(experiment: ModuleType, tmp_path: Path) -> None:
    drawn, draw = report(experiment.cells()), experiment.draw
    draw(tmp_path / "a.png", drawn)
    assert np.ptp(imread(tmp_path / "a.png")) > 0
    for name in ("a.svg", "b.svg"):
        draw(tmp_path / name, drawn)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
