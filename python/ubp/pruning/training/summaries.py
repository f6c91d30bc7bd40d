# SPDX-License-Identifier: Apache-2.0
"""`PruningSummaries`: writes what mask updates do for TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras

from ubp.arguments import check_path
from ubp.extras import extra_needed
from ubp.masking.updates import MaskUpdate
from ubp.pruning.layers.pruned_kernel import PrunedKernel
from ubp.pruning.layers.pruned_layer import PrunedLayer, overall_sparsity, pruned_layers

_FIGURES = ("sparsity", "threshold", "moved", "kept_importance", "residual")
_DATA_CLASS_SCALAR = 1  # of TensorFlow's summary.proto
_RUN = "pruning"  # beside "train" and "validation" of keras.callbacks.TensorBoard


class PruningSummaries(keras.callbacks.Callback):
    """Writes a scalar for every kernel and figure at each mask update, and the model's sparsity.

        pruned.fit(x, y, callbacks=[ubp.UpdatePruning(), ubp.PruningSummaries("logs")])

    The step is that of training. The tags are FIGURE/KERNEL, so that TensorBoard shows all kernels
    of a figure side by side, and `sparsity` of the whole:

        sparsity         share of the kernel's weights that the mask removes; what `ubp.convert`
                         reports of the layer
        threshold        importance of the least important block that is kept
        moved            share of the kept weights that the mask before did not keep
        kept_importance  share of the kernel's importance that is kept
        residual         while the schedule regularises: distance from blocks, relative to the norm
        sparsity         without a kernel: share of the weights of all pruned kernels that the masks
                         remove, as `UpdatePruning` gives it to the `History`

    The place in the list of callbacks does not matter. TensorFlow writes the files, so it has to be
    installed, whatever backend Keras has.

        >>> import tempfile
        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.75), layers="hidden")
        >>> pruned.compile("sgd", "mse")
        >>> x, y = np.ones((32, 16)), np.ones((32, 8))
        >>> with tempfile.TemporaryDirectory() as logs:
        ...     callbacks = [ubp.UpdatePruning(), ubp.PruningSummaries(logs)]
        ...     history = pruned.fit(x, y, verbose=0, callbacks=callbacks)

    Args:
        log_dir: events go into its folder "pruning"; the same folder that
            `keras.callbacks.TensorBoard` is given may be used.

    Raises:
        ValueError: if `log_dir` is no path.
    """

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        super().__init__()
        check_path("log_dir", log_dir)
        self._folder = Path(log_dir) / _RUN
        self._layers: list[PrunedLayer] = []
        self._kernels: list[PrunedKernel] = []
        self._written: list[MaskUpdate | None] | None = None  # by kernel
        self._writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Find the pruned kernels, begin a file of events.

        Raises:
            ValueError: if the model has no pruned layer.
            OSError: if there can be no folder for it.
            ImportError: if TensorFlow is not installed.
        """
        self._layers = pruned_layers(self.model)
        if not self._layers:
            raise ValueError(
                f"PruningSummaries: model '{self.model.name}' has no pruned layer; fit the model "
                "that ubp.prune(model, schedule) returns."
            )
        with extra_needed("PruningSummaries"):
            import tensorflow as tf
        self._make_folder()
        self._kernels = [kernel for layer in self._layers for kernel in layer.kernels]
        self._written = None
        self._writer = tf.summary.create_file_writer(str(self._folder))

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the masks of step 0, if training begins there.

        Raises:
            RuntimeError: if the callback `UpdatePruning` is missing.
        """
        # By now UpdatePruning has begun, wherever it is in the list.
        if not all(layer.is_driven for layer in self._layers):
            raise RuntimeError(
                "PruningSummaries: no masks are updated without the callback UpdatePruning; pass "
                "callbacks=[ubp.UpdatePruning(), ubp.PruningSummaries(log_dir)] to fit()."
            )
        if self._written is None:  # what earlier calls of fit did is not written again
            past = any(layer.steps_begun for layer in self._layers)
            self._written = [each.last_update if past else None for each in self._kernels]
        self._write()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._write()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._write()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._write()
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._writer.close()

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise type(error)(
                f"PruningSummaries: {self._folder} cannot be made ({error.strerror}); expected a "
                "log_dir that is a folder, or can become one."
            ) from error

    def _write(self) -> None:
        """Write the updates that came since the last call."""
        assert self._written is not None
        updates = [kernel.last_update for kernel in self._kernels]
        new = [
            update
            for update, before in zip(updates, self._written, strict=True)
            if update is not None and update is not before
        ]
        if not new:
            return
        self._written = updates
        with self._writer.as_default():
            for update in new:
                _write_scalars(update)
            step = max(update.step for update in new)
            # self.model: with JAX, Keras then gives the variables the values of this step.
            _write_scalar("sparsity", overall_sparsity(pruned_layers(self.model)), step)


def _write_scalars(update: MaskUpdate) -> None:
    for figure in _FIGURES:
        value = getattr(update, figure)
        if value is not None:
            _write_scalar(f"{figure}/{update.name}", value, update.step)


def _write_scalar(tag: str, value: float, step: int) -> None:
    """As `tf.summary.scalar`, which would ask for TensorBoard where the model is trained."""
    import tensorflow as tf

    of_scalars = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    metadata = tf.compat.v1.SummaryMetadata(plugin_data=of_scalars, data_class=_DATA_CLASS_SCALAR)
    tf.summary.write(tag, tf.constant(value, tf.float32), step=step, metadata=metadata)
