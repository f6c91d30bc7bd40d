# SPDX-License-Identifier: Apache-2.0
"""Keras models converted without a SavedModel: the file is the one TensorFlow's converter makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import ubp
from ubp.conversion.load import keras_converter
from ubp.conversion.load.keras_converter import KerasConverter
from ubp.conversion.load.keras_packages import import_tensorflow
from ubp.tflite import flatbuffer


def convolutional() -> Any:
    inputs = keras.Input((9, 8, 3), batch_size=2, name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.DepthwiseConv2D(3, strides=2, activation="hard_swish")(x)
    x = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))


def open_batch() -> keras.Model:
    inputs = keras.Input((4, 5, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 1)(inputs))
    x = keras.layers.Reshape((2, 2))(keras.layers.Dense(4)(x))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def sequential() -> Any:
    layers = [keras.Input(batch_shape=(1, 6)), keras.layers.Dense(4, "gelu"), keras.layers.Dense(3)]
    return keras.Sequential(layers)


def many_outputs() -> Any:
    inputs = keras.Input(batch_shape=(1, 4))
    return keras.Model(inputs, [keras.layers.Dense(size)(inputs) for size in range(1, 13)])


def named() -> Any:
    a, b = (keras.Input(batch_shape=(1, 4), name=name) for name in "ab")
    outputs = {"sum": keras.layers.Dense(8)(a) + keras.layers.Dense(8)(b), "double": a * 2.0}
    return keras.Model({"a": a, "b": b}, outputs)


def shared() -> Any:
    inputs, layer = keras.Input(batch_shape=(1, 8, 8, 4)), keras.layers.Conv2D(4, 3, padding="same")
    return keras.Model(
        inputs, layer(keras.layers.UpSampling2D(interpolation="bilinear")(layer(inputs)))
    )


def constants(tree: schema.ModelT) -> list[bytes]:
    buffers = {each.buffer for each in tree.subgraphs[0].tensors}
    return sorted(
        bytes(tree.buffers[each].data) for each in buffers if tree.buffers[each].data is not None
    )


def signature(tree: schema.ModelT) -> Any:
    """The names of inputs and outputs, with the shape, type and scale of their tensors."""
    (definition,) = tree.signatureDefs
    sides = []
    for maps in (definition.inputs, definition.outputs):
        found = [(each.name, tree.subgraphs[0].tensors[each.tensorIndex]) for each in maps]
        sides.append({name: described(tensor) for name, tensor in found})
    return definition.signatureKey, definition.subgraphIndex, sides


def described(tensor: schema.TensorT) -> tuple[list[int], int, list[float]]:
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    return tensor.shape.tolist(), tensor.type, [] if scale is None else scale.tolist()


def is_direct(model: keras.Model) -> bool:
    """Whether it is converted without being saved first."""
    converters = import_tensorflow().lite.TFLiteConverter
    return type(KerasConverter(model, "").options) is not type(converters.from_keras_model(model))


def operators(tree: schema.ModelT) -> list[str]:
    return sorted(flatbuffer.operator_name(tree, each) for each in tree.subgraphs[0].operators)


@pytest.mark.parametrize(
    "build", [convolutional, open_batch, sequential, many_outputs, named, shared]
)
def test_the_file_is_tensorflows_own(build: Callable[[], Any]) -> None:
    model = build()
    assert is_direct(model)
    ours = KerasConverter(model, "").convert()
    theirs = import_tensorflow().lite.TFLiteConverter.from_keras_model(model).convert()
    trees = [flatbuffer.parse(each, "") for each in (ours, theirs)]
    for part in (operators, signature, constants):
        assert part(trees[0]) == part(trees[1])


@pytest.mark.parametrize("build", [convolutional, named])
def test_so_it_is_in_int8(build: Callable[[], Any], rng: np.random.Generator) -> None:
    model = build()
    batches = [
        {
            x.name: rng.normal(0, 1 + i, x.shape).astype(np.float32)
            for i, x in enumerate(model.inputs)
        }
        for _ in range(4)
    ]
    ours = KerasConverter(model, "")
    theirs = import_tensorflow().lite.TFLiteConverter.from_keras_model(model)
    ours.measure_ranges(lambda: batches)
    theirs.representative_dataset = lambda: batches
    for options in (ours.options, theirs):
        options.optimizations = [import_tensorflow().lite.Optimize.DEFAULT]
        options.target_spec.supported_ops = [import_tensorflow().lite.OpsSet.TFLITE_BUILTINS_INT8]
        options.inference_input_type = options.inference_output_type = import_tensorflow().int8
    trees = [flatbuffer.parse(each, "") for each in (ours.convert(), theirs.convert())]
    for part in (operators, signature, constants):
        assert part(trees[0]) == part(trees[1])


def test_outputs_are_in_the_order_of_the_model() -> None:
    model = many_outputs()
    interpreter = ubp.Interpreter(KerasConverter(model, "").convert())
    shapes = [tuple(each["shape"]) for each in interpreter.get_output_details()]
    assert shapes == [output.shape for output in model.outputs]


def test_outputs_in_lists_of_a_dictionary_are_numbered() -> None:
    inputs = keras.Input(batch_shape=(1, 4))
    y, z = keras.layers.Dense(3)(inputs), keras.layers.Dense(2)(inputs)
    tree = flatbuffer.parse(
        KerasConverter(keras.Model(inputs, {"y": [y, z], "z": z}), "").convert(), ""
    )
    _, _, (_, outputs) = signature(tree)
    sizes = {name: shape for name, (shape, *_) in outputs.items()}
    assert sizes == {b"output_0": [1, 3], b"output_1": [1, 2], b"output_2": [1, 2]}


def test_what_is_more_than_operators_and_weights_is_saved_first() -> None:
    inputs = keras.Input(batch_shape=(1, 5, 4))
    recurrent = keras.Model(inputs, keras.layers.GRU(3)(inputs))
    assert not is_direct(recurrent)
    assert not is_direct(keras.Model(inputs, [inputs, inputs + 1.0]))

    class Subclassed(keras.Model):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x + 1.0

    subclassed = Subclassed()
    subclassed(np.zeros((1, 4), np.float32))
    assert not is_direct(subclassed)


def test_so_is_a_model_of_very_many_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_direct(convolutional())
    monkeypatch.setattr(keras_converter, "_MOST_WEIGHTS", 100)
    assert not is_direct(convolutional())
