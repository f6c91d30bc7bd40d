"""Statistics against SciPy's; data, tables, pages and picture show what came out."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from scipy import stats

from bench.harness.machine import Machine
from experiment.study import (
    accuracy_section,
    combinations,
    methods,
    picture,
    recipes_picture,
    recipes_section,
)
from experiment.study import section as page
from experiment.study.recipe import REFERENCE, Cell
from experiment.study.report import CellResult, Report
from experiment.study.settings import FULL
from experiment.study.statistics import paired_difference, share_of_gap
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


def test_paired_difference_is_that_of_the_paired_t_test() -> None:
    ours, theirs = np.random.default_rng(0).normal(size=(2, 12))
    interval = paired_difference(ours, theirs)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    np.testing.assert_allclose((interval.low, interval.high), expected)
    assert interval.estimate == pytest.approx(float(np.mean(ours - theirs)))
    assert not interval.excludes_zero
    assert paired_difference(ours + 5, theirs).excludes_zero


def test_one_seed_has_no_interval() -> None:
    assert math.isnan(paired_difference([0.5], [0.4]).low)
    assert not paired_difference([0.5], [0.4]).excludes_zero
    share = share_of_gap([0.5], [0.4], [0.6])
    assert share.estimate == pytest.approx(0.5) and math.isnan(share.low)


def test_share_of_gap() -> None:
    lower, upper = np.array([0.4, 0.5, 0.6]), np.array([0.6, 0.7, 0.9])
    middle = share_of_gap((lower + upper) / 2, lower, upper)
    np.testing.assert_allclose((middle.estimate, middle.low, middle.high), 0.5)
    noisy = share_of_gap([0.5, 0.5, 0.9], lower, upper)
    assert noisy.estimate == pytest.approx(0.4 / 0.7)
    assert noisy.low < noisy.estimate < noisy.high
    assert math.isnan(share_of_gap(upper, lower, lower).estimate)


def test_a_gap_of_uncertain_sign_has_no_interval() -> None:
    share = share_of_gap([0.5, 0.5], [0.4, 0.4], [0.3, 0.6])
    assert share.estimate == pytest.approx(2.0) and math.isnan(share.low)


def test_cells_have_names_of_their_own_and_the_reference() -> None:
    cells = [*methods.cells(), *combinations.cells()]
    assert len({cell.name for cell in cells}) == len(cells)
    for cell in cells:
        assert REFERENCE in cell.recipes
        assert len(set(cell.recipes.values())) == len(cell.recipes)


def test_unstructured_is_the_same_run_for_every_block_size() -> None:
    assert methods.recipe("unstructured", 8, 0.95) == methods.recipe("unstructured", 4, 0.95)


def test_json_holds_everything() -> None:
    before = report(methods.cells())
    assert Report.from_json(json.loads(json.dumps(before.to_json()))) == before
    with pytest.raises(ValueError, match="another version of this experiment"):
        Report.from_json({"cells": []})


def test_pages_have_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "accuracy.md")
    whole, recipes = report(methods.cells()), report(combinations.cells())
    page.write_section(accuracy_section.HEADING, accuracy_section.render(whole))
    page.write_section(recipes_section.HEADING, recipes_section.render(recipes))
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
    text = accuracy_section.render(report([some]))
    assert "greedy |" not in text.split("### Results")[1].split("| method")[0]
    assert f"| {cell.title} |" in text


@pytest.mark.parametrize(
    ("draw", "cells"),
    [(picture.draw, methods.cells()), (recipes_picture.draw, combinations.cells())],
)
def test_picture_and_its_svg_are_drawn(draw, cells, tmp_path: Path) -> None:
    drawn = report(cells)
    draw(tmp_path / "a.png", drawn)
    assert np.ptp(imread(tmp_path / "a.png")) > 0
    for name in ("a.svg", "b.svg"):
        draw(tmp_path / name, drawn)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
