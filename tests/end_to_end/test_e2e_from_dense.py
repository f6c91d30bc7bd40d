# SPDX-License-Identifier: Apache-2.0
"""Ordinary .tflite files whose weights contain zeros: the delegate runs them in blocks.

Nothing is converted here. Whatever the delegate finds, results are the interpreter's own, and what
it takes is what the converter would convert.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from ubp.conversion.load.loader import convert_keras
from ubp.runtime import NodeDecision, delegate_report
from ubp.tflite import flatbuffer

TOLERANCE = 1e-4
CANDIDATES = ("CONV_2D", "FULLY_CONNECTED")
Array = npt.NDArray[np.float32]
Run = Callable[[Any, list[Array]], list[Array]]


def small_mobilenet(keras: Any) -> Any:
    layers = keras.layers
    x = image = keras.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu6")(x)
    for filters, stride in ((64, 1), (128, 2), (128, 1), (256, 2)):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", activation="relu6")(x)
        x = layers.Conv2D(filters, 1, activation="relu6")(x)
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def networks(
    keras: Any, randomise: Callable[[Any], Any], prune: Callable[..., Any]
) -> dict[str, bytes]:
    """The same network as .tflite files, unpruned and pruned."""
    network = randomise(small_mobilenet(keras))
    pruned = {
        "dense": network,
        "blocks": prune(network, ubp.UnalignedBlock(4)),
        "unstructured": prune(network, ubp.Unstructured(), sparsity=0.9),
    }
    return {name: convert_keras(model) for name, model in pruned.items()}


def inputs_of(model: bytes) -> list[Array]:
    rng = np.random.default_rng(1)
    details = StandardInterpreter(model_content=model).get_input_details()
    return [rng.normal(size=detail["shape"]).astype(np.float32) for detail in details]


def assert_same_results(model: bytes, run: Run, **options: str | int) -> None:
    """With the delegate as without, and bit for bit the same with one thread and two."""
    inputs = inputs_of(model)
    (expected,) = run(StandardInterpreter(model_content=model), inputs)
    (one,) = run(ubp.Interpreter(model, num_threads=1, **options), inputs)
    (two,) = run(ubp.Interpreter(model, num_threads=2, **options), inputs)
    finite = np.isfinite(expected)
    scale = np.ptp(expected[finite]) if finite.any() else 0.0
    np.testing.assert_allclose(one, expected, rtol=0, atol=TOLERANCE * scale)
    np.testing.assert_array_equal(two, one)


def sparse_nodes(model: bytes, **options: str) -> list[NodeDecision]:
    nodes = [node for node in delegate_report(model, **options).nodes if node.block_size]
    assert all(node.taken for node in nodes)
    return nodes


@pytest.mark.parametrize(("name", "sizes"), [("blocks", {4}), ("unstructured", {1, 2})])
def test_a_pruned_network_is_taken_as_a_whole(
    networks: dict[str, bytes], run: Run, name: str, sizes: set[int]
) -> None:
    nodes = delegate_report(networks[name]).nodes
    assert all(node.taken for node in nodes)
    found = [node for node in nodes if node.block_size is not None]
    assert {node.block_size for node in found if node.op == "CONV_2D"} <= sizes
    assert len(found) >= 3
    assert_same_results(networks[name], run)


def test_an_unpruned_network_is_left(
    networks: dict[str, bytes], run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = delegate_report(networks["dense"]).nodes
    assert "took none of the model's" in capfd.readouterr().err
    assert not any(node.taken for node in nodes)
    assert all(node.reason and node.zeros is None for node in nodes)
    assert_same_results(networks["dense"], run)


def test_the_option_off_leaves_what_is_not_converted(
    networks: dict[str, bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = delegate_report(networks["blocks"], sparse_from_dense="off").nodes
    assert "convert a pruned model with 'ubp convert'" in capfd.readouterr().err
    assert not any(node.taken for node in nodes)
    converted = ubp.convert(networks["blocks"]).model
    assert all(node.taken for node in delegate_report(converted, sparse_from_dense="off").nodes)


def test_the_log_says_what_was_found(
    networks: dict[str, bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    ubp.Interpreter(networks["blocks"], log="info")
    assert ": taken, 80% zeros, covered by blocks of 4\n" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["dense", "blocks", "unstructured"])
def test_the_converter_decides_alike(networks: dict[str, bytes], name: str) -> None:
    reports = [r for r in ubp.convert(networks[name]).report if r.op in CANDIDATES]
    nodes = [n for n in delegate_report(networks[name]).nodes if n.op in CANDIDATES]
    assert len(reports) == len(nodes) == 6
    for report, node in zip(reports, nodes, strict=True):
        assert (node.block_size is not None) == report.taken
        assert node.block_size in (None, report.block_size)
        if node.zeros is not None:
            assert node.zeros == pytest.approx(report.sparsity)
            assert node.speedup == pytest.approx(report.speedup, rel=1e-5)


def test_the_report_of_a_converted_model_names_its_blocks(networks: dict[str, bytes]) -> None:
    converted = ubp.convert(networks["blocks"], block_size=2).model
    nodes = [node for node in delegate_report(converted).nodes if node.op.startswith("Ubp")]
    assert {node.block_size for node in nodes} == {2}
    assert all(node.taken and node.zeros is None for node in nodes)


# Input shape without batch, and what makes the layer.
LAYERS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "1x1": ((14, 14, 64), lambda layers: layers.Conv2D(96, 1)),
    "3x3 stride 2": ((15, 14, 16), lambda layers: layers.Conv2D(33, 3, strides=2)),
    "3 filters": ((14, 14, 64), lambda layers: layers.Conv2D(3, 3)),
    "1 filter": ((14, 14, 64), lambda layers: layers.Conv2D(1, 5, padding="same")),
    "1 pixel": ((1, 1, 256), lambda layers: layers.Conv2D(200, 1, activation="relu")),
    "1 row": ((256,), lambda layers: layers.Dense(200, activation="relu")),
    "rows": ((40, 256), lambda layers: layers.Dense(200)),
    "no bias": ((256,), lambda layers: layers.Dense(200, use_bias=False)),
}


def layer_model(keras: Any, case: str, keep: Callable[[tuple[int, ...]], Any]) -> bytes:
    """One layer with random weights where `keep(shape)` is true."""
    shape, make = LAYERS[case]
    inputs = keras.Input(shape)
    model = keras.Model(inputs, make(keras.layers)(inputs))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    kernel = model.weights[0]
    kernel.assign(kernel.numpy() * keep(tuple(kernel.shape)))
    return convert_keras(model)


@pytest.mark.parametrize("kernel", ["auto", "reference"])
@pytest.mark.parametrize("case", LAYERS)
def test_single_layers(keras: Any, run: Run, case: str, kernel: str) -> None:
    model = layer_model(keras, case, lambda shape: np.random.default_rng(2).random(shape) < 0.06)
    (node,) = sparse_nodes(model, kernel=kernel)
    assert node.zeros == pytest.approx(0.94, abs=0.02)
    assert_same_results(model, run, kernel=kernel)


@pytest.mark.parametrize("case", LAYERS)
def test_all_zeros(keras: Any, run: Run, case: str) -> None:
    model = layer_model(keras, case, np.zeros)
    (node,) = sparse_nodes(model)
    assert node.zeros == 1.0
    assert_same_results(model, run)


def test_a_layer_too_small_to_gain_is_left_with_its_zeros(keras: Any) -> None:
    inputs = keras.Input((4, 4, 4))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 1)(inputs))
    model.weights[0].assign(np.eye(4).reshape(1, 1, 4, 4))
    (node,) = delegate_report(convert_keras(model)).nodes
    assert not node.taken
    assert node.zeros == 0.75
    assert "75% zeros, for which blocks of" in node.reason


def test_weights_that_are_not_numbers(keras: Any, run: Run) -> None:
    def keep(shape: tuple[int, ...]) -> Array:
        mask = (np.random.default_rng(2).random(shape) < 0.06).astype(np.float32)
        mask[..., 7, 5] = np.nan
        mask[..., 8, 50] = np.inf
        return mask

    model = layer_model(keras, "1x1", keep)
    assert len(sparse_nodes(model)) == 1
    inputs = inputs_of(model)
    (expected,) = run(StandardInterpreter(model_content=model), inputs)
    (actual,) = run(ubp.Interpreter(model), inputs)
    assert np.isnan(expected[..., 5]).all()
    np.testing.assert_array_equal(np.isnan(actual[..., 5]), True)
    np.testing.assert_array_equal(actual[..., 50], expected[..., 50])
    others = [c for c in range(96) if c not in (5, 50)]
    np.testing.assert_allclose(actual[..., others], expected[..., others], rtol=1e-4, atol=1e-4)


def test_weights_shared_by_several_nodes(keras: Any, run: Run) -> None:
    """One of the nodes has too few pixels to gain: each is decided for itself."""
    inputs = keras.Input((16, 16, 64))
    layer = keras.layers.Conv2D(64, 1, activation="relu")
    x = layer(inputs)
    model = keras.Model(inputs, layer(keras.layers.AveragePooling2D(2)(x)))
    rng = np.random.default_rng(0)
    shape = layer.kernel.shape
    layer.kernel.assign(rng.normal(size=shape) * (rng.random(shape) < 0.06))
    data = convert_keras(model)
    tree = flatbuffer.parse(data, "model")
    convolutions = [o for o in tree.subgraphs[0].operators if len(o.inputs) == 3]
    assert len({operator.inputs[1] for operator in convolutions}) == 1
    assert len(sparse_nodes(data)) == len(convolutions) == 2
    assert_same_results(data, run)


@pytest.mark.parametrize("half", [False, True])
def test_zeros_stored_sparsely(
    keras: Any,
    randomise: Callable[[Any], Any],
    prune: Callable[..., Any],
    run: Run,
    half: bool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """TensorFlow's converter stores weights with many zeros in the sparse encoding, for DENSIFY."""
    tf = pytest.importorskip("tensorflow")
    inputs = keras.Input((28, 28, 64), batch_size=1)
    x = keras.layers.Conv2D(128, 1, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(64, 1)(x))
    outputs = keras.layers.Dense(100)(x)
    pruned = prune(randomise(keras.Model(inputs, outputs)), ubp.UnalignedBlock(4), sparsity=0.9)
    converter = tf.lite.TFLiteConverter.from_keras_model(pruned)
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    if half:
        converter.optimizations.append(tf.lite.Optimize.DEFAULT)
        converter.target_spec.supported_types = [tf.float16]
    model = converter.convert()
    nodes = delegate_report(model).nodes
    assert sum(node.op == "DENSIFY" for node in nodes) >= 2
    taken = [node for node in nodes if node.block_size is not None]
    reports = [r for r in ubp.convert(model).report if r.op in CANDIDATES]
    assert [node.block_size for node in taken] == [r.block_size for r in reports if r.taken]
    assert len(taken) >= 2
    assert "took none" not in capfd.readouterr().err
    assert_same_results(model, run)


