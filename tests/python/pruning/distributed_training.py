# SPDX-License-Identifier: Apache-2.0
"""Prunes on two virtual devices of JAX by `keras.distribution`: a program for the tests.

    python distributed_training.py FILE

FILE, .npz, gets for each importance HOW/IMPORTANCE/WHAT/KERNEL, WHAT: mask, kernel, and with
"gradient" sensitivity. HOW is "one" on one device, "data" with DataParallel, "model" with
ModelParallel, the dense layer's kernel split between the devices.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np
from pruning_models import data, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)


def distribute(how: str) -> None:
    devices = keras.distribution.list_devices("cpu")
    if how == "data":
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    if how == "model":
        mesh = keras.distribution.DeviceMesh((1, 2), ("batch", "model"), devices)
        layouts = keras.distribution.LayoutMap(mesh)
        layouts["hidden/kernel"] = (None, "model")
        keras.distribution.set_distribution(
            keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
        )


def train(how: str, results: dict[str, Any]) -> None:
    x, y = data(64)
    for importance in ("magnitude", "gradient"):
        keras.utils.set_random_seed(0)
        model = ubp.prune(sequential_model(), GRADUAL, importance=importance)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss)
        model.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[ubp.UpdatePruning()])
        for layer in pruned_layers(model):
            (kernel,) = layer.kernels
            results[f"{how}/{importance}/mask/{kernel.name}"] = kernel.mask_matrix()
            results[f"{how}/{importance}/kernel/{kernel.name}"] = kernel.stored()
            if kernel.sensitivity is not None:
                observed = kernel.sensitivity.numpy()
                results[f"{how}/{importance}/sensitivity/{kernel.name}"] = observed
        devices = {len(each.value.sharding.device_set) for each in model.weights}
        results[f"{how}/{importance}/devices"] = max(devices)


def main(file: str) -> None:
    results: dict[str, Any] = {}
    for how in ("one", "data", "model"):
        distribute(how)
        train(how, results)
    np.savez(file, **results)


if __name__ == "__main__":
    main(sys.argv[1])
