"""`UpdatePruning`: drives the pruned layers of a model during `fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ubp.pruning.wrapper import PrunedLayer, pruned_layers


class UpdatePruning(keras.callbacks.Callback):
    """Updates the masks by the schedule as training goes on; `fit` of a pruned model needs it.

    Before each training step the step is counted and, where the schedule says so, masks are chosen
    anew. At each epoch's end pruned weights are set to exactly zero and the share of pruned weights
    over all pruned layers joins the logs as `sparsity`: Keras's progress bar shows it, and the
    `History` keeps it. The place in the list of callbacks does not matter for saved files (see
    `ubp.pruning.wrapper`); callbacks that read the logs, like CSVLogger, come after this one.

    The count of steps is saved with the model, so `fit` of a loaded model goes on where it stopped.

    In a training loop of one's own: `set_model(model)` and `on_train_begin()` before it,
    `on_train_batch_begin(batch)` and `on_train_batch_end(batch)` around each step,
    `on_epoch_end(epoch)`, and `on_train_end()` after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[PrunedLayer] = []
        self._first_batch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Find the pruned layers.

        Raises:
            ValueError: if the model has none.
        """
        self._layers = pruned_layers(self.model)
        if not self._layers:
            raise ValueError(
                f"UpdatePruning: model '{self.model.name}' has no pruned layer; fit the model that "
                "ubp.prune(model, schedule) returns."
            )
        self._begin()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._begin()  # other callbacks may have loaded weights, and with them the step

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first_batch = batch
        self._advance(1)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With steps_per_execution > 1 the batch that ends is a later one than the one that began;
        # in an epoch's last execution Keras's number may lie beyond the last batch.
        batches = self.params.get("steps") if self.params else None
        last_batch = batch if batches is None else min(batch, batches - 1)
        self._advance(last_batch - self._first_batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for layer in self._layers:
            layer.commit()
        if logs is not None:
            sizes = [np.prod(layer.mask.shape) for layer in self._layers]
            sparsities = [layer.sparsity for layer in self._layers]
            logs["sparsity"] = float(np.average(sparsities, weights=sizes))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for layer in self._layers:
            layer.end_training()

    def _begin(self) -> None:
        for layer in self._layers:
            layer.begin_training()

    def _advance(self, steps: int) -> None:
        for layer in self._layers:
            layer.advance(steps)
