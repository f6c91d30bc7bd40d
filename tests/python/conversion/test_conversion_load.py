# SPDX-License-Identifier: Apache-2.0
"""ubp.conversion.load: what may be converted, and Keras models on their way to .tflite."""

from __future__ import annotations

import importlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_checks import same_outputs

from fuzz.builder import ModelBuilder
from ubp.conversion import convert
from ubp.conversion.find import find_layers
from ubp.conversion.load.loader import load
from ubp.tflite import flatbuffer


@pytest.fixture
def tflite() -> bytes:
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(np.eye(64, dtype=np.float32).reshape(64, 1, 1, 64), "w")
    graph.output(graph.conv(graph.input([1, 8, 8, 64]), w))
    return model.build()


@pytest.fixture(scope="module")
def keras() -> Any:
    import keras

    return keras


@pytest.fixture
def network(keras: Any) -> Any:
    """A convolution with batch normalisation, and a classifier behind a Flatten."""
    inputs = keras.Input((8, 8, 16), name="image")
    x = keras.layers.Conv2D(64, 3, padding="same", use_bias=False, name="body")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, name="classifier")(x), name="net")
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 16, 64)) * np.repeat(rng.random((3, 3, 16, 16)) < 0.2, 4, -1)
    model.get_layer("body").set_weights([kernel])
    return model


def test_bytes_and_paths_give_the_same_result(tflite: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite)
    from_bytes = convert(tflite).model
    for source in (bytearray(tflite), memoryview(tflite), path, str(path)):
        assert convert(source).model == from_bytes
    assert path.read_bytes() == tflite


@pytest.mark.parametrize("source", [None, 5, [b"TFL3"], np.zeros(3)])
def test_other_objects_are_refused(source: Any) -> None:
    with pytest.raises(ValueError, match=f"cannot convert a {type(source).__name__}; expected"):
        load(source)


def test_missing_and_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.tflite: no such file"):
        convert(tmp_path / "nowhere.tflite")
    (tmp_path / "notes.txt").write_text("this is not a model at all")
    with pytest.raises(ValueError, match=r"notes\.txt: not a TensorFlow Lite model"):
        convert(tmp_path / "notes.txt")


def test_tflite_models_are_converted_without_tensorflow(tflite: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(tflite)
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "import ubp; print(len(ubp.convert(sys.argv[1]).model))"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "model.tflite")]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=python_path())
    assert int(done.stdout) == len(convert(tflite).model)


def test_keras_files_without_tensorflow_say_what_is_missing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.10.0"}')
        archive.writestr("config.json", "{}")
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import ubp\n"
        "try: ubp.convert(sys.argv[1])\n"
        "except ImportError as error: print(error)"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=python_path())
    assert "needs tensorflow, which is not installed; install it with" in done.stdout


def python_path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path)}


def test_a_keras_model_gets_a_batch_of_one(network: Any) -> None:
    result = convert(network, min_speedup=0)
    tree = flatbuffer.parse(result.dense, "")
    graph = tree.subgraphs[0]
    names = [flatbuffer.operator_name(tree, operator) for operator in graph.operators]
    assert names == ["CONV_2D", "RESHAPE", "FULLY_CONNECTED"]  # no SHAPE, STRIDED_SLICE, PACK
    assert graph.tensors[graph.inputs[0]].shape.tolist() == [1, 8, 8, 16]
    assert [m.name for m in tree.signatureDefs[0].inputs] == [b"image"]
    assert [layer.op for layer in result.report if layer.taken] == ["CONV_2D", "FULLY_CONNECTED"]
    assert same_outputs(result.dense, network)


def test_a_batch_size_of_the_models_own_is_kept(keras: Any) -> None:
    inputs = keras.Input(batch_shape=(3, 4, 4, 8))
    model = keras.Model(inputs, keras.layers.Conv2D(8, 1)(inputs))
    dense, _ = load(model)
    graph = flatbuffer.parse(dense, "").subgraphs[0]
    assert graph.tensors[graph.inputs[0]].shape.tolist() == [3, 4, 4, 8]


