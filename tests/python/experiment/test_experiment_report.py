"""Data, tables, pages and pictures show what came out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from bench.harness import page
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder, from_json, to_json
from experiment.accuracy import __main__ as methods
from experiment.recipes import __main__ as combinations
from experiment.study.recipe import REFERENCE, Cell, recipe_of
from experiment.study.report import CellResult, Report
from experiment.study.settings import FULL
from experiment.study.store import Outcome

MACHINE = Machine("A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2"}, 64 * "a")
SEEDS = range(4)


def result(cell: Cell) -> CellResult:
    generator = np.random.default_rng(0)
    outcomes = {
        name: [Outcome(0.5 + 0.1 * generator.random(), 1.0, 0.8, 0.3) for _ in SEEDS]
        for name in cell.recipes
    }
    return CellResult(cell.name, cell.title, cell.network, dict(cell.recipes), outcomes)


def report(cells: list[Cell]) -> Report:
    dense = {cell.network: [Outcome(0.96, 0.1, 0.0, 1.0) for _ in SEEDS] for cell in cells}
    results = [result(cell) for cell in cells]
    return Report("2026-01-02T03:04:05+00:00", MACHINE, FULL, [*SEEDS], dense, results)


def test_cells_have_names_of_their_own_and_the_reference() -> None:
    cells = [*methods.cells(), *combinations.cells()]
    assert len({cell.name for cell in cells}) == len(cells)
    for cell in cells:
        assert REFERENCE in cell.recipes
        assert len(set(cell.recipes.values())) == len(cell.recipes)


def test_unstructured_is_the_same_run_for_every_block_size() -> None:
    assert recipe_of("unstructured", 8, 0.95) == recipe_of("unstructured", 4, 0.95)


def test_json_holds_everything() -> None:
    before = report(methods.cells())
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


def test_a_page_of_some_methods_leaves_out_what_needs_others() -> None:
    cell = methods.cells()[0]
    some = replace(cell, recipes={name: cell.recipes[name] for name in ("aligned", "optimal")})
    text = methods._EXPERIMENT.command.section(report([some]))
    assert "greedy |" not in text.split("### Results")[1].split("| method")[0]
    assert f"| {cell.title} |" in text


@pytest.mark.parametrize(
    ("draw", "cells"),
    [(methods.draw, methods.cells()), (combinations.draw, combinations.cells())],
)
def test_picture_and_its_svg_are_drawn(draw, cells, tmp_path: Path) -> None:
    drawn = report(cells)
    draw(tmp_path / "a.png", drawn)
    assert np.ptp(imread(tmp_path / "a.png")) > 0
    for name in ("a.svg", "b.svg"):
        draw(tmp_path / name, drawn)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
