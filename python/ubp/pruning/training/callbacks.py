# SPDX-License-Identifier: Apache-2.0
"""`UpdatePruning`: drives the pruned layers of a model during `fit`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ubp.arguments import shown
from ubp.log import shown_logger
from ubp.masking.updates import MaskUpdate, advance, update_at_step_zero
from ubp.pruning.layers.observation import obstacle_to_observation
from ubp.pruning.layers.pruned_layer import PrunedLayer, overall_sparsity, pruned_layers


class UpdatePruning(keras.callbacks.Callback):
    """Updates the masks by the schedule as training goes on; `fit` of a pruned model needs it.

    Before each training step the step is counted and, where the schedule says so, masks are chosen
    anew. The share of pruned weights over all pruned layers joins the logs as `sparsity`: Keras's
    progress bar shows it, and the `History` keeps it. From each epoch's end to the next step pruned
    weights are exactly zero in the kernels. The place in the list of callbacks does not matter for
    saved files (see layers/pruned_layer.py); callbacks that read the logs, like CSVLogger, come
    after this one.

    The count of steps is saved with the model, so `fit` of a loaded model goes on where it stopped.

    In a training loop of one's own: `set_model(model)` and `on_train_begin()` before it,
    `on_train_batch_begin(batch)` and `on_train_batch_end(batch)` around each step,
    `on_epoch_end(epoch)`, and `on_train_end()` after it. On JAX the loop assigns its state to the
    model's variables before `on_train_batch_begin` and `on_epoch_end`, and reads it from there
    after them.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
        >>> schedule = ubp.PolynomialDecay(0.0, 0.75, begin_step=0, end_step=2, frequency=1)
        >>> pruned = ubp.prune(model, schedule, layers="hidden")
        >>> pruned.compile("sgd", "mse")
        >>> x, y = np.ones((32, 16)), np.ones((32, 8))
        >>> history = pruned.fit(x, y, batch_size=8, verbose=0, callbacks=[ubp.UpdatePruning()])
        >>> [round(float(value), 2) for value in history.history["sparsity"]]
        [0.75]

    Args:
        verbose: 0, or 1 for a line about each update: sparsity, how many of the kept weights came
            back, how much importance is kept, and how long the update took; while a schedule
            regularises, how far the kernels are from blocks. The lines are of level INFO, for
            the handlers of `logging` that the program has set up, or else standard output.

    Raises:
        ValueError: if `verbose` is neither 0 nor 1.

    Attributes:
        updates: what the last update did to each kernel; empty before the first.
    """

    def __init__(self, verbose: int = 0) -> None:
        super().__init__()
        if not isinstance(verbose, int) or verbose not in (0, 1):
            raise ValueError(f"UpdatePruning: verbose is {shown(verbose)}; expected 0 or 1.")
        self.updates: list[MaskUpdate] = []
        self._verbose = verbose
        self._layers: list[PrunedLayer] = []
        self._first_batch = 0
        self._sparsity = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Find the pruned layers.

        Raises:
            ValueError: if the model has none, or gradients that importance goes by cannot be
                observed in this training.
        """
        self._layers = pruned_layers(self.model)
        if not self._layers:
            raise ValueError(
                f"UpdatePruning: model '{self.model.name}' has no pruned layer; fit the model that "
                "ubp.prune(model, schedule) returns."
            )
        self._check_observation()
        self._take(begin(self._layers), time.perf_counter())
        self._measure()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for layer in self._layers:  # another callback may have set weights, masks among them
            layer.expect_other_weights()
        self._measure()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if any(layer.may_be_aside for layer in self._layers):
            self._attach_weights()
            for layer in self._layers:
                layer.put_back()
        self._first_batch = batch
        self._advance(1)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With steps_per_execution > 1 the batch that ends is a later one than the one that began;
        # in an epoch's last execution Keras's number may lie beyond the last batch.
        batches = self.params.get("steps") if self.params else None
        last_batch = batch if batches is None else min(batch, batches - 1)
        self._advance(last_batch - self._first_batch)
        if batches is None or last_batch == batches - 1:  # others may take the weights next
            self._attach_weights()
            for layer in self._layers:
                layer.write_step()
        if logs is not None:
            logs["sparsity"] = self._sparsity

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for layer in self._layers:
            layer.end_epoch()
        if logs is not None:
            logs["sparsity"] = self._sparsity

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for layer in self._layers:
            layer.end_training()

    def _advance(self, steps: int) -> None:
        started = time.perf_counter()
        self._take(advance(self._layers, steps, self._attach_weights), started)

    def _attach_weights(self) -> None:
        """Let the model's variables have their values, which JAX holds elsewhere between steps."""
        _ = self.model  # Keras does so for callbacks that ask for it

    def _check_observation(self) -> None:
        observe = any(layer.settings.importance.uses_gradients for layer in self._layers)
        optimizer = getattr(self.model, "optimizer", None)  # none in a loop of one's own
        obstacle = obstacle_to_observation(optimizer) if observe else None
        if obstacle is not None:
            raise ValueError(f"UpdatePruning: {obstacle}.")

    def _take(self, updates: list[MaskUpdate], started: float) -> None:
        if not updates:
            return
        self.updates = updates
        self._measure()
        if self._verbose:
            seconds = time.perf_counter() - started
            shown_logger(__name__).info("%s, updated in %.2f s", _line(updates), seconds)

    def _measure(self) -> None:
        self._sparsity = overall_sparsity(self._layers)


def begin(layers: Sequence[PrunedLayer]) -> list[MaskUpdate]:
    """Begin to count steps; masks that are due at step 0 are chosen now."""
    for layer in layers:
        layer.begin_training()
    return update_at_step_zero([layer for layer in layers if layer.steps_begun == 0])


def _line(updates: Sequence[MaskUpdate]) -> str:
    """An update of all kernels in one line; shares are of all their weights together."""
    begins = f"UpdatePruning: step {updates[0].step}:"
    sizes = np.array([update.size for update in updates])
    residuals = [update.residual for update in updates if update.residual is not None]
    if len(residuals) == len(updates):
        distance = np.average(residuals, weights=sizes)
        return f"{begins} {len(updates)} kernels, {distance:.1%} of their norm away from blocks"
    kept = sizes * [1.0 - update.sparsity for update in updates]
    returned = float(kept @ [update.moved for update in updates]) / max(float(kept.sum()), 1.0)
    importance = np.average([update.kept_importance for update in updates], weights=sizes)
    return (
        f"{begins} {1.0 - kept.sum() / sizes.sum():.2%} of {len(updates)} kernels pruned, "
        f"{returned:.1%} of the kept weights came back, {importance:.1%} of importance kept"
    )
