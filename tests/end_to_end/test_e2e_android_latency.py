# SPDX-License-Identifier: Apache-2.0
"""ubp profile and ubp map --measure with this machine as an Android device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from phone import BENCHMARK_MODEL

import ubp
from ubp.cli import main
from ubp.timing import measure_device
from ubp.timing.android import AndroidPlace, Device

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three layers that can be pruned, large enough for each to have a time of its own."""
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((34, 34, 3), batch_size=1),
            layers.Conv2D(64, 3, name="stem"),
            layers.Conv2D(64, 1, name="first"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(512, name="hidden"),
            layers.Dense(4, name="last"),
        ]
    )
    path = tmp_path_factory.mktemp("model") / "small.keras"
    network.save(path)
    return path


def on_the_device() -> Sequence[str]:
    return ["--adb", "--delegate", ubp.delegate_path(), "--benchmark-model", str(BENCHMARK_MODEL)]


def test_a_network_is_measured_and_mapped_on_the_device(
    model: Path, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, mapping = tmp_path / "phone.json", tmp_path / "mapping.json"
    few = ["--block-sizes", "4", "--densities", "0.1", "0.4", "--held-out", "1", "--rounds", "1"]
    assert main(["profile", str(model), "-o", str(output), *few, *on_the_device()]) == 0
    latency = ubp.LatencyModel.load(output)
    assert latency.device is not None and latency.network is not None
    assert latency.device.name == "Stand-In 1"
    assert latency.device.instruction_set in ("avx2", "avx512", "neon", "portable")
    assert [layer.name for layer in latency.network.layers] == ["first", "second", "hidden"]
    assert all(layer.dense_us > 0 for layer in latency.network.layers)
    assert all(line.us(10) > 0 for each in latency.network.layers for line in each.sparse.values())
    capsys.readouterr()
    arguments = ["map", str(model), "--latency", str(output), "--budget-ms", "50", "--measure"]
    assert main([*arguments, "-o", str(mapping), *on_the_device()]) == 0
    assert "measured" in capsys.readouterr().out
    assert not list((device / "data/local/tmp").iterdir())  # nothing is left behind


def test_layers_are_measured_on_the_device(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ubp.timing.grid.BLOCK_SIZES", (2, 4))
    monkeypatch.setattr("ubp.timing.grid._LEAST_ROUNDS", 1)
    place = AndroidPlace(Device(), Path(ubp.delegate_path()), str(BENCHMARK_MODEL))
    latency = measure_device(shapes=3, seconds=0.1, place=place, progress=False)
    assert latency.device is not None and latency.device.name == "Stand-In 1"
    assert {point.block_size for point in latency.points} == {None, 2, 4}
    assert all(point.us > 0 for point in latency.points)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--delegate", "a.so"], "--delegate is for a device; add --adb"),
        (["--adb"], "--adb needs --delegate"),
        (["--adb", "--delegate", "a.so"], "--adb needs --benchmark-model"),
        (["--adb", "other", "--delegate", "a.so", "--benchmark-model", "b"], "'other' not found"),
        (["--adb", "--delegate", "a.so", "--benchmark-model", "b"], "a.so: no such file."),
    ],
)
def test_what_is_missing_is_said(
    options: list[str],
    message: str,
    model: Path,
    device: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["profile", str(model), "-o", str(tmp_path / "phone.json"), *options]) == 3
    assert message in capsys.readouterr().err


def test_a_device_is_for_measuring(
    model: Path, device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["map", str(model), "--speedup", "2", "-o", str(tmp_path / "mapping.json")]
    assert main([*arguments, *on_the_device()]) == 3
    assert "add --measure" in capsys.readouterr().err


def test_open_sizes_are_refused(
    device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 1)(
        keras.layers.Conv2D(8, 1, name="middle")(keras.layers.Conv2D(8, 1)(inputs))
    )
    path = tmp_path / "open.keras"
    keras.Model(inputs, x).save(path)
    arguments = ["profile", str(path), "-o", str(tmp_path / "phone.json"), *on_the_device()]
    assert main(arguments) == 3
    assert "leaves the sizes of its inputs open" in capsys.readouterr().err
