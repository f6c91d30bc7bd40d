# SPDX-License-Identifier: Apache-2.0
"""A layer's moments, over all samples or some of their pixels, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ubp.reconstruction.layer import Reconstruction, reconstruct
from ubp.reconstruction.moments import Floats, Moments, MomentSum
from ubp.reconstruction.network.activations import Activations, Array
from ubp.reconstruction.network.graph import DENSE, OWN
from ubp.reconstruction.network.lanes import LaneLayer
from ubp.reconstruction.network.plan import Task
from ubp.reconstruction.network.sampling import Draws
from ubp.reconstruction.network.statistics import Spread, fit_statistics
from ubp.reconstruction.problem import problem_of
from ubp.reconstruction.projection import Blocks
from ubp.reconstruction.refit import refit

MOST_LANES = 10_000  # of which the moments take 0.8 GB, and their solution three times that


def moments_of(task: Task, own: Activations, dense: Activations, draws: Draws) -> Moments:
    """The moments of a layer: inputs of the copy, targets of the dense model.

    Raises:
        ValueError: if a value is not finite, or there are too many lanes.
    """
    view = checked(task)
    total = MomentSum(*view.shape)
    matrix, bias = view.matrix, view.bias
    copied = LaneLayer(task.layers[OWN])
    for given, wanted in _pairs(task, own, dense):
        for inputs, expected in zip(given, wanted, strict=True):
            chosen = draws.choose(view.samples(inputs), len(given))
            targets = view.lanes(expected, chosen) @ matrix + bias
            with told(task):
                total.add(copied.lanes(inputs, chosen), targets)
    return total.moments(centred=task.free)


def checked(task: Task) -> LaneLayer:
    """The dense layer of a task, as lanes.

    Raises:
        ValueError: if there are too many of them.
    """
    view = LaneLayer(task.layers[DENSE])
    if view.shape[0] > MOST_LANES:
        raise ValueError(
            f"prune_without_training: layer '{view.layer.name}' has {view.shape[0]} lanes; at most "
            f"{MOST_LANES} can be rebuilt, for the memory's sake. Leave it out of layers."
        )
    return view


@contextmanager
def told(task: Task) -> Iterator[None]:
    """Errors within are told as those of this layer."""
    try:
        yield
    except ValueError as error:
        name = task.layers[DENSE].name
        raise ValueError(f"prune_without_training: layer '{name}': {error}") from error


def _pairs(
    task: Task, own: Activations, dense: Activations
) -> Iterator[tuple[list[Array], list[Array]]]:
    """For each batch, what enters the layer in the copy and in the dense model, call by call."""
    sites = task.sites
    yield from zip(
        own.inputs_of(task.layers, sites), dense.inputs_of(task.layers, sites), strict=True
    )


def rebuild(task: Task, moments: Moments, blocks: Blocks, damping: float) -> Reconstruction:
    """Choose blocks and re-fit them; the copy's layer gets the result."""
    dense = LaneLayer(task.layers[DENSE])
    found = reconstruct(
        moments,
        dense.matrix,
        block_size=blocks.block_size,
        num_blocks=blocks.num_blocks,
        method=blocks.method,
        block_lanes=blocks.block_lanes,
        max_per_start=blocks.max_per_start,
        damping=damping,
    )
    assign(task, moments, found.weights)
    return found


def refit_dense(task: Task, moments: Moments, damping: float) -> float:
    """Re-fit a layer without zeros; returns its relative error."""
    dense = LaneLayer(task.layers[DENSE])
    problem = problem_of(moments, dense.matrix, damping)
    weights: Floats = refit(problem, np.ones(dense.shape, np.bool_))
    assign(task, moments, weights)
    return problem.relative_error(weights)


def assign(task: Task, moments: Moments, matrix: Floats) -> None:
    """Give a layer of the copy other weights [lanes, channels], and what goes with them.

    That is the bias, if it is free, and the statistics of the normalisation that follows.
    """
    own, weights = LaneLayer(task.layers[OWN]), matrix.astype(np.float64)
    own.assign(matrix, moments.target_mean - moments.input_mean @ weights if task.free else None)
    if task.norm is None:
        return
    variance = np.einsum("kc,kc->c", weights, moments.gram @ weights)
    now = Spread(moments.input_mean @ weights + own.bias, np.maximum(variance, 0.0))
    fit_statistics(task.norm, now, Spread(moments.target_mean, moments.power))
