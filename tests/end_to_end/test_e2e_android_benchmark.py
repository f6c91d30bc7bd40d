# SPDX-License-Identifier: Apache-2.0
"""ubp android-benchmark, with this machine as the device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from phone import BENCHMARK_MODEL

import ubp
from ubp.cli import main


@pytest.fixture(scope="module")
def models(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The converted and the dense file."""
    inputs = keras.Input((8, 8, 64), batch_size=1)
    model = keras.Model(inputs, keras.layers.Conv2D(128, 3)(inputs))
    rng = np.random.default_rng(0)
    model.layers[1].kernel.assign(rng.normal(size=(3, 3, 64, 128)) * (rng.random(128) < 0.2))
    result = ubp.convert(model)
    folder = tmp_path_factory.mktemp("models")
    paths = folder / "sparse.tflite", folder / "dense.tflite"
    result.save(paths[0])
    paths[1].write_bytes(result.dense)
    return paths


def command(model: Path, *more: object, delegate: object = None) -> list[str]:
    library = ubp.delegate_path() if delegate is None else delegate
    parts = [
        model,
        "--delegate",
        library,
        "--benchmark-model",
        BENCHMARK_MODEL,
        "--rounds",
        1,
        *more,
    ]
    return ["android-benchmark", *map(str, parts)]


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("ubp: error: ")]
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    return lines[0]


@pytest.mark.usefixtures("wide_terminal")
def test_both_models_by_turns(
    models: tuple[Path, Path], device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "times.json"
    more = ["--against", models[1], "--threads", "1,2", "--json", output]
    assert main(command(models[0], *more)) == 0
    printed = capsys.readouterr().out
    assert "median ms" in printed
    assert "sparse.tflite (UBP)" in printed
    rows = json.loads(output.read_text())["data"]["timings"]
    names = [f"{models[0]} (UBP)", f"{models[1]} (XNNPACK)"]
    assert [(row["model"], row["threads"]) for row in rows] == [
        (name, threads) for threads in (1, 2) for name in names
    ]
    assert all(0 < row["p10_ms"] <= row["median_ms"] <= row["p90_ms"] for row in rows)
    assert [row["speedup"] for row in rows if row["model"] == names[1]] == [1, 1]
    assert not list((device / "data/local/tmp").iterdir())  # nothing is left behind


def test_both_backends_by_turns(
    models: tuple[Path, Path], device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCL_CACHE_DIR", str(tmp_path / "pocl"))  # the device's GPU
    output = tmp_path / "times.json"
    more = ["--against", models[1], "--backend", "cpu,gpu", "--json", output]
    assert main(command(models[0], *more)) == 0
    rows = json.loads(output.read_text())["data"]["timings"]
    assert [row["model"] for row in rows] == [
        f"{models[0]} (UBP on cpu)",
        f"{models[0]} (UBP on gpu)",
        f"{models[1]} (XNNPACK)",
    ]
    assert not list((device / "data/local/tmp").iterdir())


def test_a_device_without_a_gpu(
    models: tuple[Path, Path],
    device: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("UBP_OPENCL_LIBRARY", "/no/such/library")
    for model in models:  # the converted one does not run at all
        assert main(command(model, "--backend", "gpu")) == 3
        text = error_of(capsys)
        assert "benchmark_model ran without the delegate" in text
        assert "with backend:gpu with precision:fp32" in text


def test_backends_that_there_are_not(
    models: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("npu", "cpu,cpu", ""):
        with pytest.raises(SystemExit):
            main(command(models[0], "--backend", wrong))
        assert "is no list of backends such as cpu,gpu" in capsys.readouterr().err


def test_the_tool_may_lie_on_the_device(models: tuple[Path, Path], device: Path) -> None:
    folder = device / "data/local/tmp"
    folder.mkdir(parents=True)
    (folder / "benchmark_model").symlink_to(BENCHMARK_MODEL)
    more = ["--benchmark-model", "/data/local/tmp/benchmark_model", "--serial", "phone"]
    assert main(command(models[0], *more)) == 0
    assert [path.name for path in folder.iterdir()] == ["benchmark_model"]


def test_no_adb(
    models: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(command(models[0])) == 3
    assert "there is no adb on the PATH; install" in error_of(capsys)


@pytest.mark.parametrize(
    ("connected", "more", "message"),
    [
        ("", [], "no devices/emulators found"),
        ("one,two", [], "more than one device/emulator"),
        ("one,two", ["--serial", "three"], "device 'three' not found"),
    ],
)
def test_no_device(
    models: tuple[Path, Path],
    device: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    connected: str,
    more: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("STAND_IN_DEVICES", connected)
    assert main(command(models[0], *more)) == 3
    text = error_of(capsys)
    assert message in text
    assert "connect one" in text


def test_a_library_for_another_processor(
    models: tuple[Path, Path], device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = bytearray(Path(ubp.delegate_path()).read_bytes()[:64])
    header[18:20] = (40).to_bytes(2, "little")  # Arm
    header[4] = 1  # 32 bits
    library = tmp_path / "libubp_delegate.so"
    library.write_bytes(header)
    assert main(command(models[0], delegate=library)) == 3
    assert "is built for armeabi-v7a, but the device runs" in error_of(capsys)
    library.write_text("text")
    assert main(command(models[0], delegate=library)) == 3
    assert "is no shared library" in error_of(capsys)


def test_missing_files(
    models: tuple[Path, Path], device: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(Path("nowhere.tflite"))) == 3
    assert "nowhere.tflite: no such file." in error_of(capsys)
    assert main(command(models[0], "--benchmark-model", "/data/nowhere")) == 3
    assert "/data/nowhere: no such file, neither here nor on the device" in error_of(capsys)


def test_a_delegate_that_does_not_load(
    models: tuple[Path, Path], device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "libubp_delegate.so"
    library.write_bytes(Path(ubp.delegate_path()).read_bytes()[:64])
    # A converted model cannot run without it; a dense one would run in XNNPACK unnoticed.
    assert main(command(models[0], delegate=library)) == 3
    assert "benchmark_model failed on the device with status 1" in error_of(capsys)
    assert main(command(models[1], delegate=library)) == 3
    assert "benchmark_model ran without the delegate" in error_of(capsys)


def test_a_tool_that_writes_no_result(
    models: tuple[Path, Path],
    device: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STAND_IN_OLD", "1")
    assert main(command(models[0])) == 3
    assert "must know --result_file_path" in error_of(capsys)


def test_a_model_that_the_delegate_leaves_alone(
    keras: Any, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = keras.Input((8, 8, 4), batch_size=1)
    path = tmp_path / "dense.tflite"
    path.write_bytes(ubp.convert(keras.Model(inputs, keras.layers.Conv2D(8, 3)(inputs))).dense)
    assert main(command(path)) == 3
    assert "took none of the 1 nodes" in error_of(capsys)
