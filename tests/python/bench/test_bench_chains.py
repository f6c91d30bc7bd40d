"""The benchmark of random chains, quick, and its figures on results made up by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench_reports import DATE, MACHINE

from bench.chain import section, table
from bench.chain.networks import draw
from bench.chain.report import ALL, AUTO, SPARSE, XNNPACK, Report, Result
from bench.chains import main
from bench.harness import page


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
    assert [each.seed for each in table.misses(MADE)] == [1, 2]
    assert table.target(MADE).startswith("1 of 3 chains")
    assert table.target(MADE).endswith("missed")
    assert table.miss_rows(MADE)[0] == [
        *("1", "2 CONV_2D, 1 ADD", "100", "2.00x", "2.50x", "1.67x", "2 of 3")
    ]


def test_json_and_back() -> None:
    data = json.loads(json.dumps(MADE.to_json()))
    assert Report.from_json(data) == MADE
    with pytest.raises(ValueError, match="another version of this benchmark"):
        Report.from_json(data | {"more": 1})


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    (tmp_path / "chains.json").write_text(json.dumps({"benchmark": "chains"} | MADE.to_json()))
    assert main(["--write-docs", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "performance.md").read_text()
    assert text.endswith(f"## Random chains\n\n{section.render(MADE).strip()}\n")


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    data = json.loads((tmp_path / "chains.json").read_text())
    assert [each["seed"] for each in data["results"]] == [0, 1, 2]
    assert all(time > 0 for each in data["results"] for time in each["times_us"].values())
    assert "of 3 chains: take=auto" in capsys.readouterr().out
