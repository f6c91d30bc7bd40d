# SPDX-License-Identifier: Apache-2.0
"""The benchmark of pruned U-Nets: its networks, its reports, and a quick run of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_reports import DATE, MACHINE, written_page
from rich.console import Console

import ubp
from bench.harness.results import from_json, to_json
from bench.harness.table import terminal_table
from bench.unet import measure
from bench.unet.__main__ import _COMMAND, main
from bench.unet.networks import FULL, SMALL, WAYS, Dimensions, pruned_layers, pruned_model
from bench.unet.report import (
    CONVERTED,
    HEADINGS,
    ORDINARY,
    TOLERANCE,
    Report,
    Result,
    Taken,
    cells,
    target,
)

RESULT = Result(
    way="transposed-3x3",
    sparsity=80,
    threads=1,
    file=ORDINARY,
    taken=Taken(26, 26, 1),
    relative_error=2e-6,
    xnnpack_rounds_ms=[10.0, 20.0, 30.0],
    ubp_rounds_ms=[5.0, 5.0, 5.0],
)


def report(*results: Result, size: int = FULL.size) -> Report:
    return Report(DATE, MACHINE, size, [*FULL.widths], 4, 0, 3, [*results])


def one_layer(keras: Any, factor: float = 1.0) -> bytes:
    """A dense convolution, which the converter leaves as it is."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    model.set_weights([factor * weight for weight in model.get_weights()])
    return ubp.convert(model).dense


@pytest.fixture(scope="module")
def keras() -> Any:
    import keras

    return keras


@pytest.mark.parametrize("way", WAYS)
def test_all_convolutions_are_pruned_but_the_first_and_the_last(keras: Any, way: str) -> None:
    model = pruned_model(way, SMALL, 80)
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    convolutions = [layer for layer in model.layers if isinstance(layer, kinds)]
    transposed = [each for each in convolutions if isinstance(each, kinds[1])]
    zeros = [float(np.mean(layer.kernel.numpy() == 0)) for layer in convolutions]
    assert len(convolutions) == 4 + 2 + 2 * 3 + 1
    assert [layer.kernel_size for layer in transposed] == {
        "transposed-2x2": [(2, 2)] * 2,
        "transposed-3x3": [(3, 3)] * 2,
        "bilinear": [],
    }[way]
    assert pruned_layers(model) == [layer.name for layer in convolutions[1:-1]]
    assert [zeros[0], zeros[-1]] == [0, 0]
    np.testing.assert_allclose(zeros[1:-1], 0.8, atol=1 / 64)  # half a block of the smallest


def test_every_level_halves_and_doubles() -> None:
    model = pruned_model("bilinear", Dimensions(16, (4, 8, 8, 16)), 0)
    assert model.output_shape == (None, 16, 16, 2)
    assert min(layer.output.shape[1] for layer in model.layers) == 2
    assert all(np.all(weight.numpy() != 0) for weight in model.weights if weight.name == "kernel")


def test_outputs_depend_on_the_image() -> None:
    model = pruned_model("transposed-2x2", SMALL, 80)
    one, other = model(np.random.default_rng(1).normal(size=(2, 32, 32, 3))).numpy()
    assert np.abs(one - other).max() > 0.1 * np.ptp(one)


def test_a_file_without_zeros_has_no_converted_result(keras: Any) -> None:
    (found,) = measure.measure("bilinear", 0, one_layer(keras), threads=1, rounds=2)
    assert found.file == ORDINARY and len(found.ubp_rounds_ms) == 2
    assert found.taken == Taken(1, 0, 0) and not found.taken.is_whole


