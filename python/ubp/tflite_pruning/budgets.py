# SPDX-License-Identifier: Apache-2.0
"""Budgets: how many blocks each layer keeps, alone or out of one budget for all.

    "layer"     each layer's share of its own weights
    "global"    that of all weights together
    "latency"   that of what all blocks are predicted to cost (`ubp.CostModel`)

Where a budget is shared, every layer is first looked at alone in the dense network: its curve of
error over blocks, and what its error is worth at the outputs; see ubp.reconstruction.budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.conversion.candidates import candidate_of
from ubp.costs import DEFAULT_COSTS
from ubp.progress import ProgressBar
from ubp.reconstruction.budget import LayerCost, share_out, weight_of
from ubp.reconstruction.curves import counts_of, traced
from ubp.reconstruction.problem import problem_of
from ubp.selection import max_num_blocks
from ubp.tflite_pruning.activations import Activations
from ubp.tflite_pruning.layers import FileLayer, Graph
from ubp.tflite_pruning.moments import layer_samples, sum_moments
from ubp.tflite_pruning.rewriting import write_layer

SCOPES = ("layer", "global", "latency")
_LEAST_DENSITY = 0.01  # of a layer that shares a budget, as `ubp.GlobalBudget` has it

Array = npt.NDArray[Any]
OutputErrors = Callable[[Graph], Sequence[float]]


@dataclass(frozen=True)
class Blocks:
    """What is kept of layers.

    block_size: N.
    method: of `ubp.select_blocks`.
    sparsity: of all of them, or of each.
    counts: blocks by the layer's first operator, where they share a budget.
    block_lanes: M, the lanes of a block.
    """

    block_size: int
    method: str
    sparsity: float
    counts: dict[int, int] | None = None
    block_lanes: int = 1

    @property
    def block(self) -> tuple[int, int]:
        """Its channels and lanes, (N, M)."""
        return self.block_size, self.block_lanes

    def count(self, layer: FileLayer) -> int:
        """How many blocks a layer keeps: as many as its channels have room for."""
        if self.counts is not None:
            return self.counts[layer.operators[0]]
        return self.even(layer)

    def even(self, layer: FileLayer) -> int:
        """How many it keeps if all have the same sparsity."""
        wanted = round((1 - self.sparsity) * self.full(layer))
        return min(wanted, max_num_blocks(layer.matrix_shape, *self.block))

    def full(self, layer: FileLayer) -> float:
        """Blocks of all of its weights."""
        lanes, channels = layer.matrix_shape
        return lanes * channels / (self.block_size * self.block_lanes)


def shared_blocks(
    graph: Graph,
    layers: Sequence[FileLayer],
    activations: Activations,
    blocks: Blocks,
    scope: str,
    damping: float,
    seed: int,
    output_errors: OutputErrors,
    progress: bool,
) -> Blocks:
    """The blocks, with a number for each layer that is pruned.

    Args:
        graph: dense; is changed for a moment, and computes what it did at the end.
        layers: of it.
        activations: of the dense network as both.
        blocks: what is kept, by the share of all.
        scope: "global" or "latency".
        damping: see ubp.reconstruction.problem.
        seed: of the draw of pixels.
        output_errors: relative errors of the outputs of a changed graph.
        progress: show a bar.

    Raises:
        ValueError: if the layers' least numbers of blocks exceed the budget.
    """
    pruned = [layer for layer in layers if layer.prune]
    costs: list[LayerCost] = []
    with ProgressBar(pruned, desc="error curves", disable=not progress) as bar:
        for layer in bar:
            rng = np.random.default_rng([seed, layer.operators[0]])
            moments = sum_moments(layer_samples(activations, graph, layer, rng), layer).moments()
            dense = graph.weights(layer)
            problem = problem_of(moments, dense, damping)
            most = max_num_blocks(layer.matrix_shape, *blocks.block)
            least = min(max(round(_LEAST_DENSITY * blocks.full(layer)), 1), most)
            even = max(blocks.even(layer), least)
            counts = sorted({*counts_of(problem, blocks.block), even})
            curve, found = traced(problem, counts, blocks.block, blocks.method)
            bias = _bias(graph, layer)
            fitted = moments.target_mean - moments.input_mean @ found[even]
            write_layer(graph, layer, found[even], fitted)
            errors = output_errors(graph)
            write_layer(graph, layer, dense, bias)
            weight = weight_of(errors, problem.relative_error(found[even]))
            cost = blocks.block_lanes * _cost(graph, layer, blocks.block_size, scope)
            costs.append(LayerCost(curve, weight, cost, least, most))
            activations.pass_by(layer.operators[0])
    whole = sum(each.cost * blocks.full(layer) for each, layer in zip(costs, pruned, strict=True))
    budget = (1 - blocks.sparsity) * whole
    if sum(each.cost * each.least for each in costs) > budget:
        raise ValueError(
            f"sparsity {blocks.sparsity:.6g} cannot be reached with a block or "
            f"{_LEAST_DENSITY:.0%} in every layer; lower it."
        )
    numbers = share_out(costs, budget)
    keys = [layer.operators[0] for layer in pruned]
    return replace(blocks, counts=dict(zip(keys, numbers, strict=True)))


def _bias(graph: Graph, layer: FileLayer) -> Array:
    view = graph.view(layer.operators[0])
    if view.inputs.bias == -1:
        return np.zeros(layer.matrix_shape[1])
    return view.constant(view.inputs.bias, "bias").reshape(-1).astype(np.float64)


def _cost(graph: Graph, layer: FileLayer, block_size: int, scope: str) -> float:
    """What a block of one lane costs, in all uses of the layer."""
    if scope == "global":
        return float(block_size)
    cost = 0.0
    for position in layer.operators:
        candidate = candidate_of(graph.view(position))
        attributes = candidate.attributes
        pointwise = attributes.lanes == attributes.in_channels
        cost += DEFAULT_COSTS.of_block(block_size, candidate.out_pixels, pointwise)
    return cost
