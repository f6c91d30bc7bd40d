# SPDX-License-Identifier: Apache-2.0
"""Takes the time of training steps, and of updates of masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import keras
import numpy as np

import ubp
from bench.harness.statistics import Spread, take_turns
from bench.pruning.report import StepResult, UpdateResult
from ubp.masking.scopes import as_scope
from ubp.masking.updates import update_at_step_zero
from ubp.pruning.layers.pruned_layer import PrunedLayer

_CLASSES = 1000
_WARM_UP_STEPS = 3  # the first traces the step
_SEED = 0
Batch = tuple[np.ndarray, np.ndarray]


def mobilenet(alpha: float, size: int) -> keras.Model:
    """Compiled, with random weights."""
    keras.utils.set_random_seed(_SEED)
    model = keras.applications.MobileNet(
        input_shape=(size, size, 3), alpha=alpha, weights=None, classes=_CLASSES
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", jit_compile=False)
    return model


def random_batch(size: int, batch: int) -> Batch:
    """Images of noise, float32 [batch, size, size, 3], and classes."""
    rng = np.random.default_rng(_SEED)
    images = rng.standard_normal((batch, size, size, 3), dtype=np.float32)
    return images, rng.integers(0, _CLASSES, batch)


def measure_steps(
    dense: keras.Model,
    pruned: keras.Model,
    batch: Batch,
    groups: int,
    size: int,
    after_step: Callable[[], object],
) -> StepResult:
    """Train both models, a group of steps of one and then of the other.

    Args:
        dense, pruned: compiled; their weights change.
        batch: the same in every step, so that no time is spent on data.
        groups: of either model.
        size: steps of a group.
        after_step: called after each of 2 * groups * size steps.
    """
    driver = _Driver(pruned, batch)
    for _ in range(_WARM_UP_STEPS):
        dense.train_on_batch(*batch)
        driver.warm_up()

    def group_of(step: Callable[[], float]) -> float:
        """Seconds of a step, on average."""
        total = 0.0
        for _ in range(size):
            total += step()
            after_step()
        return total / size

    timers = {
        "dense": lambda: group_of(lambda: _timed_step(dense, batch)),
        "pruned": lambda: group_of(driver.step),
    }
    seconds = take_turns(timers, groups)
    driver.end()
    return StepResult(
        steps=groups * size,
        dense=Spread.of(seconds["dense"]),
        pruned=Spread.of(seconds["pruned"]),
        ratio=Spread.of_ratios(seconds["pruned"], seconds["dense"]),
        updates=driver.updates,
        callback_seconds=driver.callback_seconds,
        pruned_seconds=sum(seconds["pruned"]) * size,
    )


def measure_updates(
    layers: Sequence[PrunedLayer],
    methods: Sequence[str],
    scopes: Sequence[str],
    rounds: int,
    between: float,
    after_update: Callable[[], object],
) -> Iterator[UpdateResult]:
    """The time of an update of all masks by every method in every scope, in turn in each round.

    Args:
        layers: pruned for scope="latency"; the last settings stay with them.
        methods, scopes: all combinations are measured.
        rounds: updates of each.
        between: seconds from an update to the next.
        after_update: called after each of them.
    """

    def update(method: str, scope: str) -> float:
        for layer in layers:
            layer.settings = replace(layer.settings, method=method, scope=as_scope(scope))
        begin = time.perf_counter()
        update_at_step_zero(layers)
        seconds = time.perf_counter() - begin
        after_update()
        return seconds

    pairs = {f"{method} {scope}": (method, scope) for scope in scopes for method in methods}
    times = take_turns({name: partial(update, *pair) for name, pair in pairs.items()}, rounds)
    for name, (method, scope) in pairs.items():
        seconds = Spread.of(times[name])
        yield UpdateResult(method, scope, seconds, seconds.median / (seconds.median + between))


class _Driver:
    """Trains a pruned model, and takes the time of `UpdatePruning` apart."""

    def __init__(self, model: keras.Model, batch: Batch) -> None:
        self._model, self._batch = model, batch
        self._callback = ubp.UpdatePruning()
        self._callback.set_model(model)
        self._callback.on_train_begin()
        self._seen = self._callback.updates
        self.callback_seconds = 0.0
        self.updates = 0

    def warm_up(self) -> None:
        """A step that is not counted."""
        self._model.train_on_batch(*self._batch)

    def step(self) -> float:
        """A step; the seconds that it took without the callback."""
        begin = time.perf_counter()
        self._callback.on_train_batch_begin(0)
        self.callback_seconds += time.perf_counter() - begin
        if self._callback.updates is not self._seen:
            self._seen = self._callback.updates
            self.updates += 1
        seconds = _timed_step(self._model, self._batch)
        begin = time.perf_counter()
        self._callback.on_train_batch_end(0, {})
        self.callback_seconds += time.perf_counter() - begin
        return seconds

    def end(self) -> None:
        """Finish training."""
        self._callback.on_train_end()


def _timed_step(model: keras.Model, batch: Batch) -> float:
    begin = time.perf_counter()
    model.train_on_batch(*batch)
    return time.perf_counter() - begin
