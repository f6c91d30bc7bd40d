# SPDX-License-Identifier: Apache-2.0
"""A small pruned and converted network that the tests of the demo share."""

from __future__ import annotations

import keras

import ubp


def small_network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((12, 12, 8)),
            keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(64, 1, use_bias=False),
            keras.layers.Conv2D(32, 3, activation="relu6"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
    )


def pruned(model: keras.Model, pattern: ubp.Pattern) -> keras.Model:
    return ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.8), pattern))
