# SPDX-License-Identifier: Apache-2.0
"""Training: pruned networks reach their sparsity, and see the same batches."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ubp
from demo.digits import Images
from demo.training import train_dense, train_pruned


@pytest.fixture
def images() -> Images:
    rng = np.random.default_rng(0)
    return Images(rng.random((70, 6, 6, 1)).astype(np.float32), rng.integers(0, 10, 70))


def tiny_network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(8, 3),
            keras.layers.Conv2D(16, 1),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )


@pytest.mark.parametrize("epochs", [1, 4])
@pytest.mark.parametrize("updates", [1, 3])
def test_pruned_copy_ends_at_the_sparsity(images: Images, epochs: int, updates: int) -> None:
    model = tiny_network()
    before = [weight.numpy() for weight in model.weights]
    result = train_pruned(model, images, ubp.UnalignedBlock(4), epochs, updates, 0, "test")
    assert np.mean(result.layers[1].kernel.numpy() == 0) == pytest.approx(0.8, abs=0.02)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_same_seed_gives_the_same_training(images: Images) -> None:
    models = [tiny_network(), tiny_network()]
    for model in models:
        train_dense(model, images, 2, seed=3)
    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)
