# SPDX-License-Identifier: Apache-2.0
"""Models that are more than one chain of layers with fixed shapes, converted, as they run.

Signatures, control flow, open batches, shared weights, and layers that the converter leaves:
results are those of the standard interpreter for the file before conversion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from ubp.conversion.find import find_layers
from ubp.runtime.decisions import delegate_report
from ubp.tflite import flatbuffer

SIZE, CHANNELS, WIDE = 9, 32, 64
TAKES = ("auto", "all", "sparse")
Array = np.ndarray
Run = Callable[[Any, list[Array]], list[Array]]


def sparse(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Weights [..., channels], 80% of them zeros in aligned blocks of 4, of a gain near 1."""
    rng = np.random.default_rng(seed)
    kept = rng.random((*shape[:-1], shape[-1] // 4)) < 0.2
    values = rng.normal(size=shape) * kept.repeat(4, axis=-1)
    return (values / np.sqrt(0.2 * np.prod(shape[:-1]))).astype(np.float32)


def image(batch: int = 1, seed: int = 1) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, SIZE, SIZE, CHANNELS)).astype(np.float32)


def assert_close(actual: Array, expected: Array) -> None:
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.ptp(expected))


def operators(model: bytes) -> list[list[str]]:
    """The operators of each subgraph."""
    tree = flatbuffer.parse(model, "model")
    return [
        [flatbuffer.operator_name(tree, each) for each in flatbuffer.operators(subgraph)]
        for subgraph in tree.subgraphs
    ]


