# SPDX-License-Identifier: Apache-2.0
"""The benchmark of single operators, quick, and its figures on results made up by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench_reports import DATE, MACHINE, written_page

from bench.harness.results import from_json, to_json
from bench.operators.__main__ import main
from bench.operators.cases import cases
from bench.operators.report import Report, Result, headings, layout_rows, speed_rows, summary
from ubp.tflite import flatbuffer

MADE = Report(
    DATE,
    MACHINE,
    5,
    [
        Result("MAX_POOL_2D 3x3 / 2", 28, 128, 12.0, 24.0, 12.5, 3.0),
        Result("LOGISTIC", 7, 512, 5.2, 5.2, 0.0, 0.0),
        Result("LOGISTIC", 28, 128, 20.0, 10.0, 0.0, 0.0),
        Result("DEPTHWISE_CONV_2D 3x3 / 1", 7, 512, 12.0, 12.5, 3.5, 3.0),
    ],
)


def test_a_case_is_a_model_of_its_operator_alone() -> None:
    made = list(cases())
    assert len({(case.operator, case.size) for case in made}) == len(made)
    for case in made:
        (graph,) = (tree := flatbuffer.parse(case.model, case.operator)).subgraphs
        (node,) = graph.operators
        assert flatbuffer.operator_name(tree, node) == case.operator.split()[0]
        assert list(graph.tensors[node.inputs[0]].shape) == [1, case.size, case.size, case.channels]


def test_figures() -> None:
    assert headings(MADE) == ["input", "7x7x512", "28x28x128"]
    assert speed_rows(MADE) == [
        ["MAX_POOL_2D 3x3 / 2", "", "24.0 (0.50x)"],
        ["LOGISTIC", "5.2 (1.00x)", "10.0 (2.00x)"],
        ["DEPTHWISE_CONV_2D 3x3 / 1", "12.5 (0.96x)", ""],
    ]
    assert layout_rows(MADE) == [["to planes", "3.5", ""], ["to an image", "3.0", ""]]
    assert summary(MADE) == "2 of 4 at least 0.98x as fast as XNNPACK's"


def test_json_and_back() -> None:
    assert from_json(Report, json.loads(json.dumps(to_json(MADE)))) == MADE


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "operators", MADE, tmp_path, monkeypatch)
    assert "## Single operators\n" in text and "2 of 4 at least" in text
    assert "| LOGISTIC | 5.2 (1.00x) | 10.0 (2.00x) |" in text


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "operators.json").read_text())["results"]
    assert len(results) >= 6
    assert all(each["xnnpack_us"] > 0 and each["ubp_us"] > 0 for each in results)
    windows = [each for each in results if "POOL" in each["operator"]]
    assert all(each["to_planes_us"] > 0 and each["to_image_us"] > 0 for each in windows)
    assert "as fast as XNNPACK's" in capsys.readouterr().out
