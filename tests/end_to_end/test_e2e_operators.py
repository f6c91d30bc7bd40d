# SPDX-License-Identifier: Apache-2.0
"""What lies between the layers of real networks: elementwise operators, pooling, concatenation.

Small Keras models, one for each family of operators, with layers in blocks around them: all their
nodes are taken, and the results are the dense network's in the interpreter alone, for every batch
and number of threads. test_e2e_applications.py has whole networks that are made of such operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from ubp.runtime.decisions import delegate_report

TOLERANCE = 1e-4
AROUND = np.array([[0, 0], [1, 1], [1, 1], [0, 0]])  # a pixel, of an image
Array = npt.NDArray[np.float32]


def arithmetic(keras: Any) -> Any:
    """Constants for all values and per channel, on images and between layers."""
    layers = keras.layers
    image = keras.Input((20, 17, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Rescaling([2.0, 0.5, 1.5], offset=[0.1, -0.2, 0.3])(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same")(x)
    y = layers.BatchNormalization()(layers.ReLU()(layers.BatchNormalization()(layers.ReLU()(x))))
    y = layers.Conv2D(16, 1, activation="relu")(y)
    z = layers.Multiply()([layers.Subtract()([y, x]), y])
    z = 1.5 - layers.Add()([z, x])
    return image, layers.Conv2D(12, 3)(z)


def squeeze_and_excite(keras: Any) -> Any:
    """MobileNetV3's and EfficientNet's blocks, the latter with a shape that is computed."""
    layers = keras.layers
    x = image = keras.Input((24, 20, 3))
    for activation, gate in (("hard_silu", "hard_sigmoid"), ("silu", "sigmoid")):
        x = layers.Conv2D(32, 3, padding="same", activation=activation)(x)
        x = layers.DepthwiseConv2D(3, padding="same", activation=activation)(x)
        keepdims = activation == "hard_silu"
        y = layers.GlobalAveragePooling2D(keepdims=keepdims)(x)
        y = y if keepdims else layers.Reshape((1, 1, 32))(y)
        y = layers.Conv2D(8, 1, activation="relu")(y)
        y = layers.Conv2D(32, 1, activation=gate)(y)
        x = layers.Conv2D(16, 1)(layers.Multiply()([x, y]))
    return image, x


def activations(keras: Any) -> Any:
    layers = keras.layers
    x = image = keras.Input((15, 16, 3))
    for activation in (
        layers.ReLU(),
        layers.ReLU(max_value=6),
        layers.LeakyReLU(0.2),
        layers.Activation("tanh"),
        layers.Activation("sigmoid"),
        layers.Activation("hard_silu"),
    ):
        y = layers.Conv2D(16, 3, padding="same")(x)
        x = layers.Add()([activation(y), activation(layers.Conv2D(16, 1)(y)), y])
    return image, activation(x)


def functions(keras: Any) -> Any:
    """Behind convolutions, depthwise ones, residuals and pooling, and standing alone."""
    layers = keras.layers
    x = image = keras.Input((15, 16, 3))
    for activation in ("elu", "gelu", "gelu_tanh", "softplus", "mish", "prelu"):
        y = activate(keras, activation, layers.Conv2D(16, 3, padding="same")(x))
        y = activate(keras, activation, layers.DepthwiseConv2D(3, padding="same")(y))
        y = layers.Add()([y, layers.Conv2D(16, 1)(y)])
        y = activate(keras, activation, activate(keras, activation, y))
        x = activate(keras, activation, layers.AveragePooling2D(2, 1)(y))
    return image, x


def activate(keras: Any, activation: str, x: Any) -> Any:
    if activation == "prelu":
        return keras.layers.PReLU(shared_axes=[1, 2])(x)
    if activation == "gelu_tanh":
        return keras.activations.gelu(x, approximate=True)
    return keras.layers.Activation(activation)(x)


def normalisation(keras: Any) -> Any:
    """Blocks like ConvNeXt's, with all kinds of normalisation over channels."""
    layers = keras.layers
    x = image = keras.Input((15, 16, 3))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv2D(16, 3, padding="same")(x))
    for options in ({}, {"center": False}, {"scale": False}, {"center": False, "scale": False}):
        y = layers.DepthwiseConv2D(7, padding="same")(x)
        y = layers.LayerNormalization(epsilon=1e-6, **options)(y)
        y = layers.Conv2D(32, 1, activation="gelu")(y)
        x = layers.Add()([x, layers.Conv2D(16, 1)(y)])
    return image, layers.LayerNormalization()(x)


def average_pooling(keras: Any) -> Any:
    layers = keras.layers
    x = image = keras.Input((33, 30, 3))
    for size, strides, padding in ((3, 1, "same"), (2, 2, "valid"), (3, 2, "same"), (5, 3, "same")):
        x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
        x = layers.AveragePooling2D(size, strides, padding)(x)
    return image, x


def concatenation(keras: Any) -> Any:
    """DenseNet's block, with normalisation on its own, and Inception's."""
    layers = keras.layers
    image = keras.Input((18, 21, 3))
    x = layers.Conv2D(16, 3, padding="same")(image)
    for _ in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(24, 1)(y)))
        x = layers.Concatenate()([x, layers.Conv2D(8, 3, padding="same")(y)])
    branches = [layers.Conv2D(8, size, padding="same", activation="relu")(x) for size in (1, 3)]
    pooled = layers.AveragePooling2D(3, 1, "same")(x)
    branches.append(layers.Conv2D(12, 1, activation="relu")(pooled))
    return image, layers.Concatenate()([*branches, x])


