# SPDX-License-Identifier: Apache-2.0
"""Prunes a small model on the backend of Keras that KERAS_BACKEND names: a program for the tests.

    python backend_training.py FOLDER

A process of its own, because a process has one backend. FOLDER gets results.npz, with the arrays

    CASE/mask/KERNEL             bool [steps, lanes, channels], after each step
    CASE/WHAT/KERNEL             what `held` gives in the end
    CASE/file/WHAT/KERNEL        what `held` gives of the file that the run saves half-way
    CASE/importance/KERNEL/STEP  what the update before a step chose by, on TensorFlow alone
    CASE/stripped                outputs of the stripped model
    CASE/resumed                 how many weights differ if the run is saved and loaded half-way

On other backends than TensorFlow this is as if it were not installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    sys.modules["tensorflow"] = None  # type: ignore[assignment]

import keras
import numpy as np
from keras import layers
from pruning_models import data, functional_model, outputs, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

STEPS, BATCH = 8, 8
GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)
# Rounding to int8 makes much of little differences: masks are chosen before there are many steps.
ONCE = ubp.ConstantSparsity(0.5, begin_step=2, end_step=2)
CASES: dict[str, dict[str, Any]] = {
    "masked": {"resumed": True},
    "straight_through": {"gradients": "straight_through", "scope": "global"},
    "gradient": {"importance": "gradient", "frozen": True, "resumed": True},
    "shared": {"importance": "gradient", "make": "shared"},
    "subclassed": {"make": "subclassed"},
    "admm": {
        "schedule": ubp.ADMM(0.5, begin_step=0, end_step=6, frequency=2),
        "resumed": True,
    },
    "reweighted": {
        "schedule": ubp.ReweightedRegularization(0.5, begin_step=0, end_step=6, frequency=2)
    },
    "float16": {"importance": "gradient", "policy": "mixed_float16"},
    "int8": {"schedule": ONCE, "quantize": ubp.QuantizeAware(), "resumed": True},
}
ARGUMENTS = ("gradients", "importance", "quantize", "schedule", "scope")
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


class Subclassed(keras.Model):
    """Layers as attributes and in a list."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.stem = layers.Conv2D(8, 3, name="stem")
        self.blocks = [layers.Conv2D(12, 1, name="conv_1x1"), layers.Flatten()]
        self.hidden = layers.Dense(16, activation="relu", name="hidden")
        self.classifier = layers.Dense(5, name="classifier")

    def call(self, inputs: Any) -> Any:
        x = self.stem(inputs)
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.hidden(x))


def shared_model() -> keras.Model:
    """A layer that is called twice."""
    inputs = keras.Input((8, 8, 2))
    conv = layers.Conv2D(8, 3, padding="same", name="conv")
    x = conv(layers.Conv2D(8, 1, name="stem")(inputs))
    x = layers.GlobalAveragePooling2D()(conv(x))
    return keras.Model(inputs, layers.Dense(5, name="classifier")(x))


def made(case: dict[str, Any]) -> keras.Model:
    """The dense model, of the same weights on all backends."""
    make = {"shared": shared_model, "subclassed": Subclassed}
    keras.config.set_dtype_policy(case.get("policy", "float32"))
    try:
        model = make.get(case.get("make", ""), sequential_model)()
        model(data(1)[0])
    finally:
        keras.config.set_dtype_policy("float32")
    rng = np.random.default_rng(3)
    for layer in model.layers if model.name != "subclassed" else ubp_layers(model):
        if len(layer.weights) == 2:  # kernels of distinct magnitudes: no near tie decides
            kernel = layer.kernel
            signs = rng.choice([-1.0, 1.0], kernel.shape)
            sizes = rng.permutation(np.geomspace(0.02, 1.0, signs.size)).reshape(kernel.shape)
            kernel.assign((signs * sizes / np.sqrt(np.prod(kernel.shape[:-1]))).astype("float32"))
    if case.get("frozen"):
        model.get_layer("hidden").trainable = False
    return model


