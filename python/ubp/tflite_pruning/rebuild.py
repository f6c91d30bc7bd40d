# SPDX-License-Identifier: Apache-2.0
"""Rebuild: the layers of a graph pruned and re-fitted one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ubp.progress import ProgressBar
from ubp.reconstruction import Moments, reconstruct
from ubp.reconstruction.problem import DAMPING, problem_of
from ubp.reconstruction.refit import refit
from ubp.selection import select_blocks
from ubp.tflite_pruning.activations import Activations
from ubp.tflite_pruning.budgets import Blocks
from ubp.tflite_pruning.layers import FileLayer, Graph
from ubp.tflite_pruning.moments import (
    DepthwiseSum,
    is_depthwise,
    layer_samples,
    sum_moments,
)
from ubp.tflite_pruning.result import RebuiltLayer
from ubp.tflite_pruning.rewriting import write_layer

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Settings:
    """How layers are rebuilt.

    blocks: what is kept.
    refit: whether layers that are not pruned are re-fitted to what the pruned ones give.
    damping: see `ubp.reconstruction.reconstruct`.
    seed: of the draw of pixels.
    """

    blocks: Blocks
    refit: bool = True
    damping: float = DAMPING
    seed: int = 0


def rebuild_layers(
    graph: Graph,
    layers: Sequence[FileLayer],
    activations: Activations,
    settings: Settings,
    progress: bool,
) -> list[RebuiltLayer]:
    """Prune the layers of a graph that are to be, in place, and re-fit others behind them."""
    report, changed = [], False
    with ProgressBar(total=len(layers), desc="layers", disable=not progress) as bar:
        for layer in layers:
            begin = time.perf_counter()
            weights = graph.weights(layer) if layer.refit else None
            row = RebuiltLayer(
                layer.name, layer.op, layer.shape, _kept(weights), layer.prune, layer.reason
            )
            if weights is not None and (layer.prune or (changed and settings.refit)):
                row = _rebuild(graph, layer, weights, activations, settings, row)
                row = replace(row, seconds=time.perf_counter() - begin)
                activations.change()
                changed = True
            report.append(row)
            activations.pass_by(layer.operators[0])
            bar.update()
    return report


def one_shot(graph: Graph, layers: Sequence[FileLayer], blocks: Blocks) -> None:
    """Prune by magnitude alone, in place: what rebuilding is compared with."""
    for layer in layers:
        if layer.prune:
            weights = graph.weights(layer)
            kept = select_blocks(
                np.abs(weights),
                blocks.block_size,
                num_blocks=blocks.count(layer),
                method=blocks.method,
                block_lanes=blocks.block_lanes,
            )
            write_layer(graph, layer, np.where(kept.mask(), weights, 0), None)


def _rebuild(
    graph: Graph,
    layer: FileLayer,
    dense: Floats,
    activations: Activations,
    settings: Settings,
    row: RebuiltLayer,
) -> RebuiltLayer:
    """One layer pruned, or re-fitted; its row of the report."""
    rng = np.random.default_rng([settings.seed, layer.operators[0]])
    samples = layer_samples(activations, graph, layer, rng)
    if is_depthwise(layer):
        total = DepthwiseSum(*layer.matrix_shape)
        for inputs, targets in samples:
            total.add(inputs, targets)
        weights, bias, error = total.fit(dense, settings.damping)
        count = total.samples
    else:
        moments = sum_moments(samples, layer).moments()
        weights, bias, error = _solve(moments, dense, layer, settings)
        count = moments.samples
    write_layer(graph, layer, weights, bias)
    return replace(row, kept=_kept(weights), relative_error=error, samples=count)


def _solve(
    moments: Moments, dense: Floats, layer: FileLayer, settings: Settings
) -> tuple[Floats, Floats, float]:
    """Weights [lanes, channels], bias [channels] and the relative error."""
    if layer.prune:
        found = reconstruct(
            moments,
            dense,
            block_size=settings.blocks.block_size,
            num_blocks=settings.blocks.count(layer),
            method=settings.blocks.method,
            block_lanes=settings.blocks.block_lanes,
            damping=settings.damping,
        )
        return found.weights, found.bias, found.relative_error
    problem = problem_of(moments, dense, settings.damping)
    weights = refit(problem, np.ones(dense.shape, np.bool_))
    bias = moments.target_mean - moments.input_mean @ weights
    return weights, bias, problem.relative_error(weights)


def _kept(weights: Floats | None) -> float:
    if weights is None or not weights.size:
        return 1.0
    return float(np.count_nonzero(weights)) / weights.size
