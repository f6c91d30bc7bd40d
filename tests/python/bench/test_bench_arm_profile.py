# SPDX-License-Identifier: Apache-2.0
"""Profiles from models of processors: the times of layers, and what is mapped by them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import keras
import pytest
from arm_tiles import PROCESSORS, report

import ubp
from bench.arm import __main__ as command
from bench.arm.__main__ import main
from bench.arm.profile import CORES, LayerCycles, profile_of
from bench.arm.report import TileResult
from ubp.costs import LayerShape
from ubp.latency import LatencyModel


def tile(n: int, pixels: int, cycles: float, channel: float) -> TileResult:
    return TileResult("neon", n, pixels, {"a": cycles}, {"a": 4.0}, {"a": channel})


TILES = [tile(1, 1, 2.0, 5.0), tile(2, 1, 3.0, 6.0)] + [
    tile(n, 4 * vectors, 10.0 * n + vectors, 100.0 * n + vectors)
    for n in (1, 2)
    for vectors in (1, 2, 3)
]


@pytest.mark.parametrize(
    ("pixels", "n", "blocks", "cycles"),
    [
        (12, 1, 7, 8 * 103 + 7 * 13),
        (9, 2, 7, 9 * 203 + 7 * 23),  # three vectors, the last of one pixel
        (16, 2, 7, 2 * (9 * 202 + 7 * 22)),  # two tiles of two vectors, not of three and one
        (49, 2, 5, 2 * (9 * 202 + 5 * 22) + 3 * (9 * 203 + 5 * 23)),  # 13 vectors
        (12, 4, 5, 9 * 203 + 10 * 23),  # there are no kernels of N = 4: twice as many of 2
        (1, 2, 7, 9 * 6 + 7 * 3),
    ],
)
def test_cycles_of_layers(pixels: int, n: int, blocks: int, cycles: float) -> None:
    shape = LayerShape.of_convolution(16, 8, (1, 1), float(pixels), float(pixels))
    times = LayerCycles(TILES, "neon", "a")
    assert times.sparse(shape, n, blocks) == pytest.approx(cycles)
    assert times.dense(shape) == pytest.approx(16 * 8 * pixels / (2 * 12 / 4.0))


def test_a_report_without_its_kernels_is_refused() -> None:
    with pytest.raises(ValueError, match="no kernels 'neon_in_order' in the report"):
        LayerCycles(TILES, "neon_in_order", "a")


@pytest.fixture(scope="module")
def profiles() -> dict[str, LatencyModel]:
    return {processor: profile_of(report(), processor) for processor in PROCESSORS}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_predictions_are_those_of_the_cycles(
    profiles: dict[str, LatencyModel], processor: str
) -> None:
    latency, core = profiles[processor], CORES[processor]
    errors = latency.errors().layers
    assert errors is not None and errors.count > 100
    assert errors.median <= 0.03 and errors.p90 <= 0.1
    cycles = LayerCycles(report().tiles, core.family, processor)
    shape = LayerShape.of_convolution(160, 160, (3, 3), 400.0, 400.0)  # none of the grid's
    for n in (1, 2, 4, 8):
        blocks = round(0.1 * shape.weights / n)
        us = cycles.sparse(shape, n, blocks) / core.ghz / 1e3
        assert latency.of_layer(shape, n, blocks) == pytest.approx(us, rel=0.1)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_profile_says_that_nothing_was_measured(
    profiles: dict[str, LatencyModel], processor: str, tmp_path: Path
) -> None:
    profiles[processor].save(tmp_path / "profile.json")
    device = LatencyModel.load(tmp_path / "profile.json").device
    assert device is not None and device.instruction_set == PROCESSORS[processor]
    assert device.name.startswith(f"{processor}, computed by llvm-mca of LLVM version 19.1.7 at ")
    assert device.name.endswith(f"{CORES[processor].ghz:g} GHz, not measured")


def test_the_command_writes_profiles(
    profiles: dict[str, LatencyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "analyse", lambda library, date: report())
    monkeypatch.setattr("bench.arm.report.PROCESSORS", ())  # its table has four
    monkeypatch.setattr("bench.arm.report._TARGETS", {})
    monkeypatch.setattr("bench.arm.profile.CORES", {each: CORES[each] for each in PROCESSORS})
    folder = tmp_path / "profiles"
    assert main(["--output", str(tmp_path), "--profiles", str(folder)]) == 0
    assert sorted(path.stem for path in folder.iterdir()) == sorted(PROCESSORS)
    shape = LayerShape.of_convolution(64, 64, (3, 3), 196.0, 196.0)
    for name, latency in profiles.items():
        found = LatencyModel.load(folder / f"{name}.json").of_layer(shape, 2, 900)
        assert found == pytest.approx(latency.of_layer(shape, 2, 900), rel=1e-3)


def network() -> keras.Model:
    """Convolutions with random weights, of several shapes."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((56, 56, 3)),
            layers.Conv2D(32, 3, padding="same"),
            layers.Conv2D(64, 1),
            layers.Conv2D(64, 3, padding="same"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 1),
            layers.Conv2D(128, 3, padding="same"),
            layers.MaxPooling2D(),
            layers.Conv2D(256, 1),
            layers.Conv2D(64, 3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )


def test_the_block_size_follows_the_processor(profiles: dict[str, LatencyModel]) -> None:
    model = network()
    sizes = {}
    for processor, latency in profiles.items():
        mapping = ubp.map_schemes(model, latency, speedup=4)
        assert mapping.is_timed and mapping.us <= mapping.budget_us
        sparse = [each.block_size for each in mapping.schemes if each.block_size is not None]
        assert len(sparse) >= 3
        sizes[processor] = Counter(sparse).most_common(1)[0][0]
    assert sizes == {"neoverse-n1": 2, "cortex-a55": 4}
