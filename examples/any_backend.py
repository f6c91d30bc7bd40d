# SPDX-License-Identifier: Apache-2.0
"""The same steps on any backend of Keras: `KERAS_BACKEND=jax python any_backend.py [FOLDER]`."""

import sys
from pathlib import Path

import keras
import numpy as np

import ubp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(512, 16, 16, 3)).astype("float32")
y = (x.mean(axis=(1, 2)) @ [1.0, -1.0, 0.5] > 0).astype("int32")
layers = [keras.layers.Conv2D(64, 3, activation="relu", name=f"conv_{i}") for i in range(3)]
tail = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, name="classifier")]
model = keras.Sequential([keras.Input((16, 16, 3)), *layers, *tail])

pruned = ubp.prune(model, ubp.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=24, frequency=4))
pruned.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
pruned.fit(x, y, epochs=1, callbacks=[ubp.UpdatePruning()])
pruned.save(folder / "pruned.keras")
pruned = keras.models.load_model(folder / "pruned.keras")  # on this backend or another one
pruned.fit(x, y, epochs=1, callbacks=[ubp.UpdatePruning()])
result = ubp.convert(ubp.strip(pruned))
result.save(folder / "model.tflite")
print(keras.backend.backend(), f"{result.report[1].sparsity:.3f} of conv_1 pruned")
print("verified:", ubp.verify(result.dense, result.model).passed)
