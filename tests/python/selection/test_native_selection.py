# SPDX-License-Identifier: Apache-2.0
"""The native core against the NumPy form: the same blocks, on every instruction set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from selection_oracles import (
    KINDS,
    assert_valid,
    best_of_elements,
    blocks_of,
    join,
    make_importance,
)

from ubp.selection import METHODS, backend, max_num_blocks, native, select_blocks
from ubp.selection.layer.quantised import quanta_of, sliding_sums
from ubp.selection.native import binding
from ubp.selection.native.form import NUMPY, VARIABLE

FAMILIES = native.families()
SHAPES = [(1, 1), (1, 40), (3, 7), (16, 16), (17, 33), (40, 20), (100, 9), (300, 70)]


def select(core, monkeypatch, *arguments, **options):
    monkeypatch.setenv(VARIABLE, core)
    return select_blocks(*arguments, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_instruction_set_gives_the_blocks_of_numpy(method, kind, monkeypatch):
    rng = np.random.default_rng(7)
    for shape in SHAPES:
        importance = make_importance(kind, shape, rng)
        for dtype in (np.float32, np.float64):
            values = np.minimum(importance, 1e30).astype(dtype)
            block_size = int(rng.integers(1, min(shape[1], 9) + 1))
            most = max_num_blocks(shape, block_size)
            for count in {1, most // 5, int(rng.integers(0, most + 1)), most - 1, most} - {-1}:
                options = {"block_size": block_size, "num_blocks": count, "method": method}
                expected = select(NUMPY, monkeypatch, values, **options)
                for family in FAMILIES:
                    found = select(family, monkeypatch, values, threads=2, **options)
                    assert_valid(found, values, count)
                    assert np.array_equal(found.lanes, expected.lanes)
                    assert np.array_equal(found.starts, expected.starts)
                    assert found.score == expected.score
                    assert found.upper_bound == expected.upper_bound


@pytest.mark.parametrize("family", FAMILIES)
def test_quantisation_is_that_of_numpy_at_any_scale(family, monkeypatch):
    rng = np.random.default_rng(8)
    for scale in (5e-324, 1e-310, 1e-38, 1.0, 1e300):
        importance = rng.random((20, 30)) * scale
        expected = select(NUMPY, monkeypatch, importance, 3, sparsity=0.5)
        found = select(family, monkeypatch, importance, 3, sparsity=0.5)
        assert blocks_of(found) == blocks_of(expected)
        assert found.upper_bound == expected.upper_bound


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("invalid", [np.nan, np.inf, -np.inf, -1e-300])
def test_every_invalid_value_is_found(family, invalid):
    for size in (1, 7, 63, 64, 65, 300):
        for dtype in (np.float32, np.float64):
            importance = np.ones(size, dtype=dtype)
            assert binding.peak_of(importance, family) == 1.0
            for place in {0, size // 2, size - 1}:
                importance[place] = min(invalid, -1e-30) if invalid > -1.0 else invalid
                assert binding.peak_of(importance, family) is None
                importance[place] = 1.0


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("method", METHODS)
def test_threads_change_nothing(method, threads):
    importance = make_importance("few_valued", (333, 41), np.random.default_rng(9))
    layer = native.LayerScores(importance, 4, importance.max(), quanta_of(41, 4))
    results = []
    for count in (1, threads):
        with native.PreparedLayers([layer], threads=count) as layers:
            results.append(layers.select(700, method))
    assert results[0].value == results[1].value
    assert results[0].sums == results[1].sums
    assert np.array_equal(results[0].layers[0].starts, results[1].layers[0].starts)
    assert np.array_equal(results[0].layers[0].lanes, results[1].layers[0].lanes)


def joint_layers(kind):
    """Layers of several shapes and block sizes, quantised on one scale."""
    rng = np.random.default_rng(10)
    parts = [((6, 9), 2), ((18, 12), 4), ((2, 30), 3)]
    values = [(make_importance(kind, shape, rng), block_size) for shape, block_size in parts]
    peak = max(importance.max() for importance, _ in values) or 1.0
    quanta = min(quanta_of(importance.shape[1], n) for importance, n in values)
    return [native.LayerScores(importance, n, peak, quanta) for importance, n in values]


def elements_of(layer):
    return np.rint(layer.importance / layer.peak * layer.quanta).astype(np.int64)


@pytest.mark.parametrize("kind", KINDS)
def test_one_m_for_several_layers_is_exact(kind):
    layers = joint_layers(kind)
    best = np.zeros(1, dtype=np.int64)
    for layer in layers:
        best = join(best, best_of_elements(elements_of(layer), layer.block_size))
    with native.PreparedLayers(layers) as prepared:
        for count in range(1, len(best)):
            chosen = prepared.select(count)
            score = 0
            for layer, blocks in zip(layers, chosen.layers, strict=True):
                scores = sliding_sums(elements_of(layer), layer.block_size)
                score += scores[blocks.lanes, blocks.starts].sum()
            assert sum(len(blocks.lanes) for blocks in chosen.layers) == count
            assert score == chosen.value == best[count]


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_and_trace_agree(kind):
    layers = joint_layers(kind)
    with native.PreparedLayers(layers) as prepared:
        highest = prepared.max_scores()
        points = np.outer([-1.0, 0.0, 0.1, 0.5, 0.9, 1.0, 2.0], highest).astype(np.int64)
        points[5:] += 1
        counts, values = prepared.evaluate(points)
        full = [max_num_blocks(layer.importance.shape, layer.block_size) for layer in layers]
        assert counts[0].tolist() == counts[1].tolist() == full
        assert not counts[5:].any() and not values[5:].any()
        assert np.all(np.diff(counts, axis=0) <= 0)
        for point, count, value in zip(points, counts, values, strict=True):
            for layer, blocks, n, score in zip(
                layers, prepared.trace(point), count, value, strict=True
            ):
                scores = sliding_sums(elements_of(layer), layer.block_size)
                assert len(blocks.lanes) == n
                assert scores[blocks.lanes, blocks.starts].sum() == score


def test_the_backend_can_be_chosen(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert backend() == FAMILIES[0]
    for name in ("auto", "native"):
        monkeypatch.setenv(VARIABLE, name)
        assert backend() == FAMILIES[0]
    for name in (*FAMILIES, NUMPY):
        monkeypatch.setenv(VARIABLE, name)
        assert backend() == name
    monkeypatch.setenv(VARIABLE, "mmx")
    with pytest.raises(ValueError, match=r"UBP_SELECTION is 'mmx'; expected auto, numpy, native"):
        backend()


def test_without_the_library_numpy_is_used_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(binding, "LIBRARY", tmp_path / "libubp_selection.so")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert backend() == NUMPY
    assert len(select_blocks(np.ones((4, 8)), num_blocks=3)) == 3
    monkeypatch.setenv(VARIABLE, "native")
    with pytest.raises(FileNotFoundError, match=r"libubp_selection\.so does not exist; run './run"):
        backend()


def test_a_library_that_cannot_be_loaded_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "libubp_selection.so"
    broken.write_text("not a library")
    monkeypatch.setattr(binding, "LIBRARY", broken)
    binding._library.cache_clear()
    try:
        with pytest.raises(OSError, match=r"cannot be loaded as the core of block selection"):
            select_blocks(np.ones((4, 8)), num_blocks=3)
    finally:
        binding._library.cache_clear()


@pytest.mark.parametrize("core", [*FAMILIES, NUMPY])
def test_blocks_of_several_lanes(core, monkeypatch):
    importance = make_importance("gaussian", (48, 21), np.random.default_rng(11))
    added = importance.reshape(12, 4, 21).sum(axis=1)
    for count in (0, 1, 17, 60):
        wide = select(core, monkeypatch, importance, 4, num_blocks=count, block_lanes=4)
        flat = select(core, monkeypatch, added, 4, num_blocks=count)
        assert blocks_of(wide) == [(4 * lane, start) for lane, start in blocks_of(flat)]
        assert np.isclose(wide.score, flat.score, rtol=1e-12)
        assert wide.shape == importance.shape
        assert wide.block_lanes == 4
        assert np.array_equal(wide.mask(), np.repeat(flat.mask(), 4, axis=0))
        assert np.isclose(wide.score, importance[wide.mask()].sum(), rtol=1e-12)
    assert len(select_blocks(importance, 4, sparsity=0.5, block_lanes=2)) == 63


def test_blocks_of_several_lanes_need_whole_groups_of_valid_ones():
    importance = np.ones((6, 8))
    with pytest.raises(ValueError, match=r"block_lanes is 4; expected a divisor of the layer's 6"):
        select_blocks(importance, 4, sparsity=0.5, block_lanes=4)
    with pytest.raises(ValueError, match=r"asks for 5 blocks of size 3x2; expected 0 to 3"):
        select_blocks(np.ones((6, 5)), 3, sparsity=0.0, block_lanes=2)
    importance[3, 2] = -1.0  # lane 2 would hide it in the sum
    with pytest.raises(ValueError, match=r"contains -1\.0 \(lane 3, channel 2"):
        select_blocks(importance, 4, sparsity=0.5, block_lanes=2)


def test_the_native_core_is_part_of_a_checkout():
    assert Path(native.LIBRARY).is_file(), "run './run build'"
    assert FAMILIES[-1] == "portable"
