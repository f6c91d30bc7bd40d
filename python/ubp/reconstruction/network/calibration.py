# SPDX-License-Identifier: Apache-2.0
"""What each layer's error costs, measured on the dense model, and the budgets that follow.

Layer by layer, in the copy that still is as the dense model is: the layer's moments, its curve of
error, and the model's outputs with this layer alone rebuilt at the density that all would have if
the budget were shared evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ubp.arguments import shown
from ubp.data.checks import OutputError
from ubp.lanes import input_channels
from ubp.masking.patterns import Pattern
from ubp.masking.scopes import GlobalBudget, Scope
from ubp.progress import ProgressBar
from ubp.pruning.layers.choice import Choice
from ubp.pruning.layers.prunable import prunable_weights, transposed_strides
from ubp.reconstruction.budget import LayerCost, share_out, weight_of
from ubp.reconstruction.curves import counts_of, traced
from ubp.reconstruction.moments import Moments, MomentSum
from ubp.reconstruction.network.activations import Activations, Array
from ubp.reconstruction.network.graph import DENSE, OWN, Graph
from ubp.reconstruction.network.lanes import LaneLayer
from ubp.reconstruction.network.plan import PRUNE, Task, places_of
from ubp.reconstruction.network.rebuilding import assign, checked, told
from ubp.reconstruction.network.sampling import Draws, Sampling
from ubp.reconstruction.network.spool import Spool
from ubp.reconstruction.problem import problem_of
from ubp.reconstruction.projection import Blocks
from ubp.selection import max_num_blocks

_PICTURES = 64  # on which the outputs are compared


@dataclass(frozen=True)
class _Kernel:
    """As a scope asks for it."""

    layer_name: str
    shape: tuple[int, int]
    input_channels: int
    positions: int | None
    strides: tuple[int, ...]
    window: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.layer_name


@dataclass(frozen=True)
class _Member:
    """A layer that shares a budget."""

    task: Task
    pattern: Pattern
    method: str
    kernel: _Kernel
    cost: float

    @property
    def full(self) -> float:
        """Blocks of all of its weights."""
        lanes, channels = self.kernel.shape
        return lanes * channels / self.pattern.block_weights

    def blocks(self, count: int) -> Blocks:
        """So many blocks of its pattern."""
        pattern = self.pattern
        return Blocks(pattern.block_size, count, self.method, pattern.lanes, pattern.max_per_start)


def shared_budgets(
    graph: Graph,
    tasks: Sequence[Task],
    inputs: Sequence[Spool],
    choices: Sequence[Choice],
    damping: float,
    sampling: Sampling,
    progress: bool,
) -> dict[int, Blocks]:
    """The blocks of the layers that share budgets, by the id of the dense layer.

    Layers share one if their scopes and sparsities are equal. The copy is as the dense model is,
    before and afterwards.

    Args:
        graph: of the model and its copy.
        tasks: of the whole plan.
        inputs: of the model, for each of its inputs all batches.
        choices: the layers that are pruned.
        damping: see problem.py.
        sampling: of what is added up.
        progress: show a progress bar.

    Raises:
        ValueError: if a budget cannot be met.
    """
    by_layer = {id(task.layers[DENSE]): task for task in tasks if task.kind == PRUNE}
    groups: dict[tuple[Scope, float], list[_Member]] = {}
    for choice in choices:
        scope, sparsity = choice.settings.scope, choice.settings.schedule(0)[1]
        if scope.is_shared:
            member = _member(choice, by_layer[id(choice.layer)])
            groups.setdefault((scope, sparsity), []).append(member)
    found: dict[int, Blocks] = {}
    if not groups:
        return found
    budgets = [_Budget(*key, members) for key, members in groups.items()]
    members = {id(each.task): (each, budget) for budget in budgets for each in budget.members}
    chosen = [task for task in tasks if id(task) in members]
    own = Activations(graph, OWN, inputs, places_of(chosen), to_outputs=True)
    curves = _Curves(own, len(inputs[0]), damping, sampling)
    try:
        for task in ProgressBar(chosen, "error curves", unit="layer", disable=not progress):
            member, budget = members[id(task)]
            budget.costs.append(curves.cost(member, budget))
    finally:
        own.close()
    for budget in budgets:
        found |= budget.share_out()
    return found


class _Budget:
    """A budget and the layers that share it, in the order of the plan."""

    def __init__(self, scope: Scope, sparsity: float, members: Sequence[_Member]) -> None:
        if not isinstance(scope, GlobalBudget):
            raise ValueError(
                f"scope is {shown(scope)}; expected 'layer', 'global' or 'latency', or a "
                "GlobalBudget or LatencyBudget."
            )
        self.scope, self.sparsity = scope, sparsity
        kernels = [each.kernel for each in members]
        patterns = [each.pattern for each in members]
        scope.check(kernels, patterns, sparsity)
        costs = scope.block_costs(kernels, patterns) or [
            float(pattern.block_weights) for pattern in patterns
        ]
        self.members = [
            _Member(each.task, each.pattern, each.method, each.kernel, cost)
            for each, cost in zip(members, costs, strict=True)
        ]
        self.costs: list[LayerCost] = []

    def limits(self, member: _Member) -> tuple[int, int]:
        """The least and the most blocks of a layer."""
        pattern = member.pattern
        most = max_num_blocks(member.kernel.shape, pattern.block_size, pattern.lanes)
        most = min(most, round(self.scope.max_density * member.full))
        least = round(self.scope.min_density * member.full)
        if self.scope.min_density > 0.0:
            least = max(least, 1)
        return min(least, most), most

    def share_out(self) -> dict[int, Blocks]:
        """The blocks of each layer, by its id."""
        whole = sum(each.cost * each.full for each in self.members)
        counts = share_out(self.costs, (1.0 - self.sparsity) * whole)
        return {
            id(member.task.layers[DENSE]): member.blocks(count)
            for member, count in zip(self.members, counts, strict=True)
        }


class _Curves:
    """Measures layers, in the order of the plan."""

    def __init__(self, own: Activations, batches: int, damping: float, sampling: Sampling) -> None:
        self._own, self._damping, self._sampling = own, damping, sampling
        self._expected: list[list[Array]] = []
        pictures = 0
        for batch in range(batches):
            self._expected.append(own.outputs(batch))
            pictures += len(self._expected[-1][0])
            if pictures >= _PICTURES:
                break

    def cost(self, member: _Member, budget: _Budget) -> LayerCost:
        """What a layer brings to its budget."""
        task, pattern = member.task, member.pattern
        moments = self._moments(task, self._sampling.draws(task.sites[0].step))
        problem = problem_of(moments, checked(task).matrix, self._damping)
        least, most = budget.limits(member)
        even = min(max(round((1.0 - budget.sparsity) * member.full), least, 1), most)
        block = (pattern.block_size, pattern.lanes)
        counts = sorted({*counts_of(problem, block), even})
        curve, found = traced(problem, counts, block, member.method)
        errors = self._output_errors(task, moments, found[even].astype(np.float32))
        weight = weight_of(errors, problem.relative_error(found[even]))
        return LayerCost(curve, weight, member.cost, least, most)

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


def _member(choice: Choice, task: Task) -> _Member:
    settings = choice.settings
    (weight,) = prunable_weights(choice.layer)
    shape = LaneLayer(choice.layer).shape
    inputs = input_channels(tuple(weight.variable.shape), weight.channel_axis)
    window = tuple(weight.variable.shape[:-2])
    kernel = _Kernel(
        choice.layer.name, shape, inputs, task.positions, transposed_strides(choice.layer), window
    )
    method = settings.pattern.resolve_method(settings.method)
    return _Member(task, settings.pattern, method, kernel, 0.0)
