# SPDX-License-Identifier: Apache-2.0
"""Training for int8 together with pruning, and the file that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from quantization_models import (
    SHAPE,
    data,
    fit,
    is_all_int8,
    network,
    operators,
    randomise,
    run_file,
    trained,
    zeros_of,
)

import ubp
from ubp.pruning.layers.fake_quantization import FakeQuantize, FloatBoundary, LearnedRange
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers
from ubp.pruning.layers.quantized_layer import QuantizedLayer


@pytest.fixture(scope="module")
def pruned() -> keras.Model:
    return trained(network())


@pytest.fixture(scope="module")
def stripped(pruned: keras.Model) -> keras.Model:
    return ubp.strip(pruned)


@pytest.fixture(scope="module")
def quantized(stripped: keras.Model) -> ubp.QuantizedFile:
    return ubp.quantize(stripped)


@pytest.fixture(scope="module")
def file(quantized: ubp.QuantizedFile) -> bytes:
    return quantized.model


def outputs(model: keras.Model) -> Any:
    return np.asarray(model(data(), training=False))


def test_sparsity_is_exact_at_the_end(pruned: keras.Model, stripped: keras.Model) -> None:
    for layer in pruned_layers(pruned):
        (kernel,) = layer.kernels
        size = kernel.size
        assert np.count_nonzero(~kernel.mask.numpy()) == round(0.75 * size)
        zeros = zeros_of(stripped, layer.name)
        assert zeros[~kernel.mask.numpy()].all()
        assert np.count_nonzero(zeros) <= 0.76 * size  # few of the kept ones round to zero
        stored = kernel.variable.numpy()  # what the next step trains is not rounded
        assert len(np.unique(np.abs(stored[kernel.mask.numpy()]))) > 0.9 * 0.25 * size


def test_stripped_model_is_ordinary_and_the_same(
    pruned: keras.Model, stripped: keras.Model
) -> None:
    wrapped = PrunedLayer | QuantizedLayer | LearnedRange
    assert not any(isinstance(layer, wrapped) for layer in stripped.layers)
    assert np.array_equal(outputs(stripped), outputs(pruned))


def test_kernels_have_255_values_in_each_channel(stripped: keras.Model) -> None:
    for name, channels in (("stem", (-1,)), ("depthwise", (-2, -1)), ("hidden", (-1,))):
        kernel = stripped.get_layer(name).kernel.numpy()
        rows = np.moveaxis(kernel, channels, range(len(channels)))
        rows = rows.reshape(int(np.prod(rows.shape[: len(channels)])), -1)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        steps = 127 * rows / np.where(largest > 0, largest, 1)
        assert np.abs(steps - np.round(steps)).max() < 1e-4


def test_file_is_int8_throughout(file: bytes) -> None:
    assert is_all_int8(file)
    names = [name for name, _ in operators(file)]
    assert names == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "ADD",
        "MEAN",
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
    ]


def test_file_agrees_with_the_model(stripped: keras.Model, file: bytes) -> None:
    """Normalisation is folded right, with negative factors, and so are RELU and RELU6."""
    found, step = run_file(file, data())
    steps = np.abs(found - outputs(stripped)) / step
    assert steps.max() < 1.01  # one of 256
    assert np.mean(steps < 0.01) > 0.97


def test_zeros_are_zeros_of_the_file(stripped: keras.Model, quantized: ubp.QuantizedFile) -> None:
    report = {row.shape: row for row in quantized.report}
    for name, order in (("point", (3, 0, 1, 2)), ("hidden", (1, 0))):
        zeros = zeros_of(stripped, name).transpose(order)
        row = report[zeros.shape]
        assert (row.zeros, row.rounded_to_zero) == (np.count_nonzero(zeros), 0)
        assert row.dtype == "int8"


def test_float_edges(stripped: keras.Model, file: bytes) -> None:
    result = ubp.quantize(stripped, io="float32")
    found = operators(result.model)
    assert found[0][0] == "QUANTIZE" and found[-1][0] == "DEQUANTIZE"
    assert is_all_int8(result.model) and not result.float_operators
    floats, ints = run_file(result.model, data())[0], run_file(file, data())[0]
    assert np.allclose(floats, ints, atol=1e-6)


def test_saved_loaded_and_resumed(tmp_path: Path) -> None:
    path = tmp_path / "pruned.keras"
    model = trained(network(), epochs=1)
    model.save(path)
    loaded = keras.models.load_model(path)
    assert np.array_equal(outputs(loaded), outputs(model))
    keras.utils.set_random_seed(3)
    resumed = fit(loaded, epochs=1)
    model.load_weights(path)
    keras.utils.set_random_seed(3)
    assert np.array_equal(outputs(fit(model, epochs=1)), outputs(resumed))
    final = ubp.strip(resumed)
    final.save(path)
    again = keras.models.load_model(path)
    assert np.array_equal(outputs(again), outputs(final))
    assert ubp.quantize(path).report == ubp.quantize(final).report


def test_ranges_follow_the_batches() -> None:
    layer = LearnedRange(0.5)
    batches = [np.float32([[-1.0, 2.0]]), np.float32([[0.5, 4.0]]), np.float32([[-3.0, 1.0]])]
    assert np.array_equal(layer(batches[0]), batches[0])  # nothing is known yet
    for batch in batches:
        layer(batch, training=True)
    assert float(layer.minimum.numpy()) == 0.5 * (0.5 * -1.0 + 0.5 * 0.0) + 0.5 * -3.0
    assert float(layer.maximum.numpy()) == 0.5 * (0.5 * 2.0 + 0.5 * 4.0) + 0.5 * 1.0
    before = layer.maximum.numpy()
    rounded = np.asarray(layer(batches[0]))
    assert layer.maximum.numpy() == before  # inference changes nothing
    step = float(layer.maximum.numpy() - layer.minimum.numpy()) / 255
    assert np.abs(rounded - batches[0]).max() <= step / 2 + 1e-6
    assert np.asarray(layer(np.zeros((1, 2), "float32"))).tolist() == [[0.0, 0.0]]
    assert isinstance(layer.fixed(), FakeQuantize) and layer.fixed().name == layer.name


def test_gradients_pass_the_rounding_and_end_beyond_the_range() -> None:
    import tensorflow as tf

    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, name="dense")])
    pruned = ubp.prune(
        model, ubp.ConstantSparsity(0.0), ubp.Unstructured(), layers="dense",
        quantize=ubp.QuantizeAware(),
    )  # fmt: skip
    dense = pruned.get_layer("dense")
    kernel = dense.kernels[0].variable
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(dense(tf.constant([[1.0, 3.0]])))
    assert tape.gradient(loss, kernel.value).numpy().tolist() == [[1.0, 1.0], [3.0, 3.0]]
    x = tf.Variable([[-9.0, 0.5, 9.0]])
    fixed = FakeQuantize(-1.0, 1.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(fixed(x))
    assert tape.gradient(loss, x).numpy().tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("choice", ["point", ["po*"], lambda layer: layer.name == "point"])
def test_choice_of_layers_that_stay_float(choice: Any) -> None:
    settings = ubp.QuantizeAware(float_layers=choice)
    model = ubp.prune(network(), ubp.ConstantSparsity(0.5), quantize=settings)
    assert {layer.name: layer.quantize for layer in pruned_layers(model)} == {
        "point": False,
        "hidden": True,
    }


def test_a_layer_that_stays_float() -> None:
    model = trained(network(), quantize=ubp.QuantizeAware(0.9, float_layers="point"))
    final = ubp.strip(model)
    assert any(isinstance(layer, FloatBoundary) for layer in final.layers)
    result = ubp.quantize(final)
    assert [name.split()[0] for name in result.float_operators] == ["CONV_2D"]
    floats = [name for name, types in operators(result.model) if "float32" in types]
    assert floats == ["DEQUANTIZE", "CONV_2D", "QUANTIZE"]  # no cast is left
    found, step = run_file(result.model, data())
    assert np.abs(found - outputs(final)).max() < 1.01 * step
    point = next(row for row in result.report if row.dtype == "float32")
    assert point.zeros == np.count_nonzero(zeros_of(final, "point")) >= 0.75 * point.size


def test_first_and_last_layer_float() -> None:
    settings = ubp.QuantizeAware(0.9, float_layers=["stem", "classifier"])
    final = ubp.strip(trained(network(), quantize=settings))
    result = ubp.quantize(final)
    types = dict(operators(result.model))
    assert set(types["CONV_2D"]) == {"int8", "int32"} == set(types["ADD"]) | {"int32"}
    found, step = run_file(result.model, data())
    assert step == 0.0  # what only float layers read and give stays float
    assert np.abs(found - outputs(final)).max() < 0.02 * np.abs(found).max()


def branches() -> keras.Model:
    """A concatenation of unlike ranges, activations that are no part of operators, pooling."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, activation="silu", name="gated")(inputs)
    y = layers.Conv2D(8, 3, activation="relu6", name="clipped")(inputs)
    x = layers.Concatenate()([x, y, 3.0 * y])
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(8, 1, name="mixing")(x)
    x = layers.Dropout(0.1)(keras.ops.relu(x))
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(4, name="classifier")(x))


