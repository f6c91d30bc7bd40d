# SPDX-License-Identifier: Apache-2.0
"""`tradeoff_curves` against every point of the exact curves; its picture and its errors."""

from __future__ import annotations

import sys

import matplotlib
import numpy as np
import pytest
from selection_oracles import KINDS, best_scores, make_importance

import ubp
from ubp.selection import native, select_blocks, select_blocks_global, tradeoff_curves
from ubp.selection.layer.quantised import quantise
from ubp.selection.native.form import NUMPY, VARIABLE

matplotlib.use("agg")


def exact_curve(importance, block_size):
    layer = quantise(importance, block_size)
    return best_scores(importance, block_size) * (layer.peak / layer.quanta)


@pytest.mark.parametrize("block_size", [1, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_points_are_on_the_curve_and_bounds_enclose_it(kind, block_size):
    rng = np.random.default_rng(block_size)
    for shape in [(1, block_size), (5, 13), (7, 16)]:
        importance = make_importance(kind, shape, rng)
        exact = exact_curve(importance, block_size)
        for tolerance in (1e-9, 0.02, 10.0):
            (curve,) = tradeoff_curves([importance], block_size, tolerance=tolerance)
            assert curve.num_blocks[0] == 0
            assert curve.num_blocks[-1] == len(exact) - 1
            assert np.all(np.diff(curve.num_blocks) >= 0)
            assert np.all(np.diff(curve.penalties) <= 0)
            assert curve.importance == pytest.approx(exact[curve.num_blocks], rel=1e-12)
            lower, upper = curve.bounds(np.arange(len(exact)))
            assert np.all(lower <= exact)
            assert np.all(exact <= upper)
            rounding = 2 * curve.hidden * len(exact) * (1 + 1e-6)
            assert np.all(upper - lower <= tolerance * importance.sum() + rounding)
            assert rounding <= 1e-5 * importance.sum()


def test_the_curve_holds_what_select_blocks_keeps():
    importance = np.random.default_rng(2).random((50, 32))
    (curve,) = ubp.tradeoff_curves([importance])
    for count, penalty, kept in zip(
        curve.num_blocks, curve.penalties, curve.importance, strict=True
    ):
        score = select_blocks(importance, 4, num_blocks=int(count)).score
        assert kept == pytest.approx(score, rel=1e-7)
        if 0 < count < curve.num_blocks[-1]:  # the penalty is between two blocks' importance
            around = [
                select_blocks(importance, 4, num_blocks=int(count) + step).score for step in (-1, 1)
            ]
            assert around[1] - score <= penalty + 1e-7
            assert penalty - 1e-7 <= score - around[0]
    assert curve.density == pytest.approx(curve.num_blocks * 4 / importance.size)
    assert curve.kept == pytest.approx(curve.importance / importance.sum())
    assert curve.kept[-1] == pytest.approx(1.0)


def test_names_block_sizes_and_layers_without_importance():
    importances = [np.ones((4, 8)), np.zeros((3, 9), dtype=np.float32)]
    curves = ubp.tradeoff_curves(importances, [4, 3], names=["a", "b"], progress=True)
    assert isinstance(curves, ubp.TradeoffCurves)
    assert [(c.name, c.block_size, c.shape) for c in curves] == [("a", 4, (4, 8)), ("b", 3, (3, 9))]
    assert len(curves) == 2
    assert np.all(curves[1].kept == 1.0)
    assert np.all(curves[1].importance == 0.0)
    assert tradeoff_curves(importances)[0].name == "layer 0"
    assert not curves[0].importance.flags.writeable


@pytest.mark.parametrize("num_layers", [1, 3, 12])
def test_the_picture_has_a_line_and_a_mark_for_each_layer(num_layers):
    rng = np.random.default_rng(3)
    importances = [rng.random((20, 16)) ** (i + 1) for i in range(num_layers)]
    curves = tradeoff_curves(importances, names=[f"conv{i}" for i in range(num_layers)])
    selection = select_blocks_global(importances, sparsity=0.6)
    axes = curves.plot(selection=selection)
    lines = {line.get_label(): line for line in axes.get_lines()}
    for curve, blocks in zip(curves, selection, strict=True):
        x, y = lines[curve.name].get_data()
        assert np.array_equal(x, curve.density)
        assert np.array_equal(y, curve.kept)
        marks = [line.get_data() for line in axes.get_lines() if line.get_marker() == "o"]
        expected = (len(blocks) * 4 / 320, blocks.score / curve.total)
        assert any(np.allclose(np.ravel(mark), expected) for mark in marks)
    assert (axes.get_legend() is None) == (num_layers == 12)  # a colour bar names the many
    assert len(axes.figure.axes) == (2 if num_layers == 12 else 1)
    matplotlib.pyplot.close(axes.figure)


def test_a_picture_is_drawn_into_given_axes():
    _, axes = matplotlib.pyplot.subplots()
    assert tradeoff_curves([np.ones((4, 8))]).plot(axes) is axes
    matplotlib.pyplot.close(axes.figure)


def test_without_matplotlib_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.delitem(sys.modules, "ubp.selection.curves.picture", raising=False)
    with pytest.raises(
        ImportError, match=r"curves needs matplotlib, .*'pip install \"matplotlib>=[0-9.]+\"'\.$"
    ):
        tradeoff_curves([np.ones((4, 8))]).plot()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": 0.0}, "tolerance is 0.0; expected a number above 0"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"names": ["a", "b"]}, "names has 2 values for 1 layers"),
        ({"block_size": 9}, "layer 0: block_size is 9"),
        ({"block_size": [4, 4]}, "block_size has 2 values for 1 layers"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        tradeoff_curves([np.ones((4, 8))], **arguments)


def test_bounds_of_impossible_numbers_of_blocks():
    (curve,) = tradeoff_curves([np.ones((4, 8))])
    for count in (-1, 9):
        with pytest.raises(ValueError, match="expected 0 to 8, the most that fit layer 0"):
            curve.bounds([0, count])


def test_a_selection_of_other_layers_is_not_marked():
    curves = tradeoff_curves([np.ones((4, 8))])
    selection = select_blocks_global([np.ones((4, 8))] * 2, num_blocks=3)
    with pytest.raises(ValueError, match="selection is of 2 layers; expected the 1 of the curves"):
        curves.plot(selection=selection)


@pytest.mark.parametrize("family", native.families())
def test_the_native_core_gives_the_points_of_numpy(family, monkeypatch):
    importance = make_importance("heavy_tailed", (90, 37), np.random.default_rng(4))
    curves = []
    for core in (NUMPY, family):
        monkeypatch.setenv(VARIABLE, core)
        curves.append(tradeoff_curves([importance])[0])
    assert np.array_equal(curves[0].num_blocks, curves[1].num_blocks)
    assert np.array_equal(curves[0].importance, curves[1].importance)
    assert np.array_equal(curves[0].penalties, curves[1].penalties)
