# SPDX-License-Identifier: Apache-2.0
"""First layers: whether what they make of the samples speaks of the wrong preprocessing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ubp.data import Samples
from ubp.data.suspicions import scale_suspicion, statistics_suspicion
from ubp.pruning.layers.walking import iterate_layers
from ubp.reconstruction.network.interception import Intercepted, first_call_in

_PICTURES = 64

Run = Callable[[Any], Any]


def suspicion_of(model: keras.Model, samples: Samples, run: Run) -> str | None:
    """What speaks against samples, in a sentence; None if nothing does.

    Looked at is the first batch normalisation that is called, or, where none is trained, the first
    layer with a bias; see ubp.data.suspicions.

    Args:
        model: the dense one.
        samples: of which some are enough.
        run: calls the model on a batch of them.

    Raises:
        RuntimeError: if such a layer is called inside a `tf.function`.
    """
    batch = next(iter(samples.first(_PICTURES).batched(_PICTURES)))
    layers = [layer for layer in iterate_layers(model) if _is_normalisation(layer)]
    call = first_call_in(lambda: run(batch), layers)
    if call is not None:
        return _of_normalisation(call)
    layers = [layer for layer in iterate_layers(model) if _has_bias(layer)]
    call = first_call_in(lambda: run(batch), layers)
    return None if call is None else _of_bias(call)


def _is_normalisation(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a batch normalisation that was trained."""
    if not isinstance(layer, keras.layers.BatchNormalization):
        return False
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    return bool((mean != 0).any() or (variance != 1).any())


def _has_bias(layer: keras.layers.Layer) -> bool:
    parts = all(hasattr(layer, name) for name in ("kernel", "bias", "activation"))
    return parts and layer.bias is not None


def _of_normalisation(call: Intercepted) -> str | None:
    layer, values = call.layer, np.asarray(call.inputs, np.float64)
    rows = np.moveaxis(values, layer.axis, -1).reshape(-1, values.shape[layer.axis])
    moving = (np.asarray(each) for each in (layer.moving_mean, layer.moving_variance))
    return statistics_suspicion(layer.name, rows.mean(0), rows.var(0), *moving)


def _of_bias(call: Intercepted) -> str | None:
    layer = call.layer
    bias = np.asarray(layer.bias, np.float64)
    with _bare(layer):
        outputs = np.asarray(layer(call.inputs))
    if outputs.shape[-1] != bias.size:  # channels first
        outputs = np.moveaxis(outputs, 1, -1)
    return scale_suspicion(layer.name, outputs.reshape(-1, bias.size), bias)


@contextmanager
def _bare(layer: keras.layers.Layer) -> Any:
    """Within, a layer has no activation."""
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation
