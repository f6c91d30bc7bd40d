# SPDX-License-Identifier: Apache-2.0
"""Whole networks, pruned to 80%: converted and dense agree within 1e-4 of the output range.

In ai-edge-litert and in tf.lite, with one and two threads, for unaligned, aligned and unstructured
zeros, with every layer converted that can be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp

TOLERANCE = 1e-4
SIZE_LIMIT = 0.26  # of the dense file, at 80% in blocks of 4
PATTERNS = {
    "unaligned": ubp.UnalignedBlock(4),
    "aligned": ubp.AlignedBlock(4),
    "unstructured": ubp.Unstructured(),
}
slow = pytest.mark.slow


def mobilenet_quarter(applications: Any) -> Any:
    return applications.MobileNet((96, 96, 3), alpha=0.25, weights=None, classifier_activation=None)


def resnet50(applications: Any) -> Any:
    return applications.ResNet50(weights=None, classifier_activation=None)


# Each pattern in a small network, and a whole one: test_e2e_applications has the others.
CASES = [
    *[pytest.param((mobilenet_quarter, name), id=f"{name}-quarter") for name in PATTERNS],
    pytest.param((resnet50, "unstructured"), id="unstructured-resnet50", marks=slow),
]


@pytest.fixture(scope="module", params=CASES)
def converted(
    request: pytest.FixtureRequest,
    keras: Any,
    randomise: Callable[..., Any],
    prune: Callable[..., Any],
) -> ubp.ConversionResult:
    build, pattern = request.param
    keras.backend.clear_session()
    pruned = prune(randomise(build(keras.applications)), PATTERNS[pattern])
    return ubp.convert(pruned, block_size=4, min_speedup=0)


@pytest.fixture(scope="module")
def expected(converted: ubp.ConversionResult, run: Callable[..., Any]) -> tuple[Any, Any]:
    """An input and the dense model's output."""
    interpreter = StandardInterpreter(model_content=converted.dense)
    shape = interpreter.get_input_details()[0]["shape"]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (output,) = run(interpreter, [x])
    assert np.ptp(output) > 0.1, "the test needs outputs that vary"
    return x, output


def interpreter(runtime: str, model: bytes, threads: int) -> Any:
    if runtime == "ai-edge-litert":
        return ubp.Interpreter(model, num_threads=threads)
    import tensorflow

    return tensorflow.lite.Interpreter(
        model_content=model,
        num_threads=threads,
        experimental_delegates=[ubp.load_delegate(num_threads=threads)],
    )


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("runtime", ["ai-edge-litert", "tf.lite"])
def test_agrees_with_the_dense_network(
    converted: ubp.ConversionResult,
    expected: tuple[Any, Any],
    run: Callable[..., Any],
    runtime: str,
    threads: int,
) -> None:
    x, dense = expected
    (sparse,) = run(interpreter(runtime, converted.model, threads), [x])
    assert np.abs(sparse - dense).max() <= TOLERANCE * np.ptp(dense)


def test_every_convolution_and_dense_layer_can_be_converted(
    converted: ubp.ConversionResult,
) -> None:
    ordinary = {layer.op for layer in converted.report if not layer.taken}
    assert ordinary <= {"DEPTHWISE_CONV_2D"}


@slow
def test_the_file_of_a_mobilenet_at_80_percent(
    keras: Any, randomise: Callable[..., Any], prune: Callable[..., Any]
) -> None:
    model = randomise(keras.applications.MobileNet(weights=None))
    result = ubp.convert(prune(model, ubp.UnalignedBlock(4)))
    assert len(result.model) <= SIZE_LIMIT * len(result.dense)
