# SPDX-License-Identifier: Apache-2.0
"""Mappings by what layers' errors cost at the outputs, measured on inputs without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from mapped_networks import NAMES, latency_model, small_network

import ubp
from ubp.cli import main
from ubp.mapping.kept import by_reconstruction
from ubp.mapping.kernels import mapped_model

Floats = npt.NDArray[np.float32]


def pictures(count: int, seed: int) -> Floats:
    """Smooth ones, so that channels say much of one another."""
    rng = np.random.default_rng(seed)
    small = rng.normal(size=(count, 4, 4, 3))
    return small.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)


def network(seed: int) -> keras.Model:
    """The small network with weights of a seed, activations, and layers of different weight."""
    model = small_network()
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights(
                [
                    rng.normal(size=kernel.shape) / np.sqrt(kernel[..., 0].size),
                    rng.normal(size=bias.shape) / 10,
                ]
            )
        if layer.name in NAMES:
            layer.activation = keras.activations.relu
    return model


def error_of(model: keras.Model, mapping: ubp.SchemeMapping, data: Floats, held: Floats) -> float:
    """The relative error of the outputs on inputs that nothing was fitted to."""
    rebuilt = ubp.prune_without_training(model, data, layers=mapping.layers, progress=False).model
    wanted, found = (np.asarray(each(held, training=False)) for each in (model, rebuilt))
    return float(np.sum((found - wanted) ** 2) / np.sum((wanted - wanted.mean(axis=0)) ** 2))


@pytest.mark.slow
def test_outputs_lose_less_than_by_magnitude_in_the_same_time() -> None:
    ratios = []
    for seed in range(6):
        model, data, held = network(seed), pictures(128, seed), pictures(128, seed + 100)
        errors = []
        given: dict[str, Any] = {"importance": "reconstruction", "data": data}
        for options in ({}, given):
            found = ubp.map_schemes(model, latency_model(), speedup=3.0, **options)
            assert 0.97 * found.budget_us <= found.us <= found.budget_us
            errors.append(error_of(model, found, data, held))
        ratios.append(errors[1] / errors[0])
    assert np.exp(np.mean(np.log(ratios))) < 0.97


def test_what_is_kept_falls_with_the_blocks_and_starts_at_all() -> None:
    model = network(0)
    mapped = mapped_model(model, latency_model(), None, (1, 4))
    found = by_reconstruction(model, mapped.kernels, pictures(64, 0), 0, False)
    assert len(found) == len(NAMES) and all(list(each) == [1, 4] for each in found)
    for kernel, kept in zip(mapped.kernels, found, strict=True):
        for n, shares in kept.items():
            lanes, channels = kernel.weights.shape
            most = lanes * channels // n
            share = shares.share(np.linspace(1, most, 50).astype(np.int64))
            assert np.all(np.diff(share) >= 0) and 0 < share[0] < share[-1] <= 1
            assert share[-1] == pytest.approx(1.0, abs=1e-3)
        same = np.array([kernel.weights.size // 10])
        assert kept[1].share(same) >= kept[4].share(same // 4)  # single weights lose no more


def test_a_branch_without_an_effect_is_pruned_first() -> None:
    """Magnitude knows layers by themselves, and starves none."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    stem = layers.Conv2D(64, 3, padding="same", activation="relu", name="stem")(inputs)
    main = layers.Conv2D(64, 3, padding="same", name="main")(stem)
    branch = layers.Conv2D(64, 3, padding="same", activation="relu", name="branch")(stem)
    faint = layers.Conv2D(64, 1, name="faint")(branch)
    pooled = layers.GlobalAveragePooling2D()(layers.Add()([main, faint]))
    model = keras.Model(inputs, layers.Dense(4)(pooled))
    kernel, bias = model.get_layer("faint").get_weights()
    model.get_layer("faint").set_weights([kernel * 1e-4, bias])
    given: dict[str, Any] = {"speedup": 1.5, "block_sizes": (4,)}
    plain = ubp.map_schemes(model, **given)
    found = ubp.map_schemes(model, importance="reconstruction", data=pictures(64, 0), **given)
    before, after = ({each.name: each.density for each in one.schemes} for one in (plain, found))
    assert before["main"] < 0.9
    assert after["main"] == 1.0 and after["branch"] < 0.3


def twice_as_fast() -> ubp.SchemeMapping:
    return ubp.map_schemes(
        network(0),
        latency_model(),
        speedup=2.0,
        importance="reconstruction",
        block_sizes=(2, 4),
        data=pictures(64, 0),
    )


@pytest.fixture(scope="module")
def mapping() -> ubp.SchemeMapping:
    return twice_as_fast()


def test_one_seed_gives_one_mapping(mapping: ubp.SchemeMapping) -> None:
    assert mapping == twice_as_fast()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"importance": "reconstruction"}, "measures errors on inputs; give some hundred as data"),
        ({"data": np.ones(3)}, "data is for importance='reconstruction', and for method='search'"),
        (
            {"data": np.ones(3), "method": "search", "evaluate": abs},
            "data is for importance='reconstruction', and for method='search' without evaluate",
        ),
        ({"method": "search"}, "scores mappings by data or by evaluate; give either"),
    ],
)
def test_data_is_asked_for_where_it_is_used(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ubp.map_schemes(network(0), latency_model(), speedup=2.0, **options)


def test_the_command_takes_data(
    mapping: ubp.SchemeMapping, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network(0).save(tmp_path / "small.keras")
    latency_model().save(tmp_path / "latency.json")
    np.save(tmp_path / "data.npy", pictures(64, 0))
    arguments = ["map", str(tmp_path / "small.keras"), "-o", str(tmp_path / "mapping.json")]
    arguments += ["--latency", str(tmp_path / "latency.json"), "--speedup", "2"]
    arguments += ["--block-sizes", "2", "4"]
    assert main([*arguments, "--data", str(tmp_path / "data.npy")]) == 3
    assert "--data is for --importance reconstruction" in capsys.readouterr().err
    arguments += ["--importance", "reconstruction"]
    assert main(arguments) == 3
    assert "give some hundred by --data" in capsys.readouterr().err
    assert main([*arguments, "--data", str(tmp_path / "data.npy")]) == 0
    assert ubp.SchemeMapping.load(tmp_path / "mapping.json").settings == mapping.settings
