# SPDX-License-Identifier: Apache-2.0
"""MobileNet (Howard et al., arXiv 1704.04861) with random weights: for size and speed only."""

from __future__ import annotations

import keras

import ubp
from bench.harness.networks import settle
from demo.settings import BLOCK_SIZE, SPARSITY


def mobilenet(size: int, alpha: float, seed: int) -> keras.Model:
    """MobileNetV1 for images [size, size, 3] with random weights."""
    keras.utils.set_random_seed(seed)
    model = keras.applications.MobileNet(
        input_shape=(size, size, 3), alpha=alpha, weights=None, name="mobilenet"
    )
    settle(model, seed)
    return model


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