def test_wrong_outputs_end_the_run(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {CONVERTED: one_layer(keras, 1.01)}
    monkeypatch.setattr(measure, "_models", lambda file: wrong)
    with pytest.raises(RuntimeError, match="bilinear at 80% with 2 threads, converted file: the"):
        list(measure.measure("bilinear", 80, one_layer(keras), threads=2, rounds=1))


def test_parts_are_counted(keras: Any) -> None:
    """Between two parts the interpreter runs an operator that the delegate leaves."""
    layers = keras.layers
    x = image = keras.Input((16, 16, 32))
    for index in range(3):
        x = layers.Conv2D(32, 3, padding="same", name=f"c{index}")(x)
        x = keras.ops.cumsum(x, axis=1) if index < 2 else x
    model = keras.Model(image, x)
    names = [f"c{index}" for index in range(3)]
    pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers=names))
    found = measure.what_is_taken(ubp.convert(pruned, block_size=4).model)
    assert found.parts == found.taken == 3 and found.nodes == 5
    assert not found.is_whole


@pytest.mark.parametrize(
    ("result", "met"),
    [
        (RESULT, True),
        (replace(RESULT, ubp_rounds_ms=[11.0] * 3), False),
        (replace(RESULT, taken=Taken(26, 25, 1)), False),
        (replace(RESULT, taken=Taken(26, 26, 2)), False),
    ],
)
def test_target_is_speed_in_one_part(result: Result, met: bool) -> None:
    other = replace(RESULT, sparsity=50, ubp_rounds_ms=[30.0] * 3)  # of no account
    line = target(report(RESULT, result, other))
    assert line.startswith("at least 2x XNNPACK at 80%, all nodes in one part: ")
    assert line.endswith(f"{1 + met} of 2 measurements; target: all; {'met' if met else 'missed'}")
    assert target(report(other)).endswith(": not measured")


def test_json_and_back() -> None:
    before = report(RESULT)
    data = json.loads(json.dumps(to_json(before)))
    assert data["results"][0]["speedup"] == pytest.approx({"median": 4.0, "p10": 2.4, "p90": 5.6})
    assert from_json(Report, data) == before
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data | {"more": 1})


def test_table_fits_the_text() -> None:
    console = Console(width=_COMMAND.text_width)
    widest = replace(RESULT, file=CONVERTED, xnnpack_rounds_ms=[500.0] * 3)
    with console.capture() as captured:
        console.print(terminal_table(HEADINGS, [[cells(widest)]]))
    row = captured.get().splitlines()[-2].split()
    assert row[:4] == ["transposed-3x3", "80%", "1", "converted"]
    assert row[-5:] == ["26", "of", "26", "1", "2e-06"]


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "unet", report(RESULT), tmp_path, monkeypatch)
    assert "## U-Nets\n" in text
    assert "| transposed-3x3 | 80% | 1 | ordinary | 20.00 | 5.00 | 4.00x | 2.40 - 5.60 |" in text
    assert "128x128 pixels, 3 levels of\n  32, 64, 128 channels and 256 at the bottom" in text
    assert "  - transposed-3x3: Conv2DTranspose of 3x3, stride 2\n- Pruning:" in text


def test_page_of_a_quick_run_is_refused() -> None:
    with pytest.raises(ValueError, match="32x32 pixels, which are for quick runs only"):
        _COMMAND.section(report(RESULT, size=SMALL.size))


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--ways", "transposed-3x3", "--threads", "1,2"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "unet.json").read_text())
    cases = [(entry["threads"], entry["file"]) for entry in data["results"]]
    assert cases == [(threads, file) for threads in (1, 2) for file in (ORDINARY, CONVERTED)]
    for entry in data["results"]:
        assert 0 < entry["relative_error"] <= TOLERANCE
        assert len(entry["ubp_rounds_ms"]) == len(entry["xnnpack_rounds_ms"]) == data["rounds"] == 2
        assert entry["taken"]["taken"] == entry["taken"]["nodes"]
        assert entry["taken"]["parts"] == 1
        assert f"{entry['speedup']['median']:.2f}x" in printed
    assert "of 4 measurements; target: all;" in printed
    (file,) = (tmp_path / "unet_cache").glob("*.tflite")
    made = file.stat().st_mtime_ns
    assert main([*arguments[:3], "--rounds", "1", "--output", str(tmp_path)]) == 0
    assert file.stat().st_mtime_ns == made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ways", "nearest"], "there is no way up 'nearest'; there are transposed-2x2,"),
        (["--sparsity", "100"], "'100' is not a number from 0 to 99"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