def pytorch_padding(keras: Any) -> Any:
    """Windows that do not pad, behind zeros, what a maximum ignores, and another number."""
    layers = keras.layers

    class Pad(layers.Layer):  # type: ignore[misc]
        def __init__(self, value: float, **more: Any) -> None:
            super().__init__(**more)
            self.value = value

        def call(self, x: Any) -> Any:
            return keras.ops.pad(x, AROUND, constant_values=self.value)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "value": self.value}

    image = keras.Input((33, 30, 3))
    x = layers.Conv2D(16, 7, strides=2, activation="relu")(layers.ZeroPadding2D(3)(image))
    x = layers.MaxPooling2D(3, 2)(Pad(-np.inf)(x))
    x = layers.Conv2D(16, 3)(Pad(0.5)(x))
    return image, layers.MaxPooling2D(2, 1)(Pad(-1.0)(x))


def pytorch_layout(keras: Any) -> Any:
    """Channels in front at both ends, and where a mean is taken."""
    layers = keras.layers
    image = keras.Input((3, 33, 30))
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(layers.Permute((2, 3, 1))(image))
    x = layers.Conv2D(24, 3)(x)
    y = layers.Permute((3, 1, 2))(x)
    gate = layers.Reshape((1, 1, 24))(layers.GlobalAveragePooling2D("channels_first")(y))
    return image, layers.Multiply()([x, layers.Conv2D(24, 1, activation="sigmoid")(gate)])


OPERATORS = {
    arithmetic: {"ADD", "SUB", "MUL"},
    squeeze_and_excite: {"MUL", "HARD_SWISH", "LOGISTIC", "SHAPE", "STRIDED_SLICE", "PACK"},
    activations: {"ADD", "RELU", "LEAKY_RELU", "TANH", "LOGISTIC", "HARD_SWISH"},
    functions: {"PRELU", "ELU", "GELU", "EXP", "LOG", "TANH", "AVERAGE_POOL_2D"},
    normalisation: {"MEAN", "NEG", "SQUARED_DIFFERENCE", "RSQRT", "GELU"},
    average_pooling: {"AVERAGE_POOL_2D"},
    concatenation: {"CONCATENATION", "MUL", "ADD", "AVERAGE_POOL_2D"},
    pytorch_layout: {"TRANSPOSE", "MEAN", "MUL"},
    pytorch_padding: {"PAD", "PADV2", "MAX_POOL_2D"},
}


def with_classifier(keras: Any, image: Any, x: Any) -> Any:
    x = keras.layers.Dense(30, activation="silu")(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Dense(10, activation="softmax")(x)
    return keras.Model(image, x)


@pytest.fixture(scope="module", params=OPERATORS, ids=lambda build: build.__name__)
def operators(
    request: pytest.FixtureRequest, keras: Any, randomise: Callable[..., Any], prune: Any
) -> tuple[ubp.ConversionResult, set[str]]:
    """A converted model with an open batch, and operators that it must have."""
    import tensorflow

    keras.backend.clear_session()
    model = with_classifier(keras, *request.param(keras))
    pruned = prune(randomise(model), ubp.UnalignedBlock(4))
    dense = tensorflow.lite.TFLiteConverter.from_keras_model(pruned).convert()
    return ubp.convert(dense, block_size=4, min_speedup=0), OPERATORS[request.param]


def infer(interpreter: Any, batch: int) -> Array:
    (detail,) = interpreter.get_input_details()
    shape = (batch, *detail["shape"][1:])
    interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    x = np.random.default_rng(batch).normal(size=shape).astype(np.float32)
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    output: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output


def test_all_nodes_can_be_taken(operators: tuple[ubp.ConversionResult, set[str]]) -> None:
    converted, expected = operators
    nodes = delegate_report(converted.model, take="all").nodes
    assert expected | {"SOFTMAX", "LOGISTIC"} <= {node.op for node in nodes}
    assert [node for node in nodes if not node.taken] == []


@pytest.mark.parametrize("take", ["auto", "all"])
def test_agrees_with_the_interpreter_alone(
    operators: tuple[ubp.ConversionResult, set[str]], take: str
) -> None:
    converted, _ = operators
    for model in (converted.model, converted.dense):
        dense = StandardInterpreter(model_content=converted.dense)
        one = ubp.Interpreter(model, take=take)
        three = ubp.Interpreter(model, num_threads=3, take=take)
        for batch in (1, 2):
            expected = infer(dense, batch)
            assert np.ptp(expected) > 1e-3, "the test needs outputs that vary"
            output = infer(one, batch)
            assert np.abs(output - expected).max() <= TOLERANCE * np.ptp(expected)
            np.testing.assert_array_equal(infer(three, batch), output)


def test_a_lone_softmax_is_left(keras: Any) -> None:
    import tensorflow

    x = image = keras.Input((10,))
    model = keras.Model(image, keras.layers.Softmax()(x))
    flat = tensorflow.lite.TFLiteConverter.from_keras_model(model).convert()
    (node,) = delegate_report(flat).nodes
    assert (node.op, node.taken) == ("SOFTMAX", False)
    assert "no block-sparse layer is near" in node.reason
    assert delegate_report(flat, take="all").nodes[0].taken
