# SPDX-License-Identifier: Apache-2.0
"""Every family of keras.applications, with 80% zeros in blocks, whole.

Converted or not, and whatever the delegate takes, results are the interpreter's own within 1e-4 of
their range; and they are the same, bit for bit, for every number of threads, again and again, and
in two interpreters at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from applications import APPLICATIONS, build

import ubp
from bench.applications.networks import Array, random_images
from ubp.conversion.find import find_layers
from ubp.runtime.decisions import delegate_report
from ubp.tflite import flatbuffer

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
BATCH = 3

# What the delegate leaves when it is to take everything: of VGG16 Flatten, of NASNet the cropping
# between its cells.
LEFT = {
    "VGG16": {"PACK", "RESHAPE", "SHAPE", "STRIDED_SLICE"},
    "NASNetMobile": {"STRIDED_SLICE"},
}


@dataclass(frozen=True)
class Network:
    """The files of a network, and what the interpreter alone computes.

    models: paths by "dense", an ordinary file with zeros, and "converted".
    images: [BATCH, height, width, 3].
    expected: [BATCH, classes].
    """

    name: str
    models: dict[str, Path]
    images: Array = field(repr=False)
    expected: Array = field(repr=False)


def infer(interpreter: Any, images: Array) -> Array:
    """The output for a batch; shapes are planned anew only where the batch size has changed."""
    (detail,) = interpreter.get_input_details()
    if tuple(detail["shape"]) != images.shape:
        interpreter.resize_tensor_input(detail["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(detail["index"], images)
    interpreter.invoke()
    output: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output


def assert_close(actual: Array, expected: Array) -> None:
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * np.ptp(expected))


@pytest.fixture(scope="module", params=APPLICATIONS)
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    """Made once for all tests; the files of a network are deleted before the next is made."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    models = {kind: folder / f"{kind}.tflite" for kind in ("dense", "converted")}
    models["dense"].write_bytes(build(name))
    ubp.convert(models["dense"], block_size=4).save(models["converted"])
    images = random_images(APPLICATIONS[name].size, BATCH, seed=1)
    expected = infer(StandardInterpreter(str(models["dense"])), images)
    yield Network(name, models, images, expected)
    for path in models.values():
        path.unlink()


@pytest.fixture(params=["converted", "dense"])
def model(request: pytest.FixtureRequest, network: Network) -> Path:
    return network.models[request.param]


@pytest.mark.parametrize("take", ["auto", "all"])
def test_agrees_with_the_interpreter_alone(network: Network, model: Path, take: str) -> None:
    image = network.images[:1]
    interpreters = [ubp.Interpreter(model, threads, take=take) for threads in (1, 2, 3)]
    one = infer(interpreters[0], image)
    assert_close(one, network.expected[:1])
    for interpreter in interpreters:
        for _ in range(2):
            np.testing.assert_array_equal(infer(interpreter, image), one)


@pytest.mark.parametrize("take", ["auto", "all"])
def test_resized_to_a_batch_and_back(network: Network, model: Path, take: str) -> None:
    interpreter = ubp.Interpreter(model, 2, take=take)
    single = [infer(interpreter, image) for image in network.images[:, None]]
    assert_close(infer(interpreter, network.images), network.expected)
    for image, before in zip(network.images[:, None], single, strict=True):
        np.testing.assert_array_equal(infer(interpreter, image), before)
    assert_close(np.concatenate(single), network.expected)


def test_two_interpreters_at_once(network: Network, model: Path) -> None:
    alone = ubp.Interpreter(model)
    expected = [infer(alone, image) for image in network.images[:, None]]
    begin = Barrier(2)

    def run(interpreter: ubp.Interpreter) -> list[Array]:
        begin.wait()
        return [infer(interpreter, image) for image in network.images[:, None]]

    with ThreadPoolExecutor(2) as executor:
        for outputs in executor.map(run, [ubp.Interpreter(model, threads) for threads in (1, 2)]):
            np.testing.assert_array_equal(outputs, expected)


def test_what_is_left(network: Network) -> None:
    nodes = delegate_report(network.models["converted"], take="all").nodes
    left = {node.op for node in nodes if not node.taken}
    assert left == LEFT.get(network.name, set())


def test_a_wrong_layer_would_be_noticed(network: Network) -> None:
    """The output depends on the image, and an error of 1% in one layer exceeds the tolerance."""
    images, expected = network.images, network.expected
    spread = np.ptp(expected[0])
    assert np.abs(expected[1] - expected[0]).max() > 0.05 * spread
    tree = flatbuffer.parse(network.models["dense"].read_bytes(), network.name)
    layers = find_layers(tree)
    for layer in layers[:: len(layers) // 4]:
        subgraph = tree.subgraphs[layer.subgraph]
        weights = subgraph.operators[layer.operator].inputs[1]
        buffer = tree.buffers[subgraph.tensors[weights].buffer]
        original = buffer.data
        wrong = 1.01 * np.frombuffer(original.tobytes(), np.float32)
        buffer.data = wrong.astype(np.float32).view(np.uint8)
        changed = StandardInterpreter(model_content=flatbuffer.serialize(tree))
        buffer.data = original
        assert np.abs(infer(changed, images[:1]) - expected[0]).max() > 2 * TOLERANCE * spread, (
            layer
        )
