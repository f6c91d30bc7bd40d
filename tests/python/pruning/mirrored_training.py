# SPDX-License-Identifier: Apache-2.0
"""Trains pruned models on two virtual CPU devices and on one: `python mirrored_training.py FILE`.

A process of its own, because virtual devices are configured before TensorFlow is used. FILE, .npz,
gets for every case the arrays

    CASE/one/KERNEL/WHAT      WHAT: kernel, mask and, with importance "gradient", sensitivity
    CASE/two/KERNEL/WHAT/R    the copy of replica R
    CASE/one/stripped         outputs of the stripped model, and CASE/two/stripped
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pruning_models import data, outputs, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

BATCH = 8
NO_UPDATES = ubp.ConstantSparsity(0.5, begin_step=10**6)
GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)
# Sums of two halves of a batch differ in bfloat16; at these steps that does not decide a near tie.
WITHOUT_TIES = ubp.PolynomialDecay(0.25, 0.75, begin_step=1, end_step=5, power=1, frequency=2)
CASES: dict[str, dict[str, Any]] = {
    "masked": {},
    "global": {"gradients": "straight_through", "scope": "global"},
    "bfloat16": {"policy": "mixed_bfloat16", "schedule": WITHOUT_TIES},
    "float16": {"policy": "mixed_float16"},
    "observed": {"importance": "gradient", "schedule": NO_UPDATES},
    "resumed": {"importance": "gradient", "resumed": True},
    "penalty": {"schedule": ubp.ADMM(0.5, begin_step=0, end_step=6, frequency=2)},
    "pruned_outside": {"prune_outside": True},
}
ARGUMENTS = ("gradients", "importance", "scope", "schedule")


def compiled(model: keras.Model) -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss, jit_compile=False)
    return model


def prune(model: keras.Model, case: dict[str, Any]) -> keras.Model:
    given = {name: case[name] for name in ARGUMENTS if name in case}
    return ubp.prune(model, **({"schedule": GRADUAL} | given))


def dense_model(policy: str = "float32") -> keras.Model:
    keras.config.set_dtype_policy(policy)
    try:
        return sequential_model()
    finally:
        keras.config.set_dtype_policy("float32")


def train(case: dict[str, Any], strategy: tf.distribute.Strategy, file: Path) -> keras.Model:
    keras.utils.set_random_seed(0)
    with strategy.scope():
        pruned = model = dense_model(case.get("policy", "float32"))
        if not case.get("prune_outside"):
            pruned = compiled(prune(model, case))
    if case.get("prune_outside"):
        pruned = prune(model, case)
        with strategy.scope():
            compiled(pruned)
    x, y = data()
    for last in (False, True):
        pruned.fit(
            x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[ubp.UpdatePruning()]
        )
        if case.get("resumed") and not last:
            pruned.save(file)
            with strategy.scope():
                pruned = keras.models.load_model(file)
    return pruned


def arrays(model: keras.Model) -> Iterator[tuple[str, Any]]:
    for layer in pruned_layers(model):
        for kernel in layer.kernels:
            yield f"{kernel.name}/kernel", kernel.variable
            yield f"{kernel.name}/mask", kernel.mask
            if kernel.sensitivity is not None:
                yield f"{kernel.name}/sensitivity", kernel.sensitivity


def main(file: str) -> None:
    (processor,) = tf.config.list_physical_devices("CPU")
    virtual = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, virtual)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    results: dict[str, Any] = {}
    for name, case in CASES.items():
        saved = Path(file).with_name(f"{name}.keras")
        one, both = (train(case, each, saved) for each in (tf.distribute.get_strategy(), two))
        for key, variable in arrays(one):
            results[f"{name}/one/{key}"] = variable.numpy()
        for key, variable in arrays(both):
            for replica, copy in enumerate(two.experimental_local_results(variable.value)):
                results[f"{name}/two/{key}/{replica}"] = copy.numpy()
        results[f"{name}/one/stripped"] = outputs(ubp.strip(one)).astype(np.float32)
        results[f"{name}/two/stripped"] = outputs(ubp.strip(both)).astype(np.float32)
    np.savez(file, **results)


if __name__ == "__main__":
    main(sys.argv[1])
