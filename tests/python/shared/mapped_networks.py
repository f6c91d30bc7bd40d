# SPDX-License-Identifier: Apache-2.0
"""A small network with synthetic times, which tests of mappings share."""

from __future__ import annotations

import keras

from ubp.costs import DEFAULT_COSTS, LayerShape
from ubp.latency import Device, LatencyModel, Line, MeasuredLayer, MeasuredNetwork

DEVICE = Device("a processor", "x86_64", "avx512", 1, "00" * 32, "2026-01-01T00:00:00+00:00")
NAMES = ("one", "two", "three", "hidden")


def small_network() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(16, 3, padding="same", name="stem"),
            layers.Conv2D(32, 1, name="one"),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.Conv2D(48, 3, padding="same", name="two"),
            layers.Conv2D(32, 1, name="three"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, name="hidden"),
            layers.Dense(4, name="last"),
        ],
        name="small",
    )


SHAPES = {
    "one": LayerShape.of_convolution(16, 32, (1, 1), 256.0, 256.0),
    "two": LayerShape.of_convolution(32, 48, (3, 3), 256.0, 256.0),
    "three": LayerShape.of_convolution(48, 32, (1, 1), 256.0, 256.0),
    "hidden": LayerShape.of_convolution(32, 64),
}


def latency_model(cost: dict[int, float] | None = None) -> LatencyModel:
    """Microseconds: a thousandth of a weight each, by N times the cost."""
    cost = cost or {1: 2.9, 2: 1.7, 4: 1.2, 8: 1.19}
    layers = tuple(
        MeasuredLayer(
            name,
            f"small/{name}/w",
            shape,
            shape.weights / 100,
            {n: Line(2.0, factor * n / 100) for n, factor in cost.items()},
        )
        for name, shape in SHAPES.items()
    )
    dense_us = 30.0 + sum(layer.dense_us for layer in layers)
    network = MeasuredNetwork("small", dense_us, 30.0, layers)
    return LatencyModel(DEFAULT_COSTS, 1e-5, DEVICE, (), network)


def latency_of(model: keras.Model) -> LatencyModel:
    """Of that network, whatever its weights are."""
    assert model.name == "small"
    return latency_model()