def test_names_that_are_no_text(networks: dict[str, bytes], tmp_path: Path) -> None:
    tree = flatbuffer.parse(networks["blocks"], "model")
    for tensor in tree.subgraphs[0].tensors:
        tensor.name = b"caf\xc3\xa9 \xff\xe2\x82"
    nodes = delegate_report(flatbuffer.serialize(tree)).nodes
    assert {node.layer for node in nodes} == {"caf\u00e9 \ufffd\ufffd\ufffd"}
    profile = tmp_path / "profile.json"
    interpreter = ubp.Interpreter(flatbuffer.serialize(tree), profile=str(profile))
    interpreter.allocate_tensors()
    interpreter.invoke()
    del interpreter
    assert (
        "caf\u00e9 \ufffd"
        in json.loads(profile.read_text())["plans"][0]["steps"][1]["operators"][0]["label"]
    )


def test_a_warning_names_the_reason(keras: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Enough zeros that fall into no blocks are not too few."""
    inputs = keras.Input((4, 4, 4))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 1)(inputs))
    model.weights[0].assign(np.eye(4).reshape(1, 1, 4, 4))
    delegate_report(convert_keras(model))
    warning = capfd.readouterr().err
    assert "75% zeros, for which blocks of" in warning
    assert "too few zeros" not in warning


def test_a_report_overwrites_nothing(networks: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("precious")
    with pytest.raises(RuntimeError, match=r"report\.json' exists already; choose another name\."):
        ubp.Interpreter(networks["blocks"], report=str(path))
    assert path.read_text() == "precious"


def test_a_delegate_reports_every_model_it_is_given(
    networks: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    delegate = ubp.load_delegate(report=str(path))
    for name in ("blocks", "dense"):
        StandardInterpreter(model_content=networks[name], experimental_delegates=[delegate])
    subgraphs = json.loads(path.read_text())["subgraphs"]
    taken = [[node["taken"] for node in nodes] for nodes in subgraphs]
    assert [all(nodes) for nodes in taken] == [True, False]


def fully_convolutional(keras: Any, size: int | None) -> Any:
    """A network for pictures of any size, which halves, pools and doubles them."""
    layers = keras.layers
    x = image = keras.Input((size, size, 3))
    x = skip = layers.Conv2D(64, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(96, 3, strides=2, activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(96, 1, activation="relu")(x)
    x = layers.UpSampling2D(4)(x)
    x = layers.Conv2DTranspose(64, 3, strides=2, padding="same")(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(64, 1)(layers.ZeroPadding2D(1)(x))
    return keras.Model(image, [layers.Conv2D(9, 3, padding="same")(x), skip])


def test_open_sizes_are_assumed_as_the_converter_does(
    keras: Any, randomise: Callable[[Any], Any], prune: Callable[..., Any]
) -> None:
    """The same is taken in the same blocks as of a network for pictures of 224 x 224."""
    pruned = prune(randomise(fully_convolutional(keras, None)), ubp.UnalignedBlock(4))
    fixed = fully_convolutional(keras, 224)
    fixed.set_weights(pruned.get_weights())
    models = [convert_keras(pruned), convert_keras(fixed)]
    assert [inputs_of(model)[0].shape for model in models] == [(1, 1, 1, 3), (1, 224, 224, 3)]
    reports = [[n for n in delegate_report(m).nodes if n.op in CANDIDATES] for m in models]
    converted = [[r for r in ubp.convert(m).report if r.op in CANDIDATES] for m in models]
    assert [node.block_size for node in reports[1]] == [None, 4, 4, 4, 4, 4]
    for node, of_fixed, layer, layer_of_fixed in zip(*reports, *converted, strict=True):
        assert (node.taken, node.block_size) == (of_fixed.taken, of_fixed.block_size)
        assert (node.speedup or 0) == pytest.approx(of_fixed.speedup or 0, rel=1e-2)
        assert (node.block_size is not None) == layer.taken == layer_of_fixed.taken
        assert layer.block_size == layer_of_fixed.block_size
        assert layer.speedup == pytest.approx(layer_of_fixed.speedup, rel=1e-2)


def test_a_window_larger_than_the_open_sizes_of_the_file(
    keras: Any, randomise: Callable[[Any], Any], prune: Callable[..., Any]
) -> None:
    """Tensors cannot be allocated with 1 for what is open, and need not be."""
    model = convert_keras(prune(randomise(fully_convolutional(keras, None)), ubp.UnalignedBlock(4)))
    with pytest.raises(RuntimeError, match="failed to prepare"):
        StandardInterpreter(model_content=model).allocate_tensors()
    result = ubp.convert(model)
    assert result.input_shapes == ((1, 224, 224, 3),)
    verification = ubp.verify(model, result.model, runs=1)
    assert verification.passed and verification.input_shapes == ((1, 224, 224, 3),)
