# SPDX-License-Identifier: Apache-2.0
"""The networks that several benchmarks measure, all from keras.applications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import ubp

if TYPE_CHECKING:  # loads TensorFlow, which takes seconds
    import keras

_BATCH = 8  # images of noise


@dataclass(frozen=True)
class Network:
    """One network.

    name: here, in tables and on the command line.
    application: its name in keras.applications.
    size: height and width of the input in pixels; it has 3 channels and batch size 1.
    block: inferences that are timed in one go, fewer for slow networks.
    options: more arguments of the keras.applications function.
    """

    name: str
    application: str
    size: int = 224
    block: int = 10
    options: dict[str, Any] = field(default_factory=dict)


FULL = ("MobileNet", "MobileNetV2", "ResNet50")
QUICK = ("MobileNet-tiny",)
NETWORKS = {
    network.name: network
    for network in (
        Network("MobileNet", "MobileNet"),
        Network("MobileNetV2", "MobileNetV2"),
        Network("ResNet50", "ResNet50", block=3),
        Network("MobileNet-tiny", "MobileNet", size=96, options={"alpha": 0.25}),
    )
}


def settle(model: keras.Model, seed: int) -> None:
    """Set the statistics of the batch normalisations to those of one batch of noise, in place.

    Training would keep them up to date. Without them, activations fade from layer to layer until
    the output no longer depends on the input, and comparing outputs proves nothing.
    """
    import keras  # loads TensorFlow, which takes seconds

    normalisations = [
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in normalisations]
    for layer in normalisations:
        layer.momentum = 0.0  # forget the old statistics
    noise = np.random.default_rng(seed).standard_normal((_BATCH, *model.input_shape[1:]))
    model(noise.astype(np.float32), training=True)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum


def random_model(network: Network, seed: int) -> keras.Model:
    """The network with random weights and batch normalisations that fit them."""
    import keras

    keras.utils.set_random_seed(seed)
    application = getattr(keras.applications, network.application)
    shape = (network.size, network.size, 3)
    model = application(input_shape=shape, weights=None, **network.options)
    settle(model, seed)
    return model


def prune_in_one_shot(
    model: keras.Model, sparsity: int, pattern: ubp.Pattern, seed: int
) -> keras.Model:
    """A copy with `sparsity` percent of zeros in the layers that `pruned_layers` names."""
    pruned = ubp.strip(
        ubp.prune(model, ubp.ConstantSparsity(sparsity / 100), pattern, layers=pruned_layers(model))
    )
    settle(pruned, seed)
    return pruned


def pruned_layers(model: keras.Model) -> list[str]:
    """The names of the 1x1 and 3x3 convolutions without the stem and the classifier."""
    import keras

    weighted = [layer for layer in model.layers if layer.weights]
    convolutions = [layer for layer in weighted if type(layer) is keras.layers.Conv2D]
    return [
        layer.name
        for layer in convolutions[1:]
        if layer.kernel_size in ((1, 1), (3, 3)) and layer is not weighted[-1]
    ]