@pytest.mark.parametrize("kind", [dict, list])
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_a_signature_has_the_names_of_outputs_of_an_open_batch(name: str, kind: type) -> None:
    import tensorflow as tf

    package = importlib.import_module(name)
    inputs = package.Input((8, 8, 3))
    layers = {"boxes": package.layers.Conv2D(4, 1), "scores": package.layers.Conv2D(2, 1)}
    outputs = {key: layer(inputs) for key, layer in layers.items()}
    model = package.Model(inputs, outputs if kind is dict else list(outputs.values()))
    expected = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    signatures = [
        [
            (key, sorted(entry.name for entry in maps))
            for definition in flatbuffer.parse(data, "").signatureDefs
            for key, maps in (("in", definition.inputs), ("out", definition.outputs))
        ]
        for data in (convert(model).dense, expected)
    ]
    assert signatures[0] == signatures[1]


def test_several_named_inputs_and_outputs(keras: Any) -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    outputs = {"sum": keras.layers.Dense(8)(a) + keras.layers.Dense(8)(b), "twice": a * 2.0}
    dense, _ = load(keras.Model({"a": a, "b": b}, outputs))
    (signature,) = flatbuffer.parse(dense, "").signatureDefs
    assert {m.name for m in signature.inputs} == {b"a", b"b"}
    assert {m.name for m in signature.outputs} == {b"sum", b"twice"}


def test_sequential_and_subclassed_models(keras: Any) -> None:
    sequential = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])

    class Subclassed(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(5)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    subclassed = Subclassed()
    subclassed(np.zeros((1, 6), np.float32))
    for model in (sequential, subclassed):
        dense, source = load(model)
        assert source == f"Keras model '{model.name}'"
        assert same_outputs(dense, model)


def test_a_model_that_is_not_built_is_an_error(keras: Any) -> None:
    with pytest.raises(ValueError, match="'unbuilt' is not built; give it an Input layer"):
        convert(keras.Sequential([keras.layers.Dense(3)], name="unbuilt"))


def test_a_keras_file_equals_the_model(network: Any, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    from_file, from_model = convert(tmp_path / "model.keras"), convert(network)
    assert [layer.num_blocks for layer in from_file.report] == [
        layer.num_blocks for layer in from_model.report
    ]
    assert same_outputs(from_file.dense, network)


def test_a_pruned_model_is_stripped(network: Any, tmp_path: Path) -> None:
    import ubp

    pattern = ubp.UnalignedBlock(4)
    pruned = ubp.prune(network, ubp.ConstantSparsity(0.75), pattern, layers=["body"])
    stripped = convert(ubp.strip(pruned), min_speedup=0)
    assert same_outputs(convert(pruned, min_speedup=0).dense, ubp.strip(pruned))
    paths = [tmp_path / "pruned.keras", tmp_path / "pruned.h5"]
    for path in paths:
        pruned.save(path)
    for source in (pruned, *paths):
        result = convert(source, min_speedup=0)
        assert [layer.op for layer in find_layers(flatbuffer.parse(result.model, ""))] == [
            layer.op for layer in find_layers(flatbuffer.parse(stripped.model, ""))
        ]
        assert [r.num_blocks for r in result.report] == [r.num_blocks for r in stripped.report]


@pytest.mark.slow
def test_the_command_line_knows_pruned_layers_in_files(network: Any, tmp_path: Path) -> None:
    """Without anybody's importing ubp.pruning first."""
    import ubp

    pattern = ubp.UnalignedBlock(4)
    pruned = ubp.prune(network, ubp.ConstantSparsity(0.75), pattern, layers=["body"])
    pruned.save(tmp_path / "pruned.keras")
    command = ["convert", str(tmp_path / "pruned.keras"), "-o", str(tmp_path / "out.tflite")]
    run = [sys.executable, "-m", "ubp", *command]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=python_path())
    assert "1 of 2 layers converted" in done.stdout
    assert (tmp_path / "out.tflite").read_bytes() == convert(pruned).model


def test_a_conversion_that_is_killed_in_its_process_has_a_return_code(
    monkeypatch: pytest.MonkeyPatch, network: Any
) -> None:
    from ubp.conversion.load import other_backends

    monkeypatch.setattr(other_backends, "_PROGRAM", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ValueError, match="process of the conversion ended with return code -9; s"):
        other_backends.convert_on_tensorflow(network, 1)
