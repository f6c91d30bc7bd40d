# SPDX-License-Identifier: Apache-2.0
"""`ubp.quantize` of models that were not trained for int8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from quantization_models import (
    SHAPE,
    data,
    is_all_int8,
    network,
    operators,
    run_file,
    trained,
    zeros_of,
)

import ubp
from ubp.quantization.boundaries import remove_boundaries
from ubp.tflite import flatbuffer


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return ubp.strip(ubp.prune(network(), ubp.ConstantSparsity(0.75)))


@pytest.fixture(scope="module")
def trained_for_int8() -> keras.Model:
    return trained(network())


@pytest.fixture(scope="module")
def result(model: keras.Model) -> ubp.QuantizedFile:
    return ubp.quantize(model, data())


def outputs(model: keras.Model) -> Any:
    return np.asarray(model(data(), training=False))


def test_int8_throughout(result: ubp.QuantizedFile) -> None:
    assert result.mode == "int8" and not result.float_operators
    assert is_all_int8(result.model)
    assert operators(result.model)[0][1][0] == "int8"


def test_zeros_are_kept(model: keras.Model, result: ubp.QuantizedFile) -> None:
    zeros = np.count_nonzero(zeros_of(model, "point"))
    row = next(row for row in result.report if row.shape == (16, 1, 1, 16))
    assert row.zeros == zeros and row.sparsity >= 0.75
    assert 0.0 <= result.rounded_to_zero < 0.05
    fresh = sum(row.rounded_to_zero for row in result.report)
    kept = sum(row.size - row.zeros for row in result.report)
    assert result.rounded_to_zero == fresh / kept


def test_outputs_are_close(model: keras.Model, result: ubp.QuantizedFile) -> None:
    found, _ = run_file(result.model, data())
    expected = outputs(model)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.05 * expected.std()


def test_float_edges(model: keras.Model, result: ubp.QuantizedFile) -> None:
    floats = ubp.quantize(model, data(), io="float32")
    assert operators(floats.model)[0][0] == "QUANTIZE" and not floats.float_operators
    same = run_file(floats.model, data())[0], run_file(result.model, data())[0]
    assert np.allclose(*same, atol=1e-6)


def test_weights_alone() -> None:
    inputs = keras.Input((64,))
    x = keras.layers.Dense(64, "relu", name="hidden")(inputs)
    wide = keras.Model(inputs, keras.layers.Dense(4, name="last")(x))
    wide = ubp.strip(ubp.prune(wide, ubp.ConstantSparsity(0.8)))
    result = ubp.quantize(wide, mode="weights")
    assert [(row.shape, row.dtype) for row in result.report] == [
        ((64, 64), "int8"),
        ((4, 64), "float32"),  # the converter leaves small ones
    ]
    assert result.report[0].zeros == np.count_nonzero(zeros_of(wide, "hidden"))
    x = data(shape=(64,))
    expected = np.asarray(wide(x))
    found, step = run_file(result.model, x)
    assert step == 0.0 and np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
    assert len(result.model) < 0.6 * len(ubp.convert(wide).dense)


@pytest.mark.parametrize("choice", ["stem", ["point", "classifier"], lambda each: "h" in each.name])
def test_layers_that_stay_float(model: keras.Model, choice: Any) -> None:
    result = ubp.quantize(model, data(), float_layers=choice)
    assert result.float_operators
    assert {row.dtype for row in result.report} == {"int8", "float32"}
    assert "CAST" not in [name for name, _ in operators(result.model)]
    found, _ = run_file(result.model, data())
    expected = outputs(model)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.05 * expected.std()


@pytest.mark.parametrize("kind", ["dataset", "generator", "npy", "dictionary"])
def test_sources_of_data(
    model: keras.Model, result: ubp.QuantizedFile, kind: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", data())
    given = {
        "dataset": tf.data.Dataset.from_tensor_slices((data(), np.zeros(96))).batch(32),
        "generator": (batch for batch in np.split(data(), 3)),
        "npy": tmp_path / "x.npy",
        "dictionary": {"picture": data()},
    }[kind]
    assert ubp.quantize(model, given).model == result.model


def test_files(model: keras.Model, result: ubp.QuantizedFile, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model.save(path)
    assert ubp.quantize(path, data()).report == result.report
    result.save(tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == result.model
    with pytest.raises(FileExistsError):
        result.save(tmp_path / "model.tflite")
    with pytest.raises(ValueError, match=r"expected a .keras or .h5 file, or a Keras model\."):
        ubp.quantize(tmp_path / "model.tflite", data())
    assert json.loads(result.to_json())["weights"][0]["op"] == "CONV_2D"


def refused(*arguments: Any, **named: Any) -> str:
    with pytest.raises((ValueError, TypeError)) as caught:
        ubp.quantize(*arguments, **named)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


def test_what_is_refused(model: keras.Model, trained_for_int8: keras.Model) -> None:
    assert "needs representative_data" in refused(model)
    assert "expected (samples, 12, 12, 8)" in refused(model, data(shape=(12, 12, 3)))
    broken = data()
    broken[5, 0, 0, 0] = np.nan
    assert "not finite" in refused(model, broken)
    pruned = ubp.prune(network(), ubp.ConstantSparsity(0.5))
    assert "call ubp.strip(model) first" in refused(pruned, data())
    assert "expected a Keras model" in refused(3, data())
    assert "mode is 'int4'" in refused(model, data(), mode="int4")
    assert "io is 'uint8'" in refused(model, data(), io="uint8")
    assert "samples is 0" in refused(model, data(), samples=0)
    assert "representative_data is given" in refused(model, data(), mode="weights")
    assert "float_layers is given" in refused(model, mode="weights", float_layers="stem")
    assert "float_layers has 'nothing'" in refused(model, data(), float_layers="nothing")
    assert "there is no representative_data" in refused(
        ubp.strip(trained_for_int8), preprocess="0..1"
    )


def test_a_model_trained_for_int8_is_told_so(trained_for_int8: keras.Model) -> None:
    final = ubp.strip(trained_for_int8)
    assert "expected mode='int8'" in refused(final, mode="weights")
    assert "before training" in refused(final, float_layers="stem")
    assert "still made for training: layer 'picture_range' is a LearnedRange" in refused(
        trained_for_int8
    )


def test_an_unbuilt_model_is_refused() -> None:
    assert "is not built" in refused(keras.Sequential([keras.layers.Dense(4)]), data())


@keras.saving.register_keras_serializable(package="test_quantize")
class Subclassed(keras.Model):
    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.conv = keras.layers.Conv2D(8, 3, activation="relu")
        self.flatten = keras.layers.Flatten()
        self.last = keras.layers.Dense(4)

    def call(self, inputs: Any) -> Any:
        return self.last(self.flatten(self.conv(inputs)))


def test_subclassed_models() -> None:
    model = Subclassed()
    model(data(1))
    result = ubp.quantize(model, data())
    assert is_all_int8(result.model)
    assert "functional or Sequential" in refused(model, data(), float_layers="conv2d")


def test_fixed_batches() -> None:
    inputs = keras.Input(batch_shape=(4, *SHAPE))
    x = keras.layers.Flatten()(keras.layers.Conv2D(8, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    tree = flatbuffer.parse(ubp.quantize(model, data()).model, "test")
    (graph,) = tree.subgraphs
    assert graph.tensors[graph.inputs[0]].shape.tolist() == [4, *SHAPE]


def test_casts_that_change_nothing_are_taken_out() -> None:
    """Only pairs through float64; what an output needs stays."""
    inputs = keras.Input(batch_shape=(1, 8))
    double = keras.ops.cast(inputs, "float64")
    x = keras.ops.cast(double, "float32")
    half = keras.ops.cast(keras.ops.cast(inputs, "float16"), "float32")
    model = keras.Model(inputs, [keras.ops.tanh(x), half])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    tree = flatbuffer.parse(converter.convert(), "test")

    def names() -> list[str]:
        (graph,) = tree.subgraphs
        return sorted(flatbuffer.operator_name(tree, each) for each in graph.operators)

    assert names() == ["CAST"] * 4 + ["TANH"]
    remove_boundaries(tree)
    assert names() == ["CAST"] * 2 + ["TANH"]
    x = data(1, (8,))
    file = flatbuffer.serialize(tree)
    interpreter = tf.lite.Interpreter(model_content=file)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    found = [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]
    assert any(np.allclose(each, np.tanh(x), atol=1e-6) for each in found)
    assert any(np.array_equal(each, x.astype("float16").astype("float32")) for each in found)
