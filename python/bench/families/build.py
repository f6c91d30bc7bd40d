"""Networks of keras.applications with random weights, zeros in blocks.

Masks are random blocks too, not chosen by magnitude: as the weights are independent random numbers,
that is the same, and it takes no time for layers of a hundred million weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from bench.families.images import Array, random_images
from bench.families.zoo import BLOCK_SIZE, SEED

_BATCH = 8  # images that the statistics of the batch normalisations are taken from


def random_model(
    function: str, size: int, classes: int, sparsities: Iterator[float]
) -> keras.Model:
    """A network for `random_images`, whose outputs (logits) depend on the images and all weights.

    Args:
        function: its name in keras.applications.
        size: height and width of the images.
        classes: outputs.
        sparsities: the share of zeros of one layer after the other, of all convolutions that are
            neither depthwise nor grouped and all dense layers, without the first and the last.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    model = getattr(keras.applications, function)(
        input_shape=(size, size, 3), weights=None, classes=classes, classifier_activation=None
    )
    _randomise(model, sparsities)
    _settle(model, random_images(size, _BATCH, SEED))
    return model


def _randomise(model: keras.Model, sparsities: Iterator[float]) -> None:
    """Give kernels a variance that keeps activations of order one, and every channel a share."""
    rng = np.random.default_rng(SEED)
    matrices = [weight for weight in model.weights if _is_matrix(weight)]
    dense = {id(matrices[0]), id(matrices[-1])}  # the stem and the classifier
    for weight in model.weights:
        shape = weight.shape
        if "kernel" in weight.name:
            mask = np.ones(1, np.float32)
            if _is_matrix(weight) and id(weight) not in dense:
                lanes = int(np.prod(shape[:-1]))
                mask = random_blocks(rng, lanes, shape[-1], next(sparsities)).reshape(shape)
            fan_in = np.prod(shape[:-1] if _is_matrix(weight) else shape[:2]) * mask.mean()
            values = rng.standard_normal(shape, np.float32)
            weight.assign(values * mask * np.sqrt(2 / fan_in, dtype=np.float32))
        elif weight.name == "gamma":
            weight.assign(rng.uniform(0.7, 1.4, shape))
        elif weight.name in ("beta", "bias"):
            weight.assign(rng.normal(0, 0.1, shape))


def _is_matrix(weight: Any) -> bool:
    """Whether each output channel reads all input channels."""
    return weight.name in ("kernel", "pointwise_kernel") and (
        len(weight.shape) == 2 or weight.shape[2] > 1
    )


def random_blocks(rng: np.random.Generator, lanes: int, channels: int, sparsity: float) -> Array:
    """Zeros, and ones in blocks that begin at any channel; [lanes, channels]."""
    first = rng.integers(BLOCK_SIZE, size=(lanes, 1))
    block = (np.arange(channels) + first) // BLOCK_SIZE
    kept = rng.random((lanes, block.max() + 1)) >= sparsity
    return np.take_along_axis(kept, block, axis=1).astype(np.float32)


def _settle(model: keras.Model, images: Array) -> None:
    """Set the statistics of the batch normalisations, where there are any, to those of images."""
    kind = keras.layers.BatchNormalization
    normalisations = [layer for layer in model.layers if isinstance(layer, kind)]
    for layer in normalisations:
        layer.momentum = 0.0
    if normalisations:
        model(images, training=True)
