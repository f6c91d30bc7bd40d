# SPDX-License-Identifier: Apache-2.0
"""Subclassed models and layers that hold layers, and helpers that the tests of these share."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from pruning_models import compiled, data

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

ONE_SHOT = ubp.ConstantSparsity(0.75)
BLOCKS = ubp.UnalignedBlock(4)
GRADUAL = ubp.PolynomialDecay(0.0, 0.75, 0, 8, frequency=2)


def names(model):
    return [layer.name for layer in pruned_layers(model)]


def batch(samples=4):
    return data(samples)[0]


def called(model, *inputs):
    """The model after a call on data, with random weights that are all its own."""
    model(*(inputs or (batch(),)))
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if weight.dtype.startswith("float"):
            weight.assign(rng.uniform(0.2, 1.0, weight.shape) * rng.choice([-1, 1], weight.shape))
        if weight.path.endswith("variance"):
            weight.assign(abs(weight))
    return model


def built_by_fit(model):
    compiled(model).fit(*data(8), verbose=0)
    return model


def built_symbolically(model):
    model(keras.Input((8, 8, 2)))
    return model


@keras.saving.register_keras_serializable(package="tests")
class Block(layers.Layer):
    """Two branches, a scale of its own, and no **kwargs, as people write them."""

    def __init__(self, channels):
        super().__init__()
        self.main = layers.Conv2D(channels, 3, padding="same", name="main")
        self._norm = layers.BatchNormalization()
        self.branches = {"one": layers.Conv2D(channels, 1, name="one"), "act": (layers.ReLU(),)}

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")

    def call(self, x, training=None):
        x = x * self.scale
        main = self._norm(self.main(x), training=training)
        return self.branches["act"][0](main + self.branches["one"](x))


@keras.saving.register_keras_serializable(package="tests")
class Network(keras.Model):
    """Layers in attributes, lists appended to in turns, dicts, tuples, and a nested Sequential."""

    def __init__(self, channels=8, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.stem = layers.Conv2D(8, 3, name="stem")
        self.convs, self.norms = [], []
        for index in range(2):
            self.convs.append(layers.Conv2D(channels, 1, name=f"conv_{index}"))
            self.norms.append(layers.BatchNormalization(name=f"norm_{index}"))
        self.block = Block(channels)
        self.head = keras.Sequential(
            [layers.GlobalAveragePooling2D(), layers.Dense(16, "relu", name="hidden")]
        )
        self.drop = layers.Dropout(0.2)
        self.classifier = layers.Dense(5, name="classifier")

    def call(self, x, training=None):
        x = self.stem(x)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = keras.ops.relu(norm(conv(x), training=training))
        x = self.head(self.block(x, training=training))
        return self.classifier(self.drop(x, training=training))

    def get_config(self):
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable(package="tests")
class Wrapped(keras.Model):
    """A model whose own __init__ says what is pruned."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(4, 3, name="stem")
        self.dense = ubp.prune(layers.Dense(8, name="wrapped"), GRADUAL)
        self.parts = [layers.GlobalAveragePooling2D(), layers.Dense(5)]

    def call(self, x):
        return self.parts[1](self.dense(self.parts[0](self.conv(x))))


@keras.saving.register_keras_serializable(package="tests")
class Late(layers.Layer):
    """Makes its second layer in build(), as its number of channels depends on the input."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.early = layers.Dense(units, name="early")

    def build(self, shape):
        self.late = layers.Dense(shape[-1], name="late")

    def call(self, x):
        return self.late(self.early(x))

    def get_config(self):
        return super().get_config() | {"units": self.units}


def late_model():
    inputs = keras.Input((12,))
    x = layers.Dense(12, name="first")(inputs)
    return keras.Model(inputs, layers.Dense(3, name="last")(Late(16, name="both")(x)))


class BuildsItsLayers(layers.Layer):
    """As Keras's guide has it: build() builds all layers, and must not do so twice."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.first, self.second = layers.Dense(units), layers.Dense(units)

    def build(self, shape):
        self.first.build(shape)
        self.second.build((*shape[:-1], self.units))
        super().build(shape)

    def call(self, x):
        return self.second(self.first(x))


class BuiltByBuild(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = BuildsItsLayers(8)
        self.last = layers.Dense(5)

    def build(self, shape):
        self.body.build(shape)
        self.last.build((None, 8))

    def call(self, x):
        return self.last(self.body(x))


class RunsEagerly(keras.Model):
    """A call() that Keras cannot trace, so that it records no input shape."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(8)
        self.last = layers.Dense(5)

    def call(self, x):
        return self.last(self.dense(x) if np.asarray(x).sum() < 1e9 else x)