def fixed_ranges() -> keras.Model:
    """Tanh and softmax, whose results are not rounded in training: half a step more."""
    x = inputs = keras.Input((32,))
    x = layers.Dense(16, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def nested() -> keras.Model:
    inner = keras.Input((12, 12, 16))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inner)
    block = keras.Model(inner, layers.ReLU()(layers.BatchNormalization()(x)), name="block")
    inputs = keras.Input(SHAPE)
    x = block(layers.Conv2D(16, 1, name="entry")(inputs))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(block(x))))


def transposed() -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.Conv2DTranspose(16, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Conv2D(4, 1)(x))


def line() -> keras.Model:
    x = inputs = keras.Input((24, 8))
    x = layers.Conv1D(16, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling1D()(x)))


def two_inputs() -> keras.Model:
    inputs = [keras.Input(SHAPE, name="b"), keras.Input((6, 6, 16), name="a")]
    x = layers.Conv2D(16, 3, strides=2, padding="same")(inputs[0])
    x = layers.Multiply()([x, inputs[1]])
    return keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))


@pytest.mark.parametrize(
    ("make", "steps"),
    [(branches, 2.01), (fixed_ranges, 2.51), (nested, 1.01),
                        (transposed, 1.01), (line, 1.01), (two_inputs, 1.01)]
)  # fmt: skip
def test_other_graphs(make: Any, steps: float) -> None:
    model = make()
    randomise(model)
    final = ubp.strip(trained(model, layers=lambda layer: True))
    result = ubp.quantize(final)
    assert is_all_int8(result.model) and not result.float_operators
    x = [data(shape=tensor.shape[1:]) for tensor in final.inputs]
    expected = np.asarray(final(x if len(x) > 1 else x[0], training=False))
    found, step = run_file(result.model, *_in_order(result.model, final, x))
    assert np.abs(found - expected).max() < steps * step


