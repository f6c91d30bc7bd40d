# SPDX-License-Identifier: Apache-2.0
"""Small models and checks that the pruning tests share."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from ubp.masking.patterns import Pattern
from ubp.pruning.layers.pruned_layer import PrunedLayer, pruned_layers

FUNCTIONAL_TARGETS = ["conv_3x3", "conv_strided", "branch_1x1", "hidden"]


def functional_model(channels: int = 12) -> keras.Model:
    """A residual network of [N, 8, 8, 2] images and 5 classes; random biases and statistics."""
    inputs = keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(channels, 3, padding="same", name="conv_3x3")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    main = layers.Conv2D(channels, 3, strides=2, padding="same", name="conv_strided")(x)
    branch = layers.Conv2D(channels, 1, strides=2, name="branch_1x1")(x)
    x = keras.ops.relu(main + branch)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(5, name="classifier")(x)
    return _randomised(keras.Model(inputs, outputs, name="residual"))


def sequential_model() -> keras.Sequential:
    """A plain network of the same task; 'conv_1x1' and 'hidden' are what is pruned by default."""
    return _randomised(
        keras.Sequential(
            [
                keras.Input((8, 8, 2), name="image"),
                layers.Conv2D(8, 3, name="stem"),
                layers.Conv2D(10, 1, activation="relu", name="conv_1x1"),
                layers.Flatten(),
                layers.Dense(16, activation="relu", name="hidden"),
                layers.Dense(5, name="classifier"),
            ],
            name="plain",
        )
    )


def compiled(model: keras.Model, jit_compile: bool = False, **options: object) -> keras.Model:
    """The model, compiled for `data`."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=jit_compile, **options)
    return model


def data(samples: int = 32) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Images float32 [samples, 8, 8, 2] and classes int64 [samples]."""
    rng = np.random.default_rng(5)
    images = rng.normal(size=(samples, 8, 8, 2)).astype(np.float32)
    return images, rng.integers(0, 5, samples)


def outputs(model: keras.Model) -> npt.NDArray[np.float32]:
    """The model's inference on `data`."""
    return keras.ops.convert_to_numpy(model(data()[0], training=False))


def mask_of(layer: PrunedLayer) -> npt.NDArray[np.bool_]:
    """The layer's mask as [lanes, channels]."""
    (kernel,) = layer.kernels
    return kernel.mask_matrix()


def expected_kept(lanes: int, channels: int, block: int, sparsity: float) -> int:
    """Weights in the blocks of so many that a sparsity asks for, by the definition of selection."""
    return block * round((1.0 - sparsity) * lanes * channels / block)


def runs(row: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, length) of each maximal run of True in one lane of a mask."""
    padded = np.concatenate([[False], row, [False]]).astype(np.int8)
    starts = np.flatnonzero(np.diff(padded) == 1)
    ends = np.flatnonzero(np.diff(padded) == -1)
    return list(zip(starts.tolist(), (ends - starts).tolist(), strict=True))


def assert_blocks(
    mask: npt.NDArray[np.bool_], n: int, *, lanes: int = 1, aligned: bool = False
) -> None:
    """The mask [lanes, channels] is a union of disjoint blocks of n channels of so many lanes."""
    groups = mask.reshape(-1, lanes, mask.shape[1])
    assert (groups.all(axis=1) == groups.any(axis=1)).all()
    for row in groups[:, 0]:
        for start, length in runs(row):
            assert length % n == 0
            assert not aligned or start % n == 0


def assert_sparsity(model: keras.Model, pattern: Pattern, sparsity: float) -> None:
    """Every mask keeps exactly the blocks that the sparsity asks for, in the pattern's shape."""
    for layer in pruned_layers(model):
        mask = mask_of(layer)
        expected = expected_kept(*mask.shape, pattern.block_weights, sparsity)
        assert mask.sum() == expected, layer.name
        assert_blocks(mask, pattern.block_size, lanes=pattern.lanes)


def assert_stored_kernels_masked(model: keras.Model) -> None:
    """The stored kernel of every pruned layer is exactly zero outside its mask."""
    for layer in pruned_layers(model):
        for kernel in layer.kernels:
            assert not kernel.variable.numpy()[~kernel.mask.numpy()].any(), kernel.name


def _randomised(model: keras.Model) -> keras.Model:
    """The same weights every time; none is zero, and variances are positive."""
    rng = np.random.default_rng(11)
    for layer in model.layers:
        for weight in layer.weights:
            if len(weight.shape) > 1:
                fan_in = np.prod(weight.shape[:-1])
                weight.assign(rng.normal(size=weight.shape) / np.sqrt(fan_in))
            else:
                weight.assign(rng.uniform(0.1, 1.0, weight.shape))
    return model
