# SPDX-License-Identifier: Apache-2.0
"""Whole int8 networks with zeros in blocks: equal to the default interpreter, bit by bit."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from emulated_aarch64 import only_on_x86_64, run_on_aarch64

import ubp

SIZE = 64
# Of the inputs: as in the file, another height, and as in the file again.
SHAPES = ((1, SIZE, SIZE, 3), (1, 96, SIZE, 3), (1, SIZE, SIZE, 3))
THREADS = (1, 2, 3)
slow = pytest.mark.slow


def application(name: str, **arguments: Any) -> Callable[[], Any]:
    def build() -> Any:
        from keras import applications

        shape = (SIZE, SIZE, 3)
        function = getattr(applications, name)
        return function(
            input_shape=shape, weights=None, classifier_activation=None, classes=60, **arguments
        )

    build.__name__ = name
    return build


def decoder(name: str, enlarge: Callable[[Any, int], Any]) -> Callable[[], Any]:
    def build() -> Any:
        return unet(enlarge)

    build.__name__ = name
    return build


def nearest(x: Any, width: int) -> Any:
    from keras import layers

    return layers.UpSampling2D()(x)


def bilinear(x: Any, width: int) -> Any:
    from keras import layers

    return layers.UpSampling2D(interpolation="bilinear")(x)


def transposed(x: Any, width: int) -> Any:
    from keras import layers

    return layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)


def unet(enlarge: Callable[[Any, int], Any]) -> Any:
    """Its file has the sizes that tensors are resized to: no other input fits."""
    from keras import Input, Model, layers

    def block(x: Any, width: int) -> Any:
        x = layers.Conv2D(width, 3, padding="same")(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    inputs = x = Input(SHAPES[0][1:])
    skipped = []
    for width in (16, 32):
        skipped.append(block(x, width))
        x = layers.MaxPooling2D()(skipped[-1])
    x = block(x, 64)
    for skip in reversed(skipped):
        x = layers.Concatenate()([enlarge(x, skip.shape[-1]), skip])
        x = block(x, skip.shape[-1])
    return Model(inputs, layers.Conv2D(8, 1)(x))


def keep_blocks(model: Any) -> None:
    """80% zeros in kernels of groups of 4 inputs; the rest in blocks of 2 outputs x 4 inputs."""
    from keras import layers

    rng = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(size=layer.beta.shape) * 0.3)
            continue
        if type(layer) not in (layers.Conv2D, layers.Dense) or layer.kernel.shape[-2] % 4:
            continue
        kernel = layer.kernel.numpy()
        matrix = kernel.reshape(-1, kernel.shape[-1])
        kept = ubp.select_blocks(matrix**2, 2, sparsity=0.8, block_lanes=4).mask()
        layer.kernel.assign((matrix * kept * 5**0.5).reshape(kernel.shape))


@dataclass(frozen=True)
class Network:
    """An int8 file, and the shapes that its input is given one after the other."""

    data: bytes
    shapes: tuple[tuple[int, ...], ...]


@pytest.fixture(
    scope="module",
    params=[
        application("MobileNet", alpha=0.25),
        pytest.param(application("MobileNetV2", alpha=0.35), marks=slow),
        pytest.param(application("MobileNetV3Small"), marks=slow),
        pytest.param(application("ResNet50"), marks=slow),
        pytest.param(application("EfficientNetB0"), marks=slow),
        pytest.param(decoder("unet", nearest), marks=slow),
        pytest.param(decoder("unet_bilinear", bilinear), marks=slow),
        decoder("unet_transposed", transposed),
    ],
    ids=lambda build: build.__name__,
)
def network(request: pytest.FixtureRequest) -> Network:
    from keras import utils

    utils.set_random_seed(2)  # so EfficientNetB0 has products that Arm rounds otherwise
    model = request.param()
    keep_blocks(model)
    pictures = np.random.default_rng(0).normal(size=(8, SIZE, SIZE, 3)).astype(np.float32)
    with contextlib.redirect_stdout(io.StringIO()):
        data = ubp.quantize(model, pictures).model
    return Network(data, SHAPES[:1] if request.param.__name__.startswith("unet") else SHAPES)


def test_an_int8_network_is_equal_to_the_bit(
    network: Network, run: Any, int8_options: dict[str, str]
) -> None:
    rng = np.random.default_rng(1)
    inputs = [rng.integers(-128, 128, shape, np.int8) for shape in network.shapes]

    def outputs(interpreter: Any) -> list[np.ndarray]:
        return [value for x in inputs for value in run(interpreter, [x])]

    expected = outputs(StandardInterpreter(model_content=network.data))
    assert len(np.unique(expected[0])) > 20
    converted = ubp.convert(network.data, min_speedup=0)
    assert any(layer.taken for layer in converted.report)
    for model in (network.data, converted.model):
        for threads in THREADS:
            interpreter = ubp.Interpreter(model, num_threads=threads, take="all", **int8_options)
            for value, right in zip(outputs(interpreter), expected, strict=True):
                np.testing.assert_array_equal(value, right)
    unpacked = outputs(StandardInterpreter(model_content=ubp.unpack(converted.model)))
    for value, right in zip(unpacked, expected, strict=True):
        np.testing.assert_array_equal(value, right)


@slow
@only_on_x86_64
def test_so_it_is_on_aarch64(network: Network, tmp_path: Path) -> None:
    ordinary, converted = tmp_path / "ordinary.tflite", tmp_path / "converted.tflite"
    ordinary.write_bytes(network.data)
    converted.write_bytes(ubp.convert(network.data, min_speedup=0).model)
    outputs, report = tmp_path / "outputs.npz", tmp_path / "report.json"
    run_on_aarch64("invoke_int8.py", ordinary, converted, outputs, report)

    (nodes,) = json.loads(report.read_text())["subgraphs"]
    taken = [node for node in nodes if node["taken"]]
    assert len(taken) >= len(nodes) // 2
    assert any(node.get("kernel") == "neon_dot" for node in taken)
    with np.load(outputs) as found:
        expected = found["standard"]
        assert len(np.unique(expected)) > 20
        assert len(found.files) == 4
        for name in found.files:
            np.testing.assert_array_equal(found[name], expected, name)
