# SPDX-License-Identifier: Apache-2.0
"""The data, the table, the page and the picture show what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_reports import MIB, report, result, written_page
from matplotlib.image import imread
from rich.console import Console

from bench.harness.results import from_json, to_json
from bench.harness.table import terminal_table
from bench.models.__main__ import _COMMAND, main
from bench.models.report import HEADINGS, Report, cells, draw


def test_json_holds_everything_and_the_summaries() -> None:
    before = report(result(peers={"Other": (10.0,) * 3}), result(sparsity=0, threads=2))
    data = json.loads(json.dumps(to_json(before)))
    assert data["results"][0]["ubp_memory"] == {"peak": 25 * MIB, "steady": 23 * MIB}
    assert data["results"][0]["peer_speedups"]["Other"]["median"] == 2.0
    assert data["results"][0]["speedup"] == pytest.approx({"median": 4.0, "p10": 2.4, "p90": 5.6})
    assert data["results"][1]["xnnpack_ms"]["median"] == 20.0
    assert from_json(Report, data) == before


def test_table_fits_a_terminal_of_100_columns() -> None:
    console = Console(width=100)
    row = cells(result("MobileNet-tiny", xnnpack=(1000.0,) * 3))
    with console.capture() as captured:
        console.print(terminal_table(HEADINGS, [[row]]))
    rows = [line.split() for line in captured.get().splitlines()]
    assert [
        "MobileNet-tiny",
        "80%",
        "1",
        "1000.00",
        "5.00",
        "200.00x",
        "200.00",
        "-",
        "200.00",
        "2e-06",
        "23",
        "/",
        "42",
    ] in rows


def test_page_has_a_row_for_each_result_and_says_what_is_slower() -> None:
    slow = result("ResNet50", threads=2, ubp=(40.0,) * 3)
    text = _COMMAND.section(report(result(), slow))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 4
    assert (
        rows[2] == "| MobileNet | 80% | 1 | 20.00 | 5.00 | 4.00x | 2.40 - 5.60 | 2e-06 | 23 / 42 |"
    )
    assert "Slower than XNNPACK: ResNet50 at 80% with 2 threads." in text
    assert "A Processor, 2 cores" in text
    assert "Slower than XNNPACK: none of these." in _COMMAND.section(report(result()))


def test_page_shows_other_engines_and_what_could_not_be_measured() -> None:
    both = result(peers={"One": (10.0,) * 3, "Two": (40.0,) * 3})
    without = result(sparsity=90, peers={"Two": (20.0,) * 3})
    text = _COMMAND.section(report(both, without, notes=("One: MobileNet at 90% failed.",)))
    rows = [line for line in text.splitlines() if line.startswith("| MobileNet")]
    assert rows[2:] == [
        "| MobileNet | 80% | 1 | 4.00x | 2.00x | 0.50x |",
        "| MobileNet | 90% | 1 | 4.00x | - | 1.00x |",
    ]
    assert "- One: how One runs\n- Two: how Two runs\n- One: MobileNet at 90% failed." in text
    assert "Other inference engines" not in _COMMAND.section(report(result()))


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    readme = tmp_path / "README.md"
    readme.write_text("# UBP\n\n## Results\n\n<!-- ./run bench models -->\n\nold\n\n## After\n")
    both = report(result(), result(threads=2))
    text = written_page(main, "models", both, folder, monkeypatch)
    assert text.startswith("# Performance\n")
    short = readme.read_text()
    assert "old" not in short and short.endswith("repeats it.\n\n## After\n")
    assert [row for row in short.splitlines() if row.startswith("| MobileNet")] == [
        "| MobileNet | 80% | 20.00 | 5.00 | 4.00x |"
    ]
    assert "## Whole networks\n" in text and "MobileNet 10.\n- Memory:" in text


def test_page_of_a_quick_run_is_refused() -> None:
    with pytest.raises(ValueError, match="MobileNet-tiny, which is for quick runs only"):
        _COMMAND.section(report(result("MobileNet-tiny")))


def test_picture_has_bars_for_every_number_of_threads(tmp_path: Path) -> None:
    results = [
        result(network, sparsity, threads)
        for network in ("MobileNet", "ResNet50")
        for sparsity in (0, 80)
        for threads in (1, 2)
    ]
    draw(tmp_path / "models.png", report(*results))
    pixels = np.rint(imread(tmp_path / "models.png")[..., :3] * 255).astype(int)
    for colour in ((0, 114, 178), (230, 159, 0)):
        assert (pixels == colour).all(axis=-1).mean() > 0.03


def test_picture_of_an_incomplete_run(tmp_path: Path) -> None:
    draw(tmp_path / "models.png", report(result(threads=2)))
    assert np.ptp(imread(tmp_path / "models.png")) > 0.5


def test_results_of_another_version_are_refused() -> None:
    data = to_json(report(result()))
    del data["results"][0]["ubp_memory"]
    with pytest.raises(ValueError, match=r"another version of this program .*'ubp_memory'"):
        from_json(Report, data)
