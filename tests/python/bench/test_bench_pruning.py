# SPDX-License-Identifier: Apache-2.0
"""The benchmark of pruning while training, quick, and its figures on results made up by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench_reports import written_page

from bench.harness.machine import Machine
from bench.harness.results import from_json, to_json
from bench.harness.statistics import Spread
from bench.pruning.__main__ import main
from bench.pruning.report import Report, StepResult, UpdateResult, step_rows, target, update_row

STEPS = StepResult(
    steps=100,
    dense=Spread(0.4, 0.3, 0.5),
    pruned=Spread(0.5, 0.4, 0.6),
    ratio=Spread(1.25, 1.2, 1.3),
    updates=1,
    callback_seconds=2.0,
    pruned_seconds=48.0,
)


def report() -> Report:
    machine = Machine("a processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11"}, "0" * 64)
    return Report(
        date="2026-01-01T00:00:00+00:00",
        machine=machine,
        alpha=1.0,
        size=96,
        batch=32,
        kernels=13,
        weights=3_000_000,
        block_size=4,
        sparsity=0.8,
        frequency=100,
        steps=STEPS,
        updates=[UpdateResult("optimal", "layer", Spread(0.5, 0.4, 0.6), 0.5 / 50.5)],
    )


def test_steps_are_compared_with_those_of_the_dense_model() -> None:
    assert step_rows(report()) == [
        ["dense", "400.0", "300.0 to 500.0", "1"],
        ["pruned, without updates", "500.0", "400.0 to 600.0", "1.250 (1.200 to 1.300)"],
    ]


def test_an_update_is_shown_with_its_share() -> None:
    expected = ["optimal", "layer", "500.0", "400.0 to 600.0", "0.99%"]
    assert update_row(report().updates[0]) == expected


@pytest.mark.parametrize(("seconds", "verdict"), [(2.0, "met"), (3.0, "missed")])
def test_target(seconds: float, verdict: str) -> None:
    line = target(replace(report(), steps=replace(STEPS, callback_seconds=seconds)))
    assert line.startswith(f"UpdatePruning took {seconds / (48 + seconds):.2%} of 100 training")
    assert line.endswith(verdict)


def test_json_and_back() -> None:
    made = report()
    data = json.loads(json.dumps(to_json(made)))
    assert data["steps"]["callback_share"] == pytest.approx(0.04)
    assert data["updates"][0]["share"] == pytest.approx(0.5 / 50.5)
    assert from_json(Report, data) == made
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data | {"more": 1})


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "pruning", report(), tmp_path, monkeypatch)
    assert "## Pruning while training\n" in text and "13 kernels of 3,000,000 weights" in text
    assert "| optimal | layer | 500.0 | 400.0 to 600.0 | 0.99% |" in text


@pytest.mark.slow
def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "pruning.json").read_text())
    assert data["kernels"] == 13 and data["steps"]["steps"] == 4
    assert data["steps"]["updates"] == 2  # at steps 2 and 4
    pairs = {(row["method"], row["scope"]) for row in data["updates"]}
    assert len(pairs) == len(data["updates"]) == 12
    between = data["frequency"] * data["steps"]["pruned"]["median"]
    for row in data["updates"]:
        seconds = row["seconds"]["median"]
        assert seconds > 0
        assert row["share"] == pytest.approx(seconds / (seconds + between))
    assert "UpdatePruning took " in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "0"], "'0' is not a number from 1 to 1024"),
        (["--rounds", "none"], "'none' is not a number from 1 to"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