def functions() -> Any:
    """Of a tf.Module, some of whose weights they share."""
    import tensorflow as tf

    fixed = tf.TensorSpec([1, SIZE, SIZE, CHANNELS])
    open_batch = tf.TensorSpec([None, SIZE, SIZE, CHANNELS])

    class Functions(tf.Module):
        def __init__(self) -> None:
            self.shared = tf.Variable(sparse((3, 3, CHANNELS, CHANNELS), 0))
            self.narrow = tf.Variable(sparse((1, 1, CHANNELS, CHANNELS), 1))
            self.wide = tf.Variable(sparse((1, 1, CHANNELS, WIDE), 2))

        @tf.function(input_signature=[open_batch])
        def features(self, x):  # type: ignore[no-untyped-def]
            y = tf.nn.relu(tf.nn.conv2d(x, self.shared, 1, "SAME"))
            return {"y": tf.nn.conv2d(y, self.wide, 1, "SAME")}

        @tf.function(input_signature=[open_batch])
        def small(self, x):  # type: ignore[no-untyped-def]
            return {"y": tf.nn.conv2d(x, self.shared, 2, "SAME")}

        @tf.function(input_signature=[fixed, tf.TensorSpec([], tf.int32)])
        def repeated(self, x, times):  # type: ignore[no-untyped-def]
            def step(index, y):  # type: ignore[no-untyped-def]
                y = tf.nn.relu(tf.nn.conv2d(y, self.shared, 1, "SAME"))
                return index + 1, tf.nn.conv2d(y, self.narrow, 1, "SAME")

            index, y = tf.while_loop(lambda index, _: index < times, step, (tf.constant(0), x))
            return {"y": y, "index": index}

        @tf.function(input_signature=[fixed, tf.TensorSpec([], tf.bool)])
        def chosen(self, x, first):  # type: ignore[no-untyped-def]
            y = tf.cond(
                first,
                lambda: tf.nn.relu(tf.nn.conv2d(x, self.shared, 1, "SAME")),
                lambda: tf.nn.conv2d(x, self.narrow, 1, "SAME"),
            )
            return {"y": tf.nn.conv2d(y, self.wide, 1, "SAME")}

    return Functions()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Ordinary .tflite files by the functions in them, with a signature for each function."""
    import tensorflow as tf

    folder, module = tmp_path_factory.mktemp("saved"), functions()

    def convert(name: str) -> bytes:
        keys = name.split()
        signatures = {key: getattr(module, key) for key in keys}
        tf.saved_model.save(module, str(folder / name), signatures=signatures)
        path = str(folder / name)
        data: bytes = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=keys).convert()
        return data

    return {name: convert(name) for name in ("features small", "repeated", "chosen")}


@pytest.mark.parametrize("take", TAKES)
@pytest.mark.parametrize("converted", [True, False])
def test_several_signatures(files: dict[str, bytes], take: str, converted: bool) -> None:
    dense = files["features small"]
    result = ubp.convert(dense, min_speedup=0)
    assert operators(result.model) == [["UbpConv2D"] * 2, ["UbpConv2D"]]
    expected = StandardInterpreter(model_content=dense)
    actual = ubp.Interpreter(result.model if converted else dense, 2, take=take)
    assert actual.get_signature_list() == expected.get_signature_list()
    for batch in (1, 3, 2):  # by turns, so that each is resized while the other is in use
        for name in ("features", "small"):
            runners = [each.get_signature_runner(name) for each in (expected, actual)]
            outputs = [runner(x=image(batch))["y"] for runner in runners]
            assert_close(outputs[1], outputs[0])


@pytest.mark.parametrize("take", TAKES)
@pytest.mark.parametrize("converted", [True, False])
@pytest.mark.parametrize(
    ("name", "argument", "values"),
    [("repeated", "times", (0, 1, 5)), ("chosen", "first", (True, False))],
)
def test_control_flow(
    files: dict[str, bytes],
    name: str,
    argument: str,
    values: tuple[int, ...],
    take: str,
    converted: bool,
) -> None:
    dense = files[name]
    result = ubp.convert(dense, min_speedup=0)
    assert all(layer.taken for layer in result.report)
    assert any("UbpConv2D" in body for body in operators(result.model)[1:])
    model = result.model if converted else dense
    expected = StandardInterpreter(model_content=dense).get_signature_runner(name)
    actual = ubp.Interpreter(model, 2, take=take).get_signature_runner(name)
    dtype = expected.get_input_details()[argument]["dtype"]
    for value in (*values, values[0]):
        inputs = {"x": image(), argument: dtype(value)}
        outputs = [runner(**inputs) for runner in (expected, actual)]
        assert outputs[0].keys() == outputs[1].keys()
        for key in outputs[0]:
            assert_close(outputs[1][key], outputs[0][key])


def test_layers_in_bodies_are_taken(
    files: dict[str, bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = delegate_report(ubp.convert(files["repeated"], min_speedup=0).model).nodes
    assert "WARNING" not in capfd.readouterr().err  # for the graph around the loop, without layers
    layers = [node for node in nodes if node.op == "UbpConv2D"]
    assert len(layers) == 2
    assert all(node.taken and node.subgraph > 0 for node in layers)
    left = {node.op: node.reason for node in nodes if not node.taken}
    assert left["WHILE"] == "WHILE is left to the interpreter."
    assert all(left.values())


# What stands between two sparse convolutions: how it is made, and the reason why it stays as it is.
BETWEEN = {
    "grouped": (lambda layers: layers.Conv2D(CHANNELS, 3, padding="same", groups=4), "grouped"),
    "transposed": (
        lambda layers: layers.Conv2DTranspose(CHANNELS, 3, strides=2, padding="same"),
        "",
    ),
    "dilated": (lambda layers: layers.Conv2D(CHANNELS, 3, padding="same", dilation_rate=2), ""),
}


def network(keras: Any, layer: Any) -> Any:
    """A layer between two convolutions; all of them sparse."""
    inputs = keras.Input((SIZE, SIZE, CHANNELS))
    first = keras.layers.Conv2D(CHANNELS, 1, activation="relu")
    last = keras.layers.Conv2D(WIDE, 3, padding="same", activation="relu")
    model = keras.Model(inputs, last(layer(first(inputs))))
    for seed, weight in enumerate(model.weights):
        weight.assign(sparse(weight.shape, seed))
    return model


@pytest.mark.parametrize("kind", BETWEEN)
def test_layers_between_block_sparse_ones(keras: Any, run: Run, kind: str) -> None:
    make, reason = BETWEEN[kind]
    result = ubp.convert(network(keras, make(keras.layers)), min_speedup=0)
    assert [layer.taken for layer in result.report] == [True, not reason, True]
    assert reason in result.report[1].reason
    dense = StandardInterpreter(model_content=result.dense)
    sparse_ones = [ubp.Interpreter(result.model, 2, take=take) for take in TAKES]
    for batch in (1, 2) if kind != "transposed" else (1,):  # whose output shape is a constant
        (expected,) = run(dense, [image(batch)])
        for interpreter in sparse_ones:
            assert_close(run(interpreter, [image(batch)])[0], expected)


@pytest.mark.parametrize("take", TAKES)
def test_fully_connected_keeps_the_dimensions(keras: Any, run: Run, take: str) -> None:
    """Two layers whose rows are all but the last axis, and batches that are resized."""
    inputs = keras.Input((5, 3, WIDE), batch_size=2)
    x = keras.layers.Dense(CHANNELS, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(WIDE)(x))
    for seed, weight in enumerate(model.weights):
        weight.assign(sparse(weight.shape, seed))
    result = ubp.convert(model, min_speedup=0)
    packed = [layer.packed for layer in find_layers(flatbuffer.parse(result.model, "model"))]
    assert [each.attributes.keep_num_dims for each in packed] == [1, 1]
    dense = StandardInterpreter(model_content=result.dense)
    interpreter = ubp.Interpreter(result.model, 2, take=take)
    for shape in ((2, 5, 3, WIDE), (1, 5, 3, WIDE), (4, 1, 1, WIDE), (2, 5, 3, WIDE)):
        x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        (expected,), (actual,) = run(dense, [x]), run(interpreter, [x])
        assert actual.shape == (*shape[:-1], WIDE)
        assert_close(actual, expected)