def _in_order(file: bytes, model: keras.Model, inputs: list[Any]) -> list[Any]:
    """The inputs in the order of the file's signature, which is that of their names."""
    if len(inputs) == 1:
        return inputs
    named = dict(zip((tensor.name for tensor in model.inputs), inputs, strict=True))
    return [named[name] for name in sorted(named)]


def test_data_fill_in_what_training_cannot_see(caplog: pytest.LogCaptureFixture) -> None:
    """The tensor inside a separable convolution."""
    inputs = keras.Input(SHAPE)
    x = layers.SeparableConv2D(16, 3, activation="relu", name="separable")(inputs)
    model = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))
    final = ubp.strip(trained(model))
    result = ubp.quantize(final)
    assert len(result.float_operators) == 2
    assert "2 operators stay float" in caplog.text and "representative_data" in caplog.text
    filled = ubp.quantize(final, data())
    assert is_all_int8(filled.model) and not filled.float_operators


def test_summary_names_the_layers_of_the_model(pruned: keras.Model) -> None:
    lines: list[str] = []
    ubp.pruning_summary(pruned, print_fn=lines.append)
    assert "depthwise" in lines[0] and "DepthwiseConv2D" in lines[0]
    assert "_range" not in lines[0] and "QuantizedLayer" not in lines[0]


def refused(*kinds: type[Exception], **arguments: Any) -> str:
    model = arguments.pop("model", None) or network()
    with pytest.raises(kinds) as caught:
        ubp.prune(model, ubp.ConstantSparsity(0.5), **arguments)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


def test_what_is_refused(stripped: keras.Model) -> None:
    assert "expected ubp.QuantizeAware()" in refused(TypeError, quantize=True)
    settings = ubp.QuantizeAware()
    text = refused(ValueError, model=stripped, quantize=settings)
    assert "is quantised already: it has the layer 'picture_range'" in text
    text = refused(ValueError, quantize=ubp.QuantizeAware(float_layers="nothing"))
    assert "float_layers has 'nothing'" in text and "stem" in text
    with pytest.raises(ValueError, match="quantize is for models"):
        ubp.prune(layers.Dense(8), ubp.ConstantSparsity(0.5), quantize=settings)
    untrained = ubp.prune(network(), ubp.ConstantSparsity(0.5), quantize=settings)
    with pytest.raises(ValueError, match=r"'picture_range' has measured no range; train"):
        ubp.strip(untrained)
    with pytest.raises(ValueError, match=r"momentum is 1\.0"):
        ubp.QuantizeAware(1.0)
    with pytest.raises(TypeError, match="float_layers is 3"):
        ubp.QuantizeAware(float_layers=3)  # type: ignore[arg-type]


@keras.saving.register_keras_serializable(package="test_quantize_aware")
class Subclassed(keras.Model):
    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.dense = layers.Dense(16)
        self.last = layers.Dense(4)

    def call(self, inputs: Any) -> Any:
        return self.last(self.dense(inputs))


def test_a_subclassed_model_is_refused() -> None:
    model = Subclassed()
    model(np.zeros((1, 8), "float32"))
    assert "subclassed model" in refused(TypeError, model=model, quantize=ubp.QuantizeAware())
