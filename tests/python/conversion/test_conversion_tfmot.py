# SPDX-License-Identifier: Apache-2.0
"""Models pruned with tensorflow-model-optimization itself, which works on tf_keras models."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorflow
import tensorflow_model_optimization
import tf_keras
from keras_checks import same_outputs

from ubp.conversion import ConversionResult, convert
from ubp.conversion.cover import cover_lanes
from ubp.conversion.load.loader import load
from ubp.tflite import flatbuffer

sparsity = tensorflow_model_optimization.sparsity.keras
layers = tf_keras.layers

SPARSITY = 0.8
WRAPPED = '"class_name": "%s"'


def network() -> Any:
    return tf_keras.Sequential(
        [
            layers.InputLayer((8, 8, 16)),
            layers.Conv2D(64, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(96, name="hidden"),
            layers.Dense(10, name="classifier"),
        ],
        name="net",
    )


def pruned(block_size: tuple[int, int] = (1, 1)) -> Any:
    """After two steps of training; `block_size` is for dense layers: others do not take any."""
    schedule = sparsity.ConstantSparsity(SPARSITY, begin_step=0, frequency=1)
    prune = partial(sparsity.prune_low_magnitude, pruning_schedule=schedule)

    def wrap(layer: Any) -> Any:
        if isinstance(layer, layers.Dense):
            return prune(layer, block_size=block_size)
        return prune(layer) if isinstance(layer, layers.Conv2D) else layer

    tf_keras.utils.set_random_seed(3)
    model = tf_keras.models.clone_model(network(), clone_function=wrap)
    model.compile("sgd", "mse")
    images = np.random.default_rng(0).normal(size=(8, 8, 8, 16)).astype(np.float32)
    steps = [sparsity.UpdatePruningStep()]
    model.fit(images, np.zeros((8, 10)), batch_size=4, verbose=0, callbacks=steps)
    return model


@pytest.fixture(scope="module")
def wrapped() -> Any:
    return pruned((1, 4))


@pytest.fixture(scope="module")
def final(wrapped: Any) -> Any:
    return sparsity.strip_pruning(wrapped)


@pytest.fixture(scope="module")
def expected(final: Any) -> ConversionResult:
    return convert(final, min_speedup=0)


def check_equal(result: ConversionResult, expected: ConversionResult) -> None:
    """The same layers with the same zeros and blocks, all of them converted."""
    keys = ("op", "shape", "sparsity", "block_size", "num_blocks", "taken")
    found, wanted = (
        [[getattr(layer, key) for key in keys] for layer in each.report]
        for each in (result, expected)
    )
    assert found == wanted
    assert all(layer.taken for layer in result.report)


def tflite_of(model: Any, *optimizations: Any) -> bytes:
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = list(optimizations)
    data: bytes = converter.convert()
    return data


def test_a_stripped_model_is_converted(final: Any, expected: ConversionResult) -> None:
    assert [layer.op for layer in expected.report] == ["CONV_2D"] + 2 * ["FULLY_CONNECTED"]
    assert expected.sparsity == pytest.approx(SPARSITY, abs=0.002)
    assert len(expected.model) < 0.4 * len(expected.dense)
    assert same_outputs(expected.dense, final)


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model.keras", "saved_model", "plain"])
def test_its_files_are_converted(
    final: Any, expected: ConversionResult, tmp_path: Path, name: str
) -> None:
    """Those without a suffix are told by what is in them."""
    if name == "plain":
        final.save(tmp_path / name, save_format="h5")
    else:
        final.save(tmp_path / name, save_format=None if "." in name else "tf")
    result = convert(tmp_path / name, min_speedup=0)
    check_equal(result, expected)
    assert same_outputs(result.dense, final)


def test_its_tflite_files_are_converted(final: Any, expected: ConversionResult) -> None:
    check_equal(convert(tflite_of(final), min_speedup=0), expected)
    sparse = tflite_of(final, tensorflow.lite.Optimize.EXPERIMENTAL_SPARSITY)
    check_equal(convert(sparse, min_speedup=0), expected)


@pytest.mark.parametrize("block_size", [(1, 4), (4, 1)])
def test_blocks_along_outputs_are_blocks_of_ours(block_size: tuple[int, int]) -> None:
    """Of a dense kernel [inputs, outputs], (1, N) is aligned blocks of N channels; (N, 1) is not.

    The classifier's ten channels leave an open end, which tensorflow-model-optimization cuts.
    """
    model = sparsity.strip_pruning(pruned(block_size))
    nonzero = model.get_layer("hidden").kernel.numpy() != 0
    blocks = cover_lanes(nonzero, 4)
    if block_size == (1, 4):
        assert blocks.count * 4 == nonzero.sum()
        assert not np.any(blocks.starts % 4)
    else:
        assert blocks.count * 4 > 2 * nonzero.sum()
    hidden, classifier = convert(model, block_size=4, min_speedup=0).report[1:]
    assert hidden.num_blocks == blocks.count
    open_end = model.get_layer("classifier").kernel.numpy() != 0
    assert classifier.num_blocks == cover_lanes(open_end, 4).count


# ---- wrappers that were not taken off ------------------------------------------------------------


def save_as(suffix: str) -> Callable[[Any, Path], Path]:
    def save(model: Any, directory: Path) -> Path:
        path = directory / f"model{suffix}"
        model.save(path, save_format=None if suffix else "tf")
        return path

    return save


@pytest.mark.parametrize(
    "given", [lambda model, _: model, save_as(".h5"), save_as(".keras"), save_as("")]
)
def test_a_model_that_is_not_stripped_is_an_error(
    wrapped: Any, tmp_path: Path, given: Callable[[Any, Path], Any]
) -> None:
    message = r"layer .*still has the pruning wrapper .* tfmot\.sparsity\.keras\.strip_pruning\("
    with pytest.raises(ValueError, match=message):
        convert(given(wrapped, tmp_path))


def test_a_wrapper_inside_a_nested_model_is_found(wrapped: Any) -> None:
    inputs = tf_keras.Input((8, 8, 16))
    outer = tf_keras.Model(inputs, wrapped(inputs), name="outer")
    with pytest.raises(ValueError, match=r"'outer': layer 'prune_low_magnitude_\w+' still has"):
        convert(outer)


def test_a_tflite_file_that_was_not_stripped_explains_its_layers(wrapped: Any) -> None:
    result = convert(tflite_of(wrapped))
    assert result.sparsity is None
    reasons = {layer.reason for layer in result.report}
    (reason,) = reasons
    assert reason.startswith("its weights are a variable, not constant")
    assert "strip_pruning" in reason


@pytest.mark.parametrize(
    ("package", "name", "advice"),
    [
        ("clustering.keras.cluster_wrapper", "ClusterWeights", "strip_clustering"),
        ("clustering.keras.cluster_wrapper", "ClusterWeightsRNN", "strip_clustering"),
        ("clustering.keras.cluster_wrapper", "ClusterWeightsMHA", "strip_clustering"),
        ("quantization.keras.quantize_annotate", "QuantizeAnnotate", "from before quantization"),
        ("quantization.keras.quantize_wrapper", "QuantizeWrapper", "from before quantization"),
        ("quantization.keras.quantize_wrapper", "QuantizeWrapperV2", "from before quantization"),
    ],
)
def test_other_wrappers_are_known_by_their_names(
    tmp_path: Path, package: str, name: str, advice: str
) -> None:
    """The package has classes of these names, and a file that names them gets an answer."""
    module = importlib.import_module(f"tensorflow_model_optimization.python.core.{package}")
    assert issubclass(getattr(module, name), layers.Wrapper)
    network().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        config = file.attrs["model_config"].replace('"class_name": "Conv2D"', WRAPPED % name)
        file.attrs["model_config"] = config
    with pytest.raises(ValueError, match=f"layer 'conv' .*{advice}"):
        convert(tmp_path / "model.h5")


# ---- tf_keras models on their way to a .tflite file ----------------------------------------------


def test_a_tf_keras_model_gets_a_batch_of_one() -> None:
    inputs = tf_keras.Input((4, 4, 8), name="image")
    x = layers.Reshape((-1, 16))(layers.Conv2D(16, 1)(inputs))  # of an open batch, by arithmetic
    model = tf_keras.Model(inputs, layers.Dense(5)(layers.Flatten()(x)), name="net")
    config, weights = model.get_config(), model.get_weights()
    dense, source = load(model)
    tree = flatbuffer.parse(dense, source)
    names = [flatbuffer.operator_name(tree, each) for each in tree.subgraphs[0].operators]
    assert set(names) == {"CONV_2D", "RESHAPE", "FULLY_CONNECTED"}
    assert [m.name for m in tree.signatureDefs[0].inputs] == [b"image"]
    assert same_outputs(dense, model)
    assert model.get_config() == config and model.input_shape == (None, 4, 4, 8)
    assert all(map(np.array_equal, model.get_weights(), weights))


def test_several_named_inputs_and_outputs_of_a_tf_keras_model() -> None:
    a, b = tf_keras.Input((4,), name="a"), tf_keras.Input((4,), name="b")
    outputs = {"sum": layers.Dense(8)(a) + layers.Dense(8)(b), "twice": a * 2.0}
    dense, _ = load(tf_keras.Model({"a": a, "b": b}, outputs))
    (signature,) = flatbuffer.parse(dense, "").signatureDefs
    assert {m.name for m in signature.inputs} == {b"a", b"b"}
    assert len(signature.outputs) == 2


def test_a_subclassed_tf_keras_model() -> None:
    class Subclassed(tf_keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(5)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Subclassed()
    model(np.zeros((1, 6), np.float32))
    assert same_outputs(load(model)[0], model)


def test_a_tf_keras_model_that_is_not_built_is_an_error() -> None:
    with pytest.raises(ValueError, match="'unbuilt' is not built; give it an Input layer"):
        convert(tf_keras.Sequential([layers.Dense(3)], name="unbuilt"))
