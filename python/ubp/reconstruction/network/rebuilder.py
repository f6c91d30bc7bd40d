# SPDX-License-Identifier: Apache-2.0
"""Does the tasks of a plan, in order, on the copy; the dense model runs beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from ubp.progress import ProgressBar
from ubp.reconstruction.network.activations import Activations
from ubp.reconstruction.network.depthwise import refit_depthwise
from ubp.reconstruction.network.graph import DENSE, OWN
from ubp.reconstruction.network.lanes import LaneLayer
from ubp.reconstruction.network.plan import DEPTHWISE, PRUNE, STATISTICS, Task, places_of
from ubp.reconstruction.network.preparation import Prepared
from ubp.reconstruction.network.rebuilding import moments_of, rebuild, refit_dense
from ubp.reconstruction.network.report import RebuiltLayer
from ubp.reconstruction.network.statistics import measure_statistics
from ubp.reconstruction.projection import Blocks


class Rebuilder:
    """Does the tasks, in order.

    Args:
        ready: the model, its copy and samples.
        blocks: that are kept, by the id of the dense layer.
        damping: see problem.py.
    """

    def __init__(self, ready: Prepared, blocks: Mapping[int, Blocks], damping: float) -> None:
        self._tasks, self._blocks, self._damping = ready.tasks, blocks, damping
        self._sampling = ready.sampling
        places = places_of(ready.tasks)
        self._dense = Activations(ready.graph, DENSE, ready.inputs, places)
        self._own = Activations(ready.graph, OWN, ready.inputs, places)

    def run(self, progress: bool) -> list[RebuiltLayer]:
        """What became of each layer."""
        try:
            bar = ProgressBar(self._tasks, "rebuilding", unit="layer", disable=not progress)
            return [self._do(number, task) for number, task in enumerate(bar)]
        finally:
            self._dense.close()
            self._own.close()

    def _do(self, number: int, task: Task) -> RebuiltLayer:
        begin = time.perf_counter()
        layer, draws = task.layers[DENSE], self._sampling.draws(number)
        shape, kept, error = (0, layer.weights[-1].shape[0]), 1.0, 0.0
        if task.kind == STATISTICS:
            samples = measure_statistics(task, self._own, self._dense, draws)
        elif task.kind == DEPTHWISE:
            samples, error = refit_depthwise(task, self._own, self._dense, draws, self._damping)
            height, width, channels, multiplier = layer.kernel.shape
            shape = (height * width, channels * multiplier)
        else:
            moments = moments_of(task, self._own, self._dense, draws)
            shape, samples = LaneLayer(layer).shape, moments.samples
            if task.kind == PRUNE:
                found = rebuild(task, moments, self._blocks[id(layer)], self._damping)
                error, kept = found.relative_error, float(np.mean(found.selection.mask()))
            else:
                error = refit_dense(task, moments, self._damping)
        seconds = time.perf_counter() - begin
        norm = "" if task.norm is None else task.norm[DENSE].name
        return RebuiltLayer(layer.name, task.kind, *shape, samples, kept, error, seconds, norm)
