# SPDX-License-Identifier: Apache-2.0
"""The benchmark of permuted channels, quick, and its figures on results made up by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench_reports import written_page

from bench.harness.machine import Machine
from bench.harness.results import from_json, to_json
from bench.permutation.__main__ import main
from bench.permutation.report import (
    LayerResult,
    NetworkResult,
    Report,
    SpeedResult,
    draw,
    gain_cells,
    proof_cells,
    targets,
)


def layer(name: str, kernel: str, before: float, chain: float, climb: float) -> LayerResult:
    return LayerResult(name, kernel, 16, 8, 10.0, before, {"chain": chain, "hill_climb": climb})


LAYERS = [layer("a", "1x1", 2.0, 2.1, 2.2), layer("b", "1x1", 4.0, 4.0, 4.1),
          layer("c", "3x3", 5.0, 5.0, 5.1)]  # fmt: skip


def network(trained: bool = True) -> NetworkResult:
    both = {"chain": 1e-6, "hill_climb": 2e-6}
    return NetworkResult(
        network="net",
        trained=trained,
        accuracy=0.98 if trained else None,
        accuracy_after={"chain": 0.98, "hill_climb": 0.98} if trained else None,
        difference=both,
        seconds={"chain": 1.0, "hill_climb": 20.0},
        layers=LAYERS,
    )


def report(*networks: NetworkResult) -> Report:
    machine = Machine("a processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11"}, "0" * 64)
    speeds = [SpeedResult(512, 512, {"chain": 0.02, "hill_climb": 1.5})]
    return Report("2026-01-01T00:00:00+00:00", machine, 4, 0.8, 0, 5, list(networks), speeds)


def test_gains_of_each_size_of_kernel() -> None:
    rows = list(gain_cells(network()))
    assert rows == [
        ["net, trained", "1x1", "2", "30.0%", "+1.7%", "+5.0%", "+2.5%", "+10.0%"],
        ["net, trained", "3x3", "1", "50.0%", "+0.0%", "+2.0%", "+2.0%", "+2.0%"],
    ]


def test_targets_are_about_trained_1x1_layers() -> None:
    (line,) = targets(report(network(), network(trained=False)))
    assert line.startswith("trained 1x1 layers of net keep +5.0%") and line.endswith("met")
    low = replace(network(), layers=[layer("a", "1x1", 2.0, 2.0, 2.04)])
    assert targets(report(low))[0].endswith("missed")
    assert targets(report(replace(low, layers=LAYERS[2:]))) == []


def test_random_weights_have_no_accuracy() -> None:
    assert proof_cells(network())[1:4] == ["98.0%", "98.0%", "98.0%"]
    assert proof_cells(network(trained=False))[1:5] == ["-", "-", "-", "2e-06"]


def test_json_and_back() -> None:
    made = report(network(), network(trained=False))
    data = json.loads(json.dumps(to_json(made)))
    assert data["networks"][0]["layers"][0]["gain"]["hill_climb"] == pytest.approx(0.1)
    assert from_json(Report, data) == made
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data | {"more": 1})


@pytest.mark.parametrize("count", [1, 2, 3])
def test_picture(tmp_path: Path, count: int) -> None:
    networks = [network(trained=bool(index % 2)) for index in range(count)]
    draw(tmp_path / "p.png", report(*networks))
    assert (tmp_path / "p.png").stat().st_size > 0


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "permutation", report(network()), tmp_path, monkeypatch)
    assert "## Permuted channels\n" in text and "blocks of\n4 keep at 80% zeros" in text
    assert "| net, trained | 1x1 | 2 | 30.0% | +1.7% | +5.0% | +2.5% | +10.0% |" in text
    assert "| 512x512 | 0.020 | 1.500 |" in text
    random = report(network(trained=False))
    assert "\n- no trained network\n" in written_page(
        main, "permutation", random, tmp_path, monkeypatch
    )


@pytest.mark.slow
def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second run reads the trained network
        assert main(["--quick", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "permutation.json").read_text())
    assert (tmp_path / "permutation.png").stat().st_size > 0
    assert len(list((tmp_path / "permutation_cache").iterdir())) == 1
    assert [entry["trained"] for entry in data["networks"]] == [False, True]
    for entry in data["networks"]:
        assert max(entry["difference"].values()) < 1e-4
        for row in entry["layers"]:
            assert row["gain"]["hill_climb"] >= 0
    assert data["networks"][1]["accuracy"] == data["networks"][1]["accuracy_after"]["chain"]
    assert "trained 1x1 layers of digits keep +" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "AlexNet"], "there is no network 'AlexNet'; there are digits,"),
        (["--sparsity", "100"], "'100' is not a number from 1 to 99"),
        (["--block-size", "1"], "'1' is not a number from 2 to 64"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
