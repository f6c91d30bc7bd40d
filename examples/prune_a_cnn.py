# SPDX-License-Identifier: Apache-2.0
"""A worked example: train a small CNN, prune it while it trains on, convert it, check it, time it.

    .venv/bin/python examples/prune_a_cnn.py digits.tflite

About a minute. The data are scikit-learn's scans of handwritten digits, enlarged to 24 x 24.
docs/pruning.md says why the network is permuted first and how the masks are chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import ubp

SPARSITY = 0.9
BLOCK = ubp.UnalignedBlock(4)
BATCH = 32


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="the converted model, a .tflite file to make")
    parser.add_argument("--epochs", type=int, default=10, help="of each training (default: 10)")
    options = parser.parse_args()
    if options.output.exists():
        parser.error(f"{options.output} exists already; name another file.")

    keras.utils.set_random_seed(0)
    scans = load_digits()
    pixels = np.kron(scans.images, np.ones((3, 3)))[..., np.newaxis].astype("float32") / 16.0
    x, x_test, y, y_test = train_test_split(pixels, scans.target, random_state=0)

    dense = compiled(network())
    dense.fit(x, y, BATCH, options.epochs, verbose=2)

    # Channels that matter together come to lie side by side; the function stays the same.
    permuted = ubp.permute_channels(dense, BLOCK.block_size, SPARSITY).model

    # The sparsity rises for 40% of the steps; then the masks stay and the network recovers.
    frequency = 10
    steps = options.epochs * -(-len(x) // BATCH)
    end = max(2, int(0.4 * steps) // frequency) * frequency
    schedule = ubp.PolynomialDecay(0.0, SPARSITY, frequency, end, frequency=frequency)
    pruned = compiled(ubp.prune(permuted, schedule, BLOCK, importance="gradient"))
    ubp.pruning_summary(pruned)
    pruned.fit(x, y, BATCH, options.epochs, verbose=2, callbacks=[ubp.UpdatePruning()])

    final = compiled(ubp.strip(pruned))
    for name, model in (("dense", dense), ("pruned", final)):
        accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
        print(f"{name}: {accuracy:.1%} of {len(x_test)} unseen scans are read correctly")

    result = ubp.convert(final)
    result.save(options.output)
    difference = ubp.verify(result.dense, result.model)
    print(f"{options.output}: {len(result.model) / len(result.dense):.0%} of the dense file's size")
    print(f"largest difference to the dense interpreter: {difference.max_abs_error:.1g}")
    times = ubp.benchmark(
        {
            "dense": Interpreter(model_content=result.dense),
            "pruned": ubp.Interpreter(result.model),
        }
    )
    print(f"{times.speedup('pruned', against='dense'):.2f} times as fast, on one thread")


def network() -> keras.Model:
    """Four convolutions and a classifier."""
    inputs = keras.Input(batch_shape=(None, 24, 24, 1))
    x = inputs
    for channels, stride in ((32, 1), (64, 2), (128, 2), (128, 1)):
        x = layers.Conv2D(channels, 3, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def compiled(model: keras.Model) -> keras.Model:
    """The model, ready to be trained and tested."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    main()
