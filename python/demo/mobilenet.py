"""MobileNet (Howard et al., arXiv 1704.04861) with random weights: for size and speed only."""

from __future__ import annotations

import keras
import numpy as np

import ubp
from demo.settings import BLOCK_SIZE, SPARSITY

_BATCH = 8  # images of noise


def mobilenet(size: int, alpha: float, seed: int) -> keras.Model:
    """MobileNetV1 for images [size, size, 3] with random weights."""
    keras.utils.set_random_seed(seed)
    model = keras.applications.MobileNet(
        input_shape=(size, size, 3), alpha=alpha, weights=None, name="mobilenet"
    )
    settle(model, seed)
    return model


def settle(model: keras.Model, seed: int) -> None:
    """Set the statistics of the batch normalisations to those of one batch of noise, in place.

    Training would keep them up to date. Without them, activations fade from layer to layer until
    the output no longer depends on the input, and comparing outputs proves nothing.
    """
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


def prune_in_one_shot(model: keras.Model, seed: int) -> keras.Model:
    """A copy with unaligned blocks in every 1x1 convolution, the classifier included."""
    pointwise = [
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1)
    ]
    pruned = ubp.strip(
        ubp.prune(
            model, ubp.ConstantSparsity(SPARSITY), ubp.UnalignedBlock(BLOCK_SIZE), layers=pointwise
        )
    )
    settle(pruned, seed)
    return pruned
