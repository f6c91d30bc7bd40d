# SPDX-License-Identifier: Apache-2.0
"""Small models of many topologies, with random weights, for the tests of reconstruction."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

SHAPE = (10, 10, 3)


def pictures(count=48, seed=0, shape=SHAPE):
    """Smooth random pictures: neighbouring pixels have to do with each other."""
    coarse = np.random.default_rng(seed).normal(size=(count, 5, 5, shape[-1]))
    return np.repeat(np.repeat(coarse, shape[0] // 5, 1), shape[1] // 5, 2).astype(np.float32)


def randomised(model, seed=0):
    """Weights of a trained network's size; statistics that fit nothing in particular."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if len(shape) > 1:
            fan = np.prod(shape[:-1])
            weight.assign(rng.normal(size=shape) * np.sqrt(2 / fan))
        elif "variance" in weight.path:
            weight.assign(rng.uniform(0.5, 2, shape))
        elif "gamma" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, shape))
        else:
            weight.assign(0.1 * rng.normal(size=shape))
    return model


def conv(x, channels, name, size=3, **options):
    x = layers.Conv2D(channels, size, padding="same", use_bias=False, name=name, **options)(x)
    return layers.ReLU()(layers.BatchNormalization(name=f"{name}_norm")(x))


def chain():
    inputs = keras.Input(SHAPE)
    x = conv(inputs, 8, "first")
    x = conv(x, 16, "second", strides=2)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.GlobalAveragePooling2D()(conv(x, 16, "third", size=1))
    return randomised(keras.Model(inputs, layers.Dense(5, name="logits")(x)))


def residual():
    """Two skips, one of them over the other."""
    inputs = keras.Input(SHAPE)
    start = conv(inputs, 8, "first")
    x = layers.Add()([conv(start, 8, "inner"), start])
    x = layers.Concatenate()([conv(x, 8, "middle"), start])
    x = keras.ops.relu(layers.Conv2D(8, 3, name="bare", use_bias=False)(x))
    return randomised(keras.Model(inputs, layers.Dense(5, name="last")(layers.Flatten()(x))))


def shared():
    """One layer called on two inputs, and again on its own output; two outputs."""
    one, two = keras.Input(SHAPE, name="one"), keras.Input(SHAPE, name="two")
    first = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")
    again = layers.Conv2D(8, 3, padding="same", activation="relu", name="again")
    x, y = again(again(first(one))), again(first(two))
    pooled = layers.GlobalAveragePooling2D()(layers.Subtract()([x, y]))
    outputs = [layers.Dense(3, name="a")(pooled), layers.Dense(2, name="b")(pooled)]
    return randomised(keras.Model([one, two], outputs))


def nested():
    """A model in a model, called twice; its own input is a dictionary of one."""
    inner_input = keras.Input((10, 10, 8))
    inner = keras.Model(inner_input, conv(inner_input, 8, "inner"), name="block")
    inputs = keras.Input(SHAPE)
    x = inner(inner(conv(inputs, 8, "first")))
    tail = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(8, name="hidden")])
    return randomised(keras.Model(inputs, layers.Dense(4, name="last")(tail(x))))


def mixed():
    """Separable, transposed, dilated, one-dimensional and dense layers on more axes."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu", name="separable")(x)
    x = layers.Conv2D(8, 3, dilation_rate=2, padding="same", name="dilated")(x)
    up = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="up")(x)
    x = layers.Conv2D(8, 2, strides=2, name="down")(up)
    x = layers.Dense(12, activation="gelu", name="per_pixel")(x)
    x = layers.Reshape((-1, 12))(x)
    x = layers.Conv1D(8, 3, padding="causal", activation="relu", name="causal")(x)
    x = layers.SeparableConv1D(8, 3, strides=2, name="separable_1d")(x)
    x = layers.Conv1DTranspose(8, 4, strides=3, padding="valid", name="up_1d")(x)
    x = layers.Conv1D(8, 3, groups=2, name="grouped")(x)
    return randomised(keras.Model(inputs, layers.Dense(4, name="last")(layers.Flatten()(x))))


@keras.saving.register_keras_serializable(package="reconstruction_tests")
class Residual(layers.Layer):
    """Holds layers, and calls them with operations in between that are no layers."""

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.main = layers.Conv2D(channels, 3, padding="same", use_bias=False, name="main")
        self.norm = layers.BatchNormalization(name="norm")

    def call(self, x, training=None):
        return keras.ops.relu(self.norm(self.main(x), training=training)) + x

    def get_config(self):
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable(package="reconstruction_tests")
class Subclassed(keras.Model):
    """The same as `as_graph`, in code of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")
        self.blocks = [Residual(8, name=f"block_{index}") for index in range(2)]
        self.hidden = layers.Dense(8, activation="relu", name="hidden")
        self.last = layers.Dense(4, name="last")

    def call(self, x, training=None):
        x = self.first(x)
        for block in self.blocks:
            x = block(x, training=training)
        return self.last(self.hidden(keras.ops.mean(x, axis=(1, 2))))


def subclassed():
    model = Subclassed()
    model(pictures(2))
    return randomised(model)


def with_container():
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    x = Residual(8, name="block_1")(Residual(8, name="block_0")(x))
    x = layers.Dense(8, activation="relu", name="hidden")(layers.GlobalAveragePooling2D()(x))
    return randomised(keras.Model(inputs, layers.Dense(4, name="last")(x)))


def as_graph():
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    for _ in range(2):
        main = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
        x = layers.Add()([layers.ReLU()(layers.BatchNormalization()(main)), x])
    x = layers.Dense(8, activation="relu", name="hidden")(layers.GlobalAveragePooling2D()(x))
    return randomised(keras.Model(inputs, layers.Dense(4, name="last")(x)))


MODELS = [chain, residual, shared, nested, mixed, subclassed, with_container]


def inputs_of(model, count=48):
    """Pictures for each input."""
    several = len(getattr(model, "inputs", None) or [0])
    arrays = [pictures(count, seed) for seed in range(several)]
    return arrays[0] if several == 1 else arrays
