# SPDX-License-Identifier: Apache-2.0
"""Training of the digits network: dense, then pruned while it trains on."""

from __future__ import annotations

import math
from typing import Any

import keras

import ubp
from demo.digits import Images
from demo.settings import SPARSITY
from ubp.progress import ProgressBar
from ubp.pruning import Pattern

_BATCH = 32
_DENSE_RATE = 1e-3
_PRUNING_RATE = 5e-4
_RISING_SHARE = 0.6  # of the steps, in which the sparsity rises; the rest trains what is kept


def train_dense(model: keras.Model, images: Images, epochs: int, seed: int) -> None:
    """Train the network in place."""
    _fit(model, images, epochs, seed, _DENSE_RATE, "dense", [])


def train_pruned(
    model: keras.Model,
    images: Images,
    pattern: Pattern,
    epochs: int,
    updates: int,
    seed: int,
    title: str,
) -> keras.Model:
    """A copy of the trained network, pruned while it trains on; an ordinary model with zeros.

    Args:
        model: the dense network; stays as it is.
        images: to train with. The same seed gives the same batches, whatever the pattern.
        pattern: what is kept.
        epochs: passes over the images.
        updates: how often the masks are chosen anew.
        seed: of the order of the images.
        title: of the progress bar.
    """
    rising_steps = _RISING_SHARE * epochs * _steps_per_epoch(images)
    frequency = max(1, int(rising_steps / updates))
    schedule = ubp.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=SPARSITY,
        begin_step=0,
        end_step=frequency * updates,
        frequency=frequency,
    )
    pruned = ubp.prune(model, schedule, pattern)
    _fit(pruned, images, epochs, seed, _PRUNING_RATE, title, [ubp.UpdatePruning()])
    return ubp.strip(pruned)


def _fit(
    model: keras.Model,
    images: Images,
    epochs: int,
    seed: int,
    rate: float,
    title: str,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    keras.utils.set_random_seed(seed)  # fit shuffles the images with it
    steps = epochs * _steps_per_epoch(images)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # slower on a CPU
    )
    model.fit(
        images.pixels,
        images.labels,
        batch_size=_BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, _ProgressBar(title, steps)],
    )


def _steps_per_epoch(images: Images) -> int:
    return math.ceil(len(images) / _BATCH)


class _ProgressBar(keras.callbacks.Callback):
    """One bar for all of `fit`, with the figures of the last epoch."""

    def __init__(self, title: str, steps: int) -> None:
        super().__init__()
        self._bar = ProgressBar(total=steps, desc=f"  {title:<18}", unit="step")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        figures = {"accuracy": f"{logs['accuracy']:.1%}"}
        if "sparsity" in logs:
            figures["sparsity"] = f"{logs['sparsity']:.0%}"
        self._bar.set_postfix(figures)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._bar.close()
