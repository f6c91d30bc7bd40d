# SPDX-License-Identifier: Apache-2.0
"""Whole networks, pruned to 80%, through LiteRT's CompiledModel: what the interpreter gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from applications import with_open_batch
from compiled_models import infer
from interpreting import interpret

import ubp
from bench.unet.networks import SMALL, pruned_model

slow = pytest.mark.slow


def mobilenet(keras: Any) -> Any:
    return keras.applications.MobileNet((96, 96, 3), alpha=0.25, weights=None)


def mobilenet_v2(keras: Any) -> Any:
    return keras.applications.MobileNetV2((96, 96, 3), weights=None)


def resnet50(keras: Any) -> Any:
    return keras.applications.ResNet50(input_shape=(64, 64, 3), weights=None)


def with_zeros(network: Any) -> Any:
    """80% zeros in blocks of 4 channels, in every convolution and dense layer but the first."""
    rng = np.random.default_rng(0)
    layers = [each for each in network.layers if type(each).__name__ in ("Conv2D", "Dense")]
    for layer in layers[1:]:
        kernel = layer.kernel.numpy()
        blocks = -(-kernel.shape[-1] // 4)
        kept = np.repeat(rng.random((*kernel.shape[:-1], blocks)) < 0.2, 4, axis=-1)
        layer.kernel.assign(kernel * kept[..., : kernel.shape[-1]])
    return network


@pytest.fixture(
    scope="module",
    params=[
        mobilenet,
        pytest.param(mobilenet_v2, marks=slow),
        pytest.param(resnet50, marks=slow),
        "unet",
    ],
    ids=lambda build: build if isinstance(build, str) else build.__name__,
)
def files(
    request: pytest.FixtureRequest, keras: Any, randomise: Callable[..., Any]
) -> dict[str, bytes]:
    keras.backend.clear_session()
    if request.param == "unet":
        ordinary = with_open_batch(pruned_model("transposed-2x2", SMALL, 80))
    else:
        ordinary = with_open_batch(with_zeros(randomise(request.param(keras))))
    return {"ordinary": ordinary, "converted": ubp.convert(ordinary, block_size=4).model}


@pytest.mark.parametrize("file", ["ordinary", "converted"])
def test_equal_to_the_interpreter_bit_by_bit(files: dict[str, bytes], file: str) -> None:
    # All, so that the RESHAPE in the end is taken on every processor: where others run it, LiteRT
    # learns the output's size too late and writes beyond it, without the delegate, too.
    data, take = files[file], "all"
    interpreter = ubp.Interpreter(data, take=take)
    (detail,) = interpreter.get_input_details()
    images = np.random.default_rng(2).normal(size=(2, *detail["shape"][1:])).astype(np.float32)
    for threads in (1, 2):
        compiled = ubp.CompiledModel(data, threads, take=take)
        assert compiled.nodes_taken > 0
        for batch in (1, 2, 1):
            (expected,) = interpret(interpreter, images[:batch])
            assert np.ptp(expected) > 0
            np.testing.assert_array_equal(infer(compiled, images[:batch])[0], expected)
