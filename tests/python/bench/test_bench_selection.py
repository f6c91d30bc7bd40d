# SPDX-License-Identifier: Apache-2.0
"""The benchmark of block selection: layers, peers, what is made of measurements. No timing is
asserted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_reports import DATE, MACHINE
from matplotlib.image import imread

from bench.harness import page
from bench.harness.results import from_json, to_json
from bench.selection import report as contenders
from bench.selection.__main__ import main
from bench.selection.contenders import Peers, cases
from bench.selection.report import Report, Result, checks, draw, find
from ubp.selection import select_blocks
from ubp.selection.layer.quantised import quantise


def report(heap: float = 20.0, ms: float = 90.0, bed: float = 0.999) -> Report:
    results = [
        Result("ResNet50", contenders.OPTIMAL, "avx512", [ms, ms + 1, ms - 1], 1.0, 1.0),
        Result("ResNet50", contenders.NUMPY_OPTIMAL, "numpy", [2000.0], 22.0, 1.0),
        Result("ResNet50", contenders.BED, "avx512", [500.0], 5.5, bed),
        Result("ResNet50", contenders.ALIGNED, "avx512", [100.0], 1.1, 0.91),
        Result("ResNet50", contenders.HEAP_BED, "-", [1800.0], heap, bed),
    ]
    return Report(DATE, MACHINE, 4, 80, 3, {"ResNet50": 23_454_912}, results)


def test_resnet50_has_its_53_convolutions() -> None:
    shapes = cases()["ResNet50"].shapes
    assert len(shapes) == 53
    assert sum(lanes * channels for lanes, channels in shapes) == 23_454_912
    assert shapes[0] == (147, 64)
    assert max(shapes) == (4608, 512)


def test_importance_is_the_same_every_time() -> None:
    case = cases()["64x256"]
    (first,), (second,) = case.importance(), case.importance()
    assert first.dtype == np.float32
    assert first.shape == (64, 256)
    assert first.min() >= 0
    assert np.array_equal(first, second)


@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("levels", [2, 5, 10**6])
def test_the_peers_are_right(block_size: int, levels: int) -> None:
    peers = Peers()
    importance = np.random.default_rng(block_size).integers(0, levels, (7, 21)).astype(np.float64)
    elements = quantise(importance, block_size).elements
    for count in (1, 5, 7 * (21 // block_size)):
        bed = select_blocks(importance, block_size, num_blocks=count, method="bed")
        if block_size > 1:
            assert np.array_equal(peers.heap_bed(elements, block_size, count), bed.mask())
        best = select_blocks(importance, block_size, num_blocks=count)
        assert peers.best_score(elements, block_size, count) == elements[best.mask()].sum()


def test_a_missing_library_of_peers_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`./run bench selection` builds it"):
        Peers(tmp_path / "none.so")


def test_targets() -> None:
    assert all(check.met for check in checks(report()))
    assert next(map(str, checks(report()))) == (
        "ResNet50: optimal (avx512) takes 90 ms, at most 200 (target 100): met"
    )
    missed = [check.text for check in checks(report(heap=9.0, ms=210.0, bed=0.99)) if not check.met]
    assert len(missed) == 3
    assert "BED with a heap takes 9.0 times as long, at least 10" in missed[1]
    assert checks(Report(DATE, MACHINE, 4, 80, 3, {"64x256": 16384}, [])) == []


def test_report_survives_json() -> None:
    data = json.loads(json.dumps(to_json(report())))
    assert data["results"][0]["ms"] == 90.0
    assert from_json(Report, data) == report()
    del data["results"][0]["kept"]
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data)


def test_find() -> None:
    results = report().results
    assert find(results, contenders.BED) is results[2]
    assert find(results, contenders.OPTIMAL, "numpy") is None


def test_picture(tmp_path: Path) -> None:
    draw(tmp_path / "selection.png", report())
    assert imread(tmp_path / "selection.png").shape[0] > 100


def test_a_quick_run_and_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    output = ["--output", str(tmp_path / "out")]
    assert main(["--quick", "--rounds", "1", *output]) == 0
    written = from_json(
        Report,
        {
            name: value
            for name, value in json.loads((tmp_path / "out" / "selection.json").read_text()).items()
            if name != "benchmark"
        },
    )
    optima = [each for each in written.results if each.contender.startswith(contenders.OPTIMAL)]
    assert len(optima) >= 2
    assert {each.kept for each in optima} == {1.0}
    assert find(written.results, contenders.PROGRAMME) is not None
    assert (tmp_path / "out" / "selection.png").is_file()
    assert main(["--write-docs", *output]) == 0
    assert "## Block selection" in (tmp_path / "performance.md").read_text()


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--write-docs", "--output", str(tmp_path)]) == 1
    assert "bench selection: error:" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--cases", "VGG"])
    assert "there is no case 'VGG'" in capsys.readouterr().err