def ubp_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of the subclassed model in an order of our own."""
    return [model.stem, *model.blocks, model.hidden, model.classifier]


def compiled(model: keras.Model) -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    jit_compile = False if ON_TENSORFLOW else "auto"
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss, jit_compile=jit_compile)
    return model


def held(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """WHAT/KERNEL and its value: begun steps, kernel, kept weights and observed sensitivity."""
    for layer in pruned_layers(model):
        for kernel in layer.kernels:
            yield f"steps/{kernel.name}", layer.steps_begun
            yield f"kernel/{kernel.name}", kernel.stored()
            yield f"kept/{kernel.name}", kernel.mask_matrix()
            if kernel.sensitivity is not None:
                yield f"sensitivity/{kernel.name}", kernel.sensitivity.numpy()


class Recorder(keras.callbacks.Callback):
    """Notes masks after each step and, on TensorFlow, what an update is about to choose by."""

    def __init__(self, results: dict[str, Any], case: str, begun: int) -> None:
        super().__init__()
        self._results, self._case, self._step = results, case, begun

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._step += 1
        for layer in pruned_layers(self.model):
            is_due, _ = layer.settings.schedule(self._step)
            if ON_TENSORFLOW and is_due:
                for kernel in layer.kernels:
                    key = f"{self._case}/importance/{kernel.name}/{self._step}"
                    self._results[key] = kernel.importance(layer.settings.importance)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        for layer in pruned_layers(self.model):
            for kernel in layer.kernels:
                masks = self._results.setdefault(f"{self._case}/mask/{kernel.name}", [])
                masks.append(kernel.mask_matrix())


def fit(model: keras.Model, callbacks: list[Any], half: int) -> keras.Model:
    x, y = data(BATCH * STEPS)
    rows = slice(half * BATCH * STEPS // 2, (half + 1) * BATCH * STEPS // 2)
    model.fit(x[rows], y[rows], batch_size=BATCH, shuffle=False, verbose=0, callbacks=callbacks)
    return model


def run(name: str, case: dict[str, Any], results: dict[str, Any], file: Path) -> None:
    keras.utils.set_random_seed(0)
    given = {key: case[key] for key in ARGUMENTS if key in case}
    model = compiled(ubp.prune(made(case), **({"schedule": GRADUAL} | given)))
    for half in (0, 1):
        recorder = Recorder(results, name, half * STEPS // 2)
        fit(model, [recorder, ubp.UpdatePruning()], half)
        if not half and case.get("resumed"):
            model.save(file)
    results.update({f"{name}/{key}": value for key, value in held(model)})
    results[f"{name}/stripped"] = keras.ops.convert_to_numpy(
        keras.ops.cast(ubp.strip(model)(data()[0], training=False), "float32")
    )
    if case.get("resumed"):
        loaded = keras.models.load_model(file)
        results.update({f"{name}/file/{key}": value for key, value in held(loaded)})
        resumed = fit(loaded, [ubp.UpdatePruning()], 1)
        pairs = zip(model.get_weights(), resumed.get_weights(), strict=True)
        results[f"{name}/resumed"] = sum(not np.array_equal(*pair) for pair in pairs)


def others(results: dict[str, Any]) -> None:
    """What needs no training."""
    dense = functional_model()
    ordered = ubp.permute_channels(dense)
    results["permuted"] = ordered.model.get_layer("conv_3x3").get_weights()[0]
    removed = ubp.remove_channels(dense, 0.5)
    results["removed"] = removed.model.get_layer("conv_3x3").get_weights()[0]
    ubp.recalibrate_batch_norm(dense, data()[0], batch_size=16)
    results["recalibrated"] = np.concatenate(dense.get_layer("norm").get_weights()[2:])
    results["inference"] = outputs(dense)


def main(folder: str) -> None:
    results: dict[str, Any] = {}
    for name, case in CASES.items():
        run(name, case, results, Path(folder, f"{name}.keras"))
    others(results)
    np.savez(Path(folder, "results.npz"), **results)


if __name__ == "__main__":
    main(sys.argv[1])
