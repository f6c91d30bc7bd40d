# SPDX-License-Identifier: Apache-2.0
"""What each layer's error costs, measured on the dense model.

Layer by layer, in the copy that still is as the dense model is: the layer's moments, its curves of
error, and the model's outputs with this layer alone rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ubp.data.checks import OutputError
from ubp.reconstruction.budget import weight_of
from ubp.reconstruction.curves import ErrorCurve, counts_of, traced
from ubp.reconstruction.moments import Moments, MomentSum
from ubp.reconstruction.network.activations import Activations, Array
from ubp.reconstruction.network.graph import DENSE, OWN
from ubp.reconstruction.network.plan import Task, places_of
from ubp.reconstruction.network.preparation import Prepared
from ubp.reconstruction.network.rebuilding import assign, checked, told
from ubp.reconstruction.network.sampling import Draws
from ubp.reconstruction.problem import problem_of
from ubp.reconstruction.projection import Blocks

_PICTURES = 64  # on which the outputs are compared


class LayerErrors(NamedTuple):
    """Of one layer.

    curves: of its relative error, for each kind of blocks.
    weight: of its error at the outputs; see budget.py.
    """

    curves: list[ErrorCurve]
    weight: float


@contextmanager
def error_measure(ready: Prepared, tasks: Sequence[Task], damping: float) -> Iterator[ErrorMeasure]:
    """Measures some layers of a model, each once, in the order of the plan.

    Args:
        ready: the model, its copy and samples.
        tasks: of these layers.
        damping: see problem.py.
    """
    own = Activations(ready.graph, OWN, ready.inputs, places_of(tasks), to_outputs=True)
    try:
        yield ErrorMeasure(own, ready, damping)
    finally:
        own.close()


class ErrorMeasure:
    """Measures layers, in the order of the plan.

    Args:
        own: of the copy, which is as the dense model is, before and afterwards.
        ready: the model, its copy and samples.
        damping: see problem.py.
    """

    def __init__(self, own: Activations, ready: Prepared, damping: float) -> None:
        self._own, self._damping, self._sampling = own, damping, ready.sampling
        self._expected: list[list[Array]] = []
        pictures = 0
        for batch in range(len(ready.inputs[0])):
            self._expected.append(own.outputs(batch))
            pictures += len(self._expected[-1][0])
            if pictures >= _PICTURES:
                break

    def of(self, task: Task, kinds: Sequence[Blocks]) -> LayerErrors:
        """What the error of a layer costs.

        Args:
            task: the layer's.
            kinds: of blocks, at least one; the weight is found with the number of the first.
        """
        moments = self._moments(task, self._sampling.draws(task.sites[0].step))
        problem = problem_of(moments, checked(task).matrix, self._damping)
        first, curves = kinds[0], []
        for blocks in kinds:
            block = (blocks.block_size, blocks.block_lanes)
            counts = set(counts_of(problem, block))
            if blocks is first:
                counts.add(first.num_blocks)
            curve, weights = traced(problem, sorted(counts), block, blocks.method)
            curves.append(curve)
            if blocks is first:
                rebuilt = weights[first.num_blocks]
        errors = self._output_errors(task, moments, rebuilt.astype(np.float32))
        return LayerErrors(curves, weight_of(errors, problem.relative_error(rebuilt)))

    def _moments(self, task: Task, draws: Draws) -> Moments:
        """Of a layer that is as in the dense model, and so are its inputs."""
        view = checked(task)
        matrix, bias = view.matrix, view.bias
        total = MomentSum(*view.shape)
        for given in self._own.inputs_of(task.layers, task.sites):
            for inputs in given:
                chosen = draws.choose(view.samples(inputs), len(given))
                lanes = view.lanes(inputs, chosen)
                with told(task):
                    total.add(lanes, lanes @ matrix + bias)
        return total.moments(centred=task.free)

    def _output_errors(self, task: Task, moments: Moments, weights: Array) -> list[float]:
        """Relative errors of the model's outputs with one layer rebuilt, which is then undone."""
        pairs = [task.layers] if task.norm is None else [task.layers, task.norm]
        assign(task, moments, weights)
        try:
            errors = [OutputError() for _ in self._expected[0]]
            for batch, expected in enumerate(self._expected):
                found = self._own.outputs(batch)
                for error, wanted, given in zip(errors, expected, found, strict=True):
                    error.add(wanted, given)
        finally:
            for pair in pairs:
                pair[OWN].set_weights(pair[DENSE].get_weights())
        return [error.value for error in errors]
