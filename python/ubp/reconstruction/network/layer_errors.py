# SPDX-License-Identifier: Apache-2.0
"""What the errors of some layers cost, for who chooses their blocks: `layer_errors`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from ubp.data import read_samples
from ubp.progress import ProgressBar
from ubp.reconstruction.network.graph import DENSE
from ubp.reconstruction.network.lanes import LaneLayer
from ubp.reconstruction.network.measuring import LayerErrors, error_measure
from ubp.reconstruction.network.plan import PRUNE
from ubp.reconstruction.network.preparation import check_backend, inputs_of, prepared
from ubp.reconstruction.problem import DAMPING
from ubp.reconstruction.projection import Blocks
from ubp.selection import max_num_blocks

SAMPLES = 512
_USUAL_DENSITY = 0.2  # at which the weight of a layer's error is found


def layer_errors(
    model: keras.Model,
    data: Any,
    layers: Sequence[tuple[keras.layers.Layer, Sequence[int]]],
    *,
    seed: int = 0,
    progress: bool = False,
) -> list[LayerErrors]:
    """Measure what the error of each layer costs.

    Args:
        model: as `ubp.prune_without_training` takes it.
        data: inputs, likewise; at most SAMPLES are used.
        layers: of the model, for which `why_not_rebuilt` is None, each once, with the N to find
            curves for.
        seed: of all draws.
        progress: show a progress bar.

    Returns:
        Of each layer, with a curve for each N.

    Raises:
        TypeError, ValueError: as of `ubp.prune_without_training`.
    """
    check_backend()
    samples = read_samples(data, inputs_of(model), limit=SAMPLES, seed=seed)
    calibration, _ = samples.split(SAMPLES)
    sizes = {id(layer): own for layer, own in layers}
    found: dict[int, LayerErrors] = {}
    with prepared(model, calibration, [layer for layer, _ in layers], False, seed) as ready:
        tasks = [task for task in ready.tasks if task.kind == PRUNE]
        with error_measure(ready, tasks, DAMPING) as measure:
            for task in ProgressBar(tasks, "error curves", unit="layer", disable=not progress):
                layer = task.layers[DENSE]
                kinds = [_usual(layer, n) for n in sizes[id(layer)]]
                found[id(layer)] = measure.of(task, kinds)
    return [found[id(layer)] for layer, _ in layers]


def _usual(layer: keras.layers.Layer, block_size: int) -> Blocks:
    """Blocks of a size, as many as the usual density has."""
    lanes, channels = LaneLayer(layer).shape
    most = max_num_blocks((lanes, channels), block_size)
    count = round(_USUAL_DENSITY * lanes * channels / block_size)
    return Blocks(block_size, min(max(count, 1), most))
