# SPDX-License-Identifier: Apache-2.0
"""LatencyModel: its file, its predictions, and who plans with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single_models import one_conv, sparse_weights

import ubp
from ubp.costs import DEFAULT_COSTS, LayerShape
from ubp.latency import Device, LatencyModel, Line, MeasuredLayer, MeasuredNetwork, Point, Trial
from ubp.latency.record import read_costs, to_json

SHAPE = LayerShape.of_convolution(64, 128, (1, 1), 196.0, 196.0)
OTHER = LayerShape.of_convolution(64, 64, (3, 3), 196.0, 196.0)
DEVICE = Device("a processor", "x86_64", "avx512", 1, "00" * 32, "2026-01-01T00:00:00+00:00")


def measured_network(dense_us: float = 100.0) -> MeasuredNetwork:
    layers = (
        MeasuredLayer("conv_1", "net/conv_1/w", SHAPE, dense_us, {4: Line(4.0, 0.02)}),
        MeasuredLayer("conv_2", "net/conv_2/w", OTHER, 300.0, {1: Line(9.0, 0.01)}),
    )
    trials = (
        Trial({"conv_1": (4, 500), "conv_2": None}, 364.0, False),
        Trial({"conv_1": (4, 1000), "conv_2": (1, 1000)}, 100.0, True),
        Trial({"conv_1": (4, 100), "conv_2": (1, 4000)}, 100.0, True),
        Trial({"conv_1": None, "conv_2": (1, 400)}, 170.0, True),
    )
    return MeasuredNetwork("net", 420.0, 50.0, layers, trials)


def latency_model() -> LatencyModel:
    points = (
        Point(SHAPE, None, 0, 30.0),
        Point(SHAPE, 4, 300, 12.0),
        Point(SHAPE, 4, 600, 20.0, held_out=True),
    )
    return LatencyModel(DEFAULT_COSTS, 2e-5, DEVICE, points, measured_network())


def test_it_survives_a_file(tmp_path: Path) -> None:
    model, path = latency_model(), tmp_path / "latency.json"
    model.save(path)
    assert LatencyModel.load(path) == model and read_costs(path) == model
    with pytest.raises(FileExistsError):
        model.save(path)
    assert json.loads(path.read_text())["version"] == 1


def test_files_of_calibrate_are_read(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text(DEFAULT_COSTS.to_json())
    found = LatencyModel.load(path)
    assert found == LatencyModel(DEFAULT_COSTS) and not found.is_timed
    assert read_costs(path) == DEFAULT_COSTS
    assert found.of_layer(SHAPE) == DEFAULT_COSTS.dense(SHAPE)
    assert found.of_layer(SHAPE, 4, 99) == DEFAULT_COSTS.sparse(SHAPE, 4, 99)


def changed(**values: Any) -> str:
    return json.dumps(json.loads(to_json(latency_model())) | values)


def network_with(**values: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(latency_model()))["network"]
    return found | values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON file"),
        ("[]", "not a file of costs"),
        (changed(format="x"), "its format is 'x', expected 'ubp latency model'"),
        (changed(version=2), "a latency model of version 2, expected 1"),
        (changed(costs={}), "not a file of costs"),
        (changed(points=3), "3 is no list"),
        (changed(points=[{}]), "'shape' is missing"),
        (changed(multiply_add_us=-1), "'multiply_add_us' is -1, expected a number"),
        (changed(multiply_add_us=True), "'multiply_add_us' is True"),
        (changed(device={}), "'threads' is missing"),
        (changed(network=[]), "not a whole latency model"),
        (changed(network=network_with(dense_us=0)), "'dense_us' is 0"),
        (changed(network=network_with(model=3)), "'model' is 3, expected text"),
        (changed(network=network_with(layers=[3])), "not a whole latency model"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "latency.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        LatencyModel.load(path)
    assert str(caught.value).endswith(".") and str(path) in str(caught.value)


def test_layers_of_the_network_have_their_own_times() -> None:
    model = latency_model()
    assert model.of_layer("conv_1") == 100.0 and model.of_layer("net/conv_1/w") == 100.0
    assert model.of_layer("conv_1", 4, 500) == pytest.approx(14.0)
    with pytest.raises(ValueError, match="'conv_9' is not in the latency model"):
        model.of_layer("conv_9")
    with pytest.raises(ValueError, match="measured with blocks of 4, not of 2"):
        model.of_layer("conv_1", 2, 500)


def test_a_network_is_the_sum_of_its_layers_and_the_rest() -> None:
    model = latency_model()
    assert model.of_model({"conv_1": (4, 500)}) == pytest.approx(50 + 14 + 300)
    assert model.of_model({"conv_1": None}) == model.of_model({}) == 420.0
    with pytest.raises(ValueError, match="has no layer 'conv_3'"):
        model.of_model({"conv_3": None})
    with pytest.raises(ValueError, match="has no network"):
        replace(model, network=None).of_model({})


def test_errors_are_those_of_held_out_points() -> None:
    errors = latency_model().errors()
    assert errors.network is not None and errors.network.count == 3
    assert errors.network.median == pytest.approx(0.05)  # 93, 105 and 163 of 100, 100, 170
    assert errors.layers is not None and errors.layers.count == 1
    assert str(errors).count("held-out points") == 2
    assert LatencyModel(DEFAULT_COSTS).errors().layers is None


def test_the_plot_has_every_held_out_point() -> None:
    pytest.importorskip("matplotlib")
    axes = latency_model().plot()
    assert sum(len(line.get_xdata()) for line in axes.lines[:2]) == 4
    with pytest.raises(ValueError, match="no held-out points"):
        LatencyModel(DEFAULT_COSTS).plot()
    with pytest.raises(ValueError, match="axes is 3"):
        latency_model().plot(3)


def named_network(data: bytes, dense_us: float) -> LatencyModel:
    """In place, of the one layer of a file."""
    (layer,) = ubp.convert(data, min_speedup=0).report
    shape = LayerShape.of_convolution(64, 128, (1, 1), 196.0, 196.0)
    lines = {n: Line(1.0, 0.001 * n) for n in (1, 2, 4, 8)}
    measured = MeasuredLayer("layer", layer.name, shape, dense_us, lines)
    network = MeasuredNetwork("net", dense_us + 1, 1.0, (measured,))
    return LatencyModel(DEFAULT_COSTS, 2e-5, DEVICE, (), network)


def test_conversion_decides_by_times_in_place(rng: np.random.Generator) -> None:
    data = one_conv(sparse_weights(rng, (128, 1, 1, 64)))
    (taken,) = ubp.convert(data, costs=named_network(data, 50.0)).report
    (left,) = ubp.convert(data, costs=named_network(data, 0.5)).report
    assert taken.taken and not left.taken
    assert taken.block_size is not None and taken.num_blocks is not None
    times = 1.0 + 0.001 * taken.block_size * taken.num_blocks
    assert taken.speedup == pytest.approx(50.0 / times)


def test_the_whole_network_decides(rng: np.random.Generator) -> None:
    data = one_conv(sparse_weights(rng, (128, 1, 1, 64)))
    latency = named_network(data, 50.0)
    result = ubp.convert(data, costs=latency)
    assert result.times is not None and latency.network is not None
    (row,) = result.report
    assert row.block_size is not None and row.num_blocks is not None
    sparse_us = 2.0 + 0.001 * row.block_size * row.num_blocks
    assert result.times.us == pytest.approx(sparse_us) and result.times.dense_us == 51.0
    assert [each.taken for each in result.times.thresholds] == [1] * 5
    assert result.times.thresholds[0].us == pytest.approx(sparse_us)
    slow = replace(latency, network=replace(latency.network, fixed_us=60.0))
    left = ubp.convert(data, costs=slow)
    assert not left.report[0].taken and "takes 0.051 ms dense" in left.report[0].reason
    assert left.model == left.dense
    assert ubp.convert(data, costs=slow, min_speedup=0).report[0].taken
    assert ubp.convert(data, costs=slow, block_size={row.name: 4}).report[0].taken
    assert ubp.convert(data).times is None


def test_a_layer_of_another_shape_has_not_the_times_of_that_name() -> None:
    model = latency_model()
    assert model.dense(SHAPE, "conv_1") == 100.0
    assert model.dense(OTHER, "conv_1") == model.dense(OTHER) != 100.0


def test_conversion_takes_a_block_size_for_each_layer(rng: np.random.Generator) -> None:
    data = one_conv(sparse_weights(rng, (128, 1, 1, 64)))
    (auto,) = ubp.convert(data).report
    (named,) = ubp.convert(data, block_size={auto.name: 2}, min_speedup=1e9).report
    (left,) = ubp.convert(data, block_size={auto.name: None}, min_speedup=0).report
    assert auto.block_size == 4
    assert named.taken and named.block_size == 2
    assert not left.taken and left.reason == "it was named to stay dense"
    with pytest.raises(ValueError, match="no weights tensor of the model"):
        ubp.convert(data, block_size={"nothing": 2})
    with pytest.raises(ValueError, match="block_size is 3, expected"):
        ubp.convert(data, block_size={auto.name: 3})


def test_a_latency_budget_counts_with_it() -> None:
    keras = pytest.importorskip("keras")
    layers = [keras.layers.Conv2D(16, 1, name=f"conv_{index}") for index in range(4)]
    model = keras.Sequential([keras.Input((8, 8, 16)), *layers])
    dear = LayerShape.of_convolution(16, 16, (1, 1), 64.0, 64.0)
    measured = tuple(
        MeasuredLayer(name, name, dear, 9.0, {4: Line(0.0, us)})
        for name, us in (("conv_1", 0.01), ("conv_2", 1.0))
    )
    latency = LatencyModel(
        DEFAULT_COSTS, 1e-5, DEVICE, (), MeasuredNetwork("net", 99.0, 1.0, measured)
    )
    scope = ubp.LatencyBudget(costs=latency)
    assert ubp.LatencyBudget.from_config(json.loads(json.dumps(scope.get_config()))) == scope
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.8), scope=scope)
    zeros = {
        layer.name: float(np.mean(np.asarray(layer.kernel) == 0))
        for layer in ubp.strip(pruned).layers
    }
    assert zeros["conv_2"] > zeros["conv_1"]
