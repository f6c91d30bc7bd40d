# SPDX-License-Identifier: Apache-2.0
"""The networks: Keras functional models, logits out.

The channels of pruned layers are multiples of 8, so that aligned blocks of up to 8 waste none.
`ubp.prune` prunes every convolution of these but the first, and not the classifier.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from experiment.strokes.scene import SIZE
from experiment.strokes.shapes import CLASSES

_MOMENTUM = 0.9  # of batch normalisation: a few hundred steps must be enough


def vgg() -> keras.Model:
    """3x3 convolutions of 32, 64, 128 and 128 channels; strides take the place of pooling."""
    inputs = layers.Input((SIZE, SIZE, 1))
    x = _convolution(inputs, 32, 3, stride=2)
    x = _convolution(x, 64, 3, stride=2)
    x = _convolution(x, 128, 3, stride=2)
    x = _convolution(x, 128, 3)
    return _classifier(inputs, x, "vgg")


def mobilenet() -> keras.Model:
    """Four depthwise-separable convolutions; of these, the 1x1 ones are pruned."""
    inputs = layers.Input((SIZE, SIZE, 1))
    x = _convolution(inputs, 32, 3, stride=2)
    for channels, stride in ((64, 2), (128, 1), (128, 2), (256, 1)):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = _convolution(_normalised(x), channels, 1)
    return _classifier(inputs, x, "mobilenet")


def build(name: str, seed: int) -> keras.Model:
    """The network of this name, its weights drawn from the seed."""
    keras.utils.set_random_seed(seed)
    return {"vgg": vgg, "mobilenet": mobilenet}[name]()


def _convolution(x: Any, channels: int, size: int, stride: int = 1) -> Any:
    x = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False)(x)
    return _normalised(x)


def _normalised(x: Any) -> Any:
    return layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(x))


def _classifier(inputs: Any, x: Any, name: str) -> keras.Model:
    x = layers.Dense(CLASSES, name="logits")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x, name=name)
