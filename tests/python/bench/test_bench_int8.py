# SPDX-License-Identifier: Apache-2.0
"""The benchmark of int8: its layers and networks, its reports, and a quick run of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_reports import DATE, MACHINE, written_page
from rich.console import Console

import ubp
from bench.harness.results import from_json, to_json
from bench.harness.table import terminal_table
from bench.int8 import measure
from bench.int8.__main__ import _COMMAND, main
from bench.int8.layers import DEPTHWISE, LAYERS, Layer, layer_file
from bench.int8.report import (
    LAYER_HEADINGS,
    NETWORK_HEADINGS,
    LayerResult,
    NetworkResult,
    Report,
    layer_cells,
    network_cells,
    targets,
)
from ubp.runtime.decisions import DelegateReport, NodeDecision, delegate_report
from ubp.tflite import flatbuffer

TIMES = {"xnnpack_rounds_ms": [10.0, 20.0, 30.0], "ubp_rounds_ms": [5.0, 5.0, 5.0]}
NETWORK = NetworkResult(
    network="ResNet50",
    block_size=2,
    sparsity=80,
    file_bytes=1000,
    ubp_bytes=230,
    **TIMES,
)
LAYER = LayerResult(layer=LAYERS[0], block_size=4, sparsity=95, **TIMES)
SMALL = Layer(6, 16, 24, kernel=3, stride=2)


def report(networks: list[NetworkResult], layers: list[LayerResult]) -> Report:
    return Report(DATE, MACHINE, 0, 3, networks, layers)


@pytest.mark.parametrize("block_size", [2, 4])
def test_a_layer_has_its_zeros_in_blocks(block_size: int) -> None:
    file = layer_file(SMALL, block_size, 80)
    found = ubp.convert(file, min_speedup=0)
    (layer,) = found.report
    assert (layer.block_size, layer.block_lanes) == (block_size, 4)
    assert layer.sparsity == pytest.approx(0.8, abs=0.02)
    assert layer.is_int8


def test_layers_use_the_range_of_their_outputs() -> None:
    for layer in (SMALL, Layer(9, 12, 12, kernel=3, depthwise=True)):
        interpreter = ubp.Interpreter(layer_file(layer, 2, 80), 1, take="all")
        output = measure._output(interpreter).astype(np.int32)
        assert output.shape == (1, layer.out_size, layer.out_size, layer.out_c)
        assert 25 < output.std() < 60
        assert len(np.unique(output)) > 90


def test_the_delegate_runs_a_depthwise_layer() -> None:
    file = layer_file(DEPTHWISE[1], 0, 0)
    (node,) = delegate_report(file, 1, take="all", kernel="portable").nodes
    assert (node.op, node.taken) == ("DEPTHWISE_CONV_2D", True)


def test_wrong_outputs_end_the_run() -> None:
    right = np.zeros((2, 3), np.int8)
    with pytest.raises(RuntimeError, match="a layer: 1 of 6 outputs of UBP are not those of Lite"):
        measure._check_equal("a layer", right, np.array([[0, 0, 1], [0, 0, 0]], np.int8))
    measure._check_equal("a layer", right, right)


def test_targets_count_what_meets_them() -> None:
    slow = replace(NETWORK, sparsity=90, ubp_bytes=100)
    large = replace(NETWORK, ubp_bytes=241)
    other = replace(LAYER, layer=SMALL)
    assert targets(report([NETWORK, slow, large], [LAYER, replace(LAYER, sparsity=70)])) == [
        "networks: 2 of 3 as fast as they should be",
        "layers: 0 of 1 as fast as they should be",
        "converted files at most 0.24 of the ordinary int8 ones at 80%, 2x4: 1 of 2",
    ]
    assert other.target == 15.0
    assert replace(LAYER, layer=DEPTHWISE[0], sparsity=0).target == 2.8
    assert [line.split(": ")[-1] for line in targets(report([], []))] == ["not measured"] * 3


def test_json_and_back() -> None:
    before = report([NETWORK], [LAYER])
    data = json.loads(json.dumps(to_json(before)))
    assert data["networks"][0]["size"] == 0.23 and data["networks"][0]["target"] == 3.2
    assert data["layers"][0]["speedup"] == pytest.approx({"median": 4.0, "p10": 2.4, "p90": 5.6})
    assert from_json(Report, data) == before


def test_tables_fit_the_text() -> None:
    console = Console(width=_COMMAND.text_width)
    widest = replace(NETWORK, network="MobileNetV2", xnnpack_rounds_ms=[500.0] * 3)
    layer = replace(LAYER, layer=Layer(56, 128, 128, kernel=3, stride=2, depthwise=True))
    with console.capture() as captured:
        console.print(terminal_table(NETWORK_HEADINGS, [[network_cells(widest)]]))
        console.print(terminal_table(LAYER_HEADINGS, [[layer_cells(layer)]]))
    rows = [line.split() for line in captured.get().splitlines() if "x" in line]
    assert rows[0][:5] == ["MobileNetV2", "2x4", "80%", "500.00", "5.00"]
    assert rows[0][-2:] == ["1.8x", "0.230"]
    assert rows[1][:6] == ["3x3", "/2", "128", "depthwise", "@28x28", "-"]


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = report([NETWORK], [LAYER])
    text = written_page(main, "int8", found, tmp_path, monkeypatch)
    assert "## Int8\n" in text
    row = "| ResNet50 | 2x4 | 80% | 20.00 | 5.00 | 4.00x | 2.40 - 5.60 | 3.2x | 0.230 |"
    assert row in text
    assert "| 1x1 512>512 @14x14 | 4x4 | 95% | 20000.0 | 5000.0 | 4.00x |" in text
    assert "take turns for 3 rounds" in text


def test_page_of_a_quick_run_is_refused() -> None:
    with pytest.raises(ValueError, match="MobileNet-tiny, which is for quick runs only"):
        _COMMAND.section(report([replace(NETWORK, network="MobileNet-tiny")], []))


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    portable = ["--kernel", "portable", "--output", str(tmp_path)]
    assert main(["--quick", *portable]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "int8.json").read_text())
    (network,) = data["networks"]
    assert (network["network"], network["block_size"]) == ("MobileNet-tiny", 2)
    assert f"{network['speedup']['median']:.2f}x" in printed
    assert [layer["layer"]["depthwise"] for layer in data["layers"]] == [False, True]
    for each in [*data["networks"], *data["layers"]]:
        assert len(each["ubp_rounds_ms"]) == len(each["xnnpack_rounds_ms"]) == data["rounds"] == 2
        assert min(each["ubp_rounds_ms"]) > 0
    (file,) = (tmp_path / "int8_cache").glob("*.tflite")
    made = file.stat().st_mtime_ns
    tree = flatbuffer.parse(file.read_bytes(), "the network")
    assert all(tensor.type != 0 for tensor in tree.subgraphs[0].tensors)  # none is FLOAT32
    assert main(["--quick", "--no-layers", "--rounds", "1", *portable]) == 0
    assert file.stat().st_mtime_ns == made


def test_processors_without_dot_products_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    reason = "the op is int8, and the processor has no dot products of int8."
    node = NodeDecision(0, 0, "DEPTHWISE_CONV_2D", "", False, reason)
    report = DelegateReport("avx2", [node])
    monkeypatch.setattr(measure, "delegate_report", lambda *_, **__: report)
    assert main(["--quick", "--output", str(tmp_path)]) != 0
    assert "has no dot products of int8; run it where there are, or" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "VGG16"], "there is no network 'VGG16'; there are MobileNet,"),
        (["--blocks", "3"], "there is no block size '3'; there are 1, 2, 4, 8"),
        (["--sparsity", "0"], "'0' is not a number from 1 to 99"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
