# SPDX-License-Identifier: Apache-2.0
"""The benchmark of random chains, quick, and its figures on results made up by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench_reports import DATE, MACHINE, written_page

from bench.chains.__main__ import main
from bench.chains.networks import draw
from bench.chains.report import (
    ALL,
    AUTO,
    SPARSE,
    XNNPACK,
    Report,
    Result,
    miss_rows,
    misses,
    target,
)
from bench.harness.results import from_json, to_json


def result(seed: int, auto: float, sparse: float, everything: float) -> Result:
    """Of a chain that takes XNNPACK 100 microseconds."""
    times = {XNNPACK: 100.0, AUTO: auto, SPARSE: sparse, ALL: everything}
    return Result(seed, ["CONV_2D", "ADD", "CONV_2D"], {AUTO: 2, SPARSE: 1, ALL: 3}, times)


MADE = Report(
    DATE, MACHINE, 4, [result(0, 50, 60, 49), result(1, 50, 40, 60), result(2, 104, 105, 110)]
)


def test_a_seed_makes_the_same_chain() -> None:
    assert draw(3) == draw(3)
    assert draw(3).model != draw(4).model


def test_misses_are_to_xnnpack_and_to_the_best() -> None:
    assert [each.seed for each in misses(MADE)] == [1, 2]
    assert target(MADE).startswith("1 of 3 chains")
    assert target(MADE).endswith("missed")
    assert miss_rows(MADE)[0] == [
        *("1", "2 CONV_2D, 1 ADD", "100", "2.00x", "2.50x", "1.67x", "2 of 3")
    ]


def test_json_and_back() -> None:
    data = json.loads(json.dumps(to_json(MADE)))
    assert from_json(Report, data) == MADE
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data | {"more": 1})


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "chains", MADE, tmp_path, monkeypatch)
    assert "## Random chains\n" in text and "on 3 random chains\n(seeds 0 to 2)" in text
    assert "| 1 | 2 CONV_2D, 1 ADD | 100 | 2.00x | 2.50x | 1.67x | 2 of 3 |" in text
    met = replace(MADE, results=MADE.results[:1])
    assert "### Chains that miss it\n\nNone.\n" in written_page(
        main, "chains", met, tmp_path, monkeypatch
    )


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    data = json.loads((tmp_path / "chains.json").read_text())
    assert [each["seed"] for each in data["results"]] == [0, 1, 2]
    assert all(time > 0 for each in data["results"] for time in each["times_us"].values())
    assert "of 3 chains: take=auto" in capsys.readouterr().out
