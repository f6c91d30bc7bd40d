# SPDX-License-Identifier: Apache-2.0
"""Layer names: which Keras layer each weights tensor of a converted model comes from.

TensorFlow's converter folds batch normalisation and constants into kernels and gives tensors names
of its own making; what it leaves of a kernel is which weights are below zero, up to the sign of
each channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.conversion.load.keras_packages import keras_of
from ubp.lanes import to_lanes


def layer_names(model: Any, tensors: Iterable[tuple[str, npt.NDArray[Any]]]) -> dict[str, str]:
    """The names of Keras layers by those of weights tensors.

    Args:
        model: the built Keras 3 model that was converted; for anything else there are no names.
        tensors: of the file: name and weights [lanes, channels].

    Returns:
        What was found: of layers with one kernel that `ubp.prune` can prune.
    """
    package = keras_of(model)
    if package is None or package.__name__ != "keras":
        return {}
    from ubp.masking.patterns import Unstructured
    from ubp.masking.pruning_settings import PruningSettings
    from ubp.masking.schedules import ConstantSparsity
    from ubp.pruning.layers.choice import why_not_pruned
    from ubp.pruning.layers.prunable import prunable_weights
    from ubp.pruning.layers.walking import iterate_layers

    settings = PruningSettings(ConstantSparsity(0.0), Unstructured())
    waiting: dict[str, list[str]] = {}
    for layer in iterate_layers(model):
        if why_not_pruned(layer, settings) is not None:
            continue
        weights = prunable_weights(layer)
        if len(weights) == 1:
            kernel = to_lanes(np.asarray(weights[0].variable), weights[0].channel_axis)
            waiting.setdefault(_signs(kernel), []).append(layer.name)
    found = {}
    for name, matrix in tensors:
        names = waiting.get(_signs(matrix), [])
        if names:  # of several alike, in the order of the model
            found[name] = names.pop(0) if len(names) > 1 else names[0]
    return found


def _signs(kernel: npt.NDArray[Any]) -> str:
    """The shape and which weights are below zero, of channels whose first weight is above."""
    signs = np.sign(kernel).astype(np.int8)
    first = signs[np.argmax(signs != 0, axis=0), np.arange(signs.shape[1])]
    return hashlib.sha256(repr(kernel.shape).encode() + (signs * first).tobytes()).hexdigest()
