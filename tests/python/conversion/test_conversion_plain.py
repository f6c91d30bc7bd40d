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
from ubp.conversion.load.keras_packages import import_tensorflow
from ubp.conversion.load.loader import convert_keras
from ubp.conversion.load.plain_graph import plain_function
from ubp.tflite import flatbuffer


def convolutional() -> Any:
    inputs = keras.Input((9, 8, 3), batch_size=2, name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.DepthwiseConv2D(3, strides=2, activation="hard_swish")(x)
    x = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))


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
    """The names of inputs and outputs, with the shape and type of their tensors."""
    (definition,) = tree.signatureDefs
    sides = []
    for maps in (definition.inputs, definition.outputs):
        found = [(each.name, tree.subgraphs[0].tensors[each.tensorIndex]) for each in maps]
        sides.append({name: (tensor.shape.tolist(), tensor.type) for name, tensor in found})
    return definition.signatureKey, definition.subgraphIndex, sides


def operators(tree: schema.ModelT) -> list[str]:
    return sorted(flatbuffer.operator_name(tree, each) for each in tree.subgraphs[0].operators)


@pytest.mark.parametrize("build", [convolutional, sequential, many_outputs, named, shared])
def test_the_file_is_tensorflows_own(build: Callable[[], Any]) -> None:
    model = build()
    assert plain_function(model) is not None
    ours = convert_keras(model)
    theirs = import_tensorflow().lite.TFLiteConverter.from_keras_model(model).convert()
    trees = [flatbuffer.parse(each, "") for each in (ours, theirs)]
    for part in (operators, signature, constants):
        assert part(trees[0]) == part(trees[1])


def test_outputs_are_in_the_order_of_the_model() -> None:
    model = many_outputs()
    interpreter = ubp.Interpreter(convert_keras(model))
    shapes = [tuple(each["shape"]) for each in interpreter.get_output_details()]
    assert shapes == [output.shape for output in model.outputs]


def test_what_is_more_than_operators_and_weights_is_saved_first() -> None:
    inputs = keras.Input(batch_shape=(1, 5, 4))
    recurrent = keras.Model(inputs, keras.layers.GRU(3)(inputs))
    assert plain_function(recurrent) is None
    assert plain_function(keras.Model(inputs, [inputs, inputs + 1.0])) is None

    class Subclassed(keras.Model):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x + 1.0

    subclassed = Subclassed()
    subclassed(np.zeros((1, 4), np.float32))
    assert plain_function(subclassed) is None
