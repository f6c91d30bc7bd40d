# SPDX-License-Identifier: Apache-2.0
"""A small network measured in place: what is found of it, whatever the times are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ubp
from ubp.cli import main
from ubp.conversion.find import find_layers
from ubp.costs import LayerShape
from ubp.latency import Line
from ubp.tflite import flatbuffer
from ubp.timing import NetworkTimer, measure_device, measure_network
from ubp.timing.mixtures import converted, find_subject, permuted

keras = pytest.importorskip("keras")


def network() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(16, 3, padding="same", name="stem"),
            layers.Conv2D(24, 1, use_bias=False, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(4, name="last"),
        ],
        name="small",
    )


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return network()


@pytest.fixture(scope="module")
def latency(model: keras.Model) -> ubp.LatencyModel:
    return measure_network(
        model, block_sizes=(2, 4), densities=(0.1, 0.4), held_out=2, rounds=2, progress=False
    )


def test_every_layer_has_lines(latency: ubp.LatencyModel) -> None:
    measured = latency.network
    assert measured is not None and measured.dense_us > 0
    assert [layer.name for layer in measured.layers] == ["first", "second", "hidden"]
    for layer in measured.layers:
        assert set(layer.sparse) == {2, 4} and layer.dense_us > 0
    assert measured.layers[1].shape.lanes == 9 * 24
    assert measured.layers[2].shape.is_one_pixel
    assert [trial.held_out for trial in measured.trials] == [False] * 8 + [True] * 2
    assert latency.device is not None and latency.device.threads == 1
    errors = latency.errors()
    assert errors.network is not None and errors.network.count == 2


def test_conversion_knows_its_layers(model: keras.Model, latency: ubp.LatencyModel) -> None:
    pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.8)))
    report = ubp.convert(pruned, costs=latency, min_speedup=0).report
    assert latency.network is not None
    compared = 0
    for layer in latency.network.layers:
        (row,) = [row for row in report if row.name == layer.tensor]
        assert row.block_size is not None and row.num_blocks is not None
        blocks = row.num_blocks
        if row.block_size in layer.sparse:
            expected = layer.dense_us / layer.sparse[row.block_size].us(blocks)
            assert row.speedup == pytest.approx(expected)
            compared += 1
    assert compared


def test_files_have_the_blocks_that_were_asked_for(model: keras.Model) -> None:
    subject = find_subject(model, None)
    (mixture, *_) = permuted(subject, (1, 4), (0.1, 0.4), np.random.default_rng(0))
    report = ubp.convert(subject.data, min_speedup=0).report
    shapes = {row.name: row.shape for row in report}
    found = {
        layer.name: layer.packed
        for layer in find_layers(flatbuffer.parse(converted(subject, mixture), "a mixture"))
    }
    for layer, setting in zip(subject.layers, mixture, strict=True):
        assert layer.shape == shapes[layer.name]
        packed = found[layer.name]
        assert (packed is None) == (setting is None)
        if packed is not None and setting is not None:
            assert (packed.attributes.block_size, len(packed.lanes)) == setting


def test_a_network_is_timed_with_any_blocks(model: keras.Model) -> None:
    timer = NetworkTimer(model, rounds=2)
    assert timer({"second": (4, 20), "hidden": None}) > 0
    with pytest.raises(ValueError, match="no layer 'third' to measure; it has first, hidden, sec"):
        timer({"third": (4, 20)})


def test_a_mapping_becomes_a_file(
    model: keras.Model, latency: ubp.LatencyModel, tmp_path: Path
) -> None:
    """Each layer with its N and as many blocks, or dense."""
    assert latency.network is not None
    layers = tuple(
        replace(layer, sparse={n: Line(0.1, layer.dense_us * n / weights) for n in (2, 4)})
        for layer in latency.network.layers
        for weights in [layer.shape.weights]
    )
    known = replace(latency, network=replace(latency.network, fixed_us=0.1, layers=layers))
    mapping = ubp.map_schemes(model, known, speedup=3.0)
    assert any(each.block_size for each in mapping.schemes)
    pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.5), layers=mapping.layers))
    rows = {row.name: row for row in ubp.convert(pruned, block_size=mapping.block_sizes).report}
    for each in mapping.schemes:
        row = rows[each.tensor]
        assert row.taken == (each.block_size is not None)
        if row.taken:
            assert (row.block_size, row.num_blocks) == (each.block_size, each.num_blocks)
    pruned.save(tmp_path / "pruned.keras")
    mapping.save(tmp_path / "mapping.json")
    arguments = ["convert", str(tmp_path / "pruned.keras"), "-o", str(tmp_path / "a.tflite")]
    assert main([*arguments, "--mapping", str(tmp_path / "mapping.json")]) == 0
    assert main([*arguments, "--mapping", str(tmp_path / "mapping.json"), "--block-size", "4"]) == 3


def test_the_device_is_measured() -> None:
    found = measure_device(seconds=0.1, shapes=4, progress=False)
    assert found.network is None and found.is_timed and found.device is not None
    assert all(point.us > 0 for point in found.points)
    held_out = [point for point in found.points if point.held_out]
    fitted = {point.shape for point in found.points if not point.held_out}
    assert held_out and not fitted & {point.shape for point in held_out}
    assert {point.block_size for point in held_out} == {None, 1, 2, 4, 8, 16}
    assert {point.shape.is_one_pixel for point in held_out} == {True, False}
    errors = found.errors()
    assert errors.layers is not None and errors.layers.count == len(held_out)
    shape = LayerShape.of_convolution(64, 96, (3, 3), 196.0, 196.0)
    assert found.of_layer(shape) > 0 and found.of_layer(shape, 4, 500) > 0
    for options in ({"seconds": 0}, {"shapes": 2}, {"num_threads": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            measure_device(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block_sizes": (3,)}, "block_sizes holds 3"),
        ({"densities": (0.1,)}, "two different densities"),
        ({"densities": (0.1, 2)}, "densities is 2"),
        ({"rounds": 0}, "rounds is 0"),
        ({"held_out": -1}, "held_out is -1"),
        ({"num_threads": True}, "num_threads is True"),
    ],
)
def test_wrong_arguments_are_said(
    model: keras.Model, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measure_network(model, **options)  # type: ignore[arg-type]


def test_a_network_without_layers_to_measure_is_said() -> None:
    nothing = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)], name="nothing")
    with pytest.raises(ValueError, match="no layer to measure"):
        measure_network(nothing)


def test_the_command(
    model: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(tmp_path / "small.keras")
    output = tmp_path / "latency.json"
    arguments = ["profile", str(tmp_path / "small.keras"), "-o", str(output)]
    assert main([*arguments, "--block-sizes", "4", "--rounds", "1", "--held-out", "1"]) == 0
    printed = capsys.readouterr().out
    assert "second" in printed and "held-out" in printed
    assert ubp.LatencyModel.load(output).of_layer("second", 4, 100) > 0
    assert main(arguments) == 3
    assert "exists already" in capsys.readouterr().err
    assert main([*arguments, "--force", "--rounds", "0"]) == 3
    assert "rounds is 0" in capsys.readouterr().err
    command = ["map", str(tmp_path / "small.keras"), "--latency", str(output), "--measure"]
    mapping = tmp_path / "mapping.json"
    assert main([*command, "--budget-ms", "50", "-o", str(mapping)]) == 0
    assert "measured" in capsys.readouterr().out
    measured_us = ubp.SchemeMapping.load(mapping).measured_us
    assert measured_us is not None and 0 < measured_us <= 50e3
    assert main(["profile", "-o", str(tmp_path / "host.json"), "--rounds", "3"]) == 3
    assert "--rounds is for a network measured in place" in capsys.readouterr().err
