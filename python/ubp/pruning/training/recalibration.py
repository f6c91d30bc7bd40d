# SPDX-License-Identifier: Apache-2.0
"""`recalibrate_batch_norm`: the statistics of batch normalisation, measured anew.

Pruning changes what reaches a normalisation, but not the mean and the variance that it has learned
to subtract and to divide by. Training on measures them again; without training, this does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
from keras.layers import BatchNormalization

from ubp.arguments import check_whole, shown
from ubp.pruning.layers.walking import check_copyable, check_fit, has_graph, iterate_layers
from ubp.pruning.training.compiled_calls import compiler_of

_EXPECTED = "arrays as the model takes them, or an iterable of batches such as a tf.data.Dataset"


def recalibrate_batch_norm(model: keras.Model, data: Any, *, batch_size: int = 256) -> None:
    """Measure the moving mean and variance of every batch normalisation anew, in place.

    For models that were pruned without training, or changed otherwise: call this on the result of
    `ubp.strip` (or of `ubp.prune`). Each `BatchNormalization` normalises by the batch's own
    statistics, and its moving ones become the average of these over all batches, by the number of
    samples; all other layers run as in inference. Targets are not needed, and no other weight
    changes. Normalisations that are not trainable keep their statistics, and so do those inside
    other layers than models and layers of a user's own class that hold layers.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
        >>> x = np.arange(40, dtype="float32").reshape(10, 4)
        >>> ubp.recalibrate_batch_norm(model, x)
        >>> np.asarray(model.layers[0].moving_mean).tolist()  # the mean of each column
        [18.0, 19.0, 20.0, 21.0]

    Args:
        model: a built model of Keras 3, functional, Sequential or subclassed; pruned or not.
        data: the inputs of some hundred samples or more, as in training: an array [samples, ...] of
            floats or integers, which the model casts to its own type, or a list, tuple or
            dictionary of them for a model with several inputs; or an iterable of batches x, (x, y)
            or (x, y, weights), such as a `tf.data.Dataset`, of which only x is used.
        batch_size: samples of a batch, at least 1; of arrays only. The variance is that within
            batches, so small ones give too little.

    Raises:
        TypeError: if the model is none of Keras 3.
        ValueError: if it is not built, or has no batch normalisation that can be measured; if
            `data` has no sample, or is not what the model takes; if `batch_size` is no whole number
            of at least 1; or if statistics are not finite. The model is then as it was.
        RuntimeError: if the model calls a normalisation inside a function that is compiled, such as
            a `tf.function` or, on JAX, what `jax.jit` returns.
    """
    check_copyable(model, "recalibrate_batch_norm")
    check_whole("batch_size", batch_size, 1)
    measured = _measurable(model)
    with ExitStack() as stack:
        for layer in measured:
            stack.enter_context(_measuring(layer))
        batches = 0
        for batch in _batches(model, data, batch_size):
            model(batch, training=False)
            batches += 1
        if not batches:
            raise ValueError("data has no sample; expected some hundred.")
        for layer in measured:
            _check_finite(layer)


def _measurable(model: keras.Model) -> list[BatchNormalization]:
    found = [layer for layer in iterate_layers(model) if isinstance(layer, BatchNormalization)]
    measured = [layer for layer in found if layer.trainable]
    if not measured:
        why = "is trainable" if found else "is there"
        raise ValueError(
            f"recalibrate_batch_norm: no BatchNormalization of model '{model.name}' {why}; "
            "expected at least one whose statistics can be measured."
        )
    return measured


@contextmanager
def _measuring(layer: BatchNormalization) -> Iterator[None]:
    """Let calls of the layer measure its statistics; after an error it has those it had.

    The momentum seen / (seen + n) weighs each sample alike, so that the moving average becomes the
    plain one.
    """
    variables = (layer.moving_mean, layer.moving_variance)
    before = [np.array(variable.numpy()) for variable in variables]
    momentum, call = layer.momentum, layer.call
    seen = 0

    def measure(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        compiled_by = compiler_of(inputs)
        if compiled_by is not None:
            raise RuntimeError(
                f"recalibrate_batch_norm: layer '{layer.name}' is called inside a {compiled_by}; "
                "expected a model whose call() is not one."
            )
        if not seen:
            for variable in variables:
                variable.assign(np.zeros(variable.shape))  # not finite ones would stay
        samples = inputs.shape[0]
        layer.momentum = seen / (seen + samples)
        seen += samples
        kwargs.pop("training", None)
        return call(inputs, True, *args[1:], **kwargs)

    layer.call = measure
    try:
        yield
    except BaseException:
        for variable, values in zip(variables, before, strict=True):
            variable.assign(values)
        raise
    finally:
        del layer.call
        layer.momentum = momentum


def _batches(model: keras.Model, data: Any, batch_size: int) -> Iterator[Any]:
    """What the model is called on, in turn."""
    leaves = keras.tree.flatten(data)
    if leaves and all(map(_is_array, leaves)):
        yield from _slices(model, data, batch_size)
        return
    if isinstance(data, str | bytes | dict | list | tuple) or not isinstance(data, Iterable):
        raise ValueError(f"data is {shown(data)}; expected {_EXPECTED}.")
    for batch in data:
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        leaves = keras.tree.flatten(inputs)
        if not leaves or not all(map(_is_array, leaves)):
            raise ValueError(f"data has a batch {shown(inputs)}; expected {_EXPECTED}.")
        _check_shapes(model, inputs)
        if leaves[0].shape[0]:
            yield keras.tree.map_structure(_of_backend, inputs)


def _slices(model: keras.Model, data: Any, batch_size: int) -> Iterator[Any]:
    arrays = keras.tree.map_structure(np.asarray, data)
    _check_shapes(model, arrays)
    counts = {len(array) if array.ndim else 0 for array in keras.tree.flatten(arrays)}
    if len(counts) > 1:
        raise ValueError(f"data has arrays of {sorted(counts)} samples; expected as many in each.")
    for start in range(0, max(counts), batch_size):
        chosen = slice(start, start + batch_size)
        yield keras.tree.map_structure(lambda array, rows=chosen: array[rows], arrays)


def _is_array(value: Any) -> bool:
    """Whether this is an array, or a tensor of whichever package."""
    return keras.ops.is_tensor(value) or (hasattr(value, "__array__") and hasattr(value, "shape"))


def _of_backend(value: Any) -> Any:
    """An array or tensor as the model takes it, on whatever backend."""
    return value if keras.ops.is_tensor(value) else np.asarray(value)


def _check_shapes(model: keras.Model, inputs: Any) -> None:
    """Refuse other shapes than those of the model's inputs, where Keras knows these."""
    if has_graph(model):
        check_fit(model, inputs, "data")


def _check_finite(layer: BatchNormalization) -> None:
    for variable in (layer.moving_mean, layer.moving_variance):
        if not np.isfinite(variable.numpy()).all():
            raise ValueError(
                f"data makes the {variable.name} of layer '{layer.name}' infinite or NaN; expected "
                "finite inputs, and a model whose outputs for them are finite."
            )
