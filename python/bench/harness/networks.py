"""The networks that several benchmarks measure, all from keras.applications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
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
