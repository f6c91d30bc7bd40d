# SPDX-License-Identifier: Apache-2.0
"""The budgets that follow from what each layer's error costs.

That is measured with every layer at the density that all would have if the budget were shared
evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ubp.arguments import shown
from ubp.lanes import input_channels
from ubp.masking.patterns import Pattern
from ubp.masking.scopes import GlobalBudget, Scope
from ubp.progress import ProgressBar
from ubp.pruning.layers.choice import Choice
from ubp.pruning.layers.prunable import prunable_weights, transposed_strides
from ubp.reconstruction.budget import LayerCost, share_out
from ubp.reconstruction.network.graph import DENSE
from ubp.reconstruction.network.lanes import LaneLayer
from ubp.reconstruction.network.measuring import ErrorMeasure, error_measure
from ubp.reconstruction.network.plan import PRUNE, Task
from ubp.reconstruction.network.preparation import Prepared
from ubp.reconstruction.projection import Blocks
from ubp.selection import max_num_blocks


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
    ready: Prepared, choices: Sequence[Choice], damping: float, progress: bool
) -> dict[int, Blocks]:
    """The blocks of the layers that share budgets, by the id of the dense layer.

    Layers share one if their scopes and sparsities are equal. The copy is as the dense model is,
    before and afterwards.

    Args:
        ready: the model, its copy and samples.
        choices: the layers that are pruned.
        damping: see problem.py.
        progress: show a progress bar.

    Raises:
        ValueError: if a budget cannot be met.
    """
    by_layer = {id(task.layers[DENSE]): task for task in ready.tasks if task.kind == PRUNE}
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
    chosen = [task for task in ready.tasks if id(task) in members]
    with error_measure(ready, chosen, damping) as measure:
        for task in ProgressBar(chosen, "error curves", unit="layer", disable=not progress):
            member, budget = members[id(task)]
            budget.costs.append(_cost(measure, member, budget))
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


def _cost(measure: ErrorMeasure, member: _Member, budget: _Budget) -> LayerCost:
    """What a layer brings to its budget."""
    least, most = budget.limits(member)
    even = min(max(round((1.0 - budget.sparsity) * member.full), least, 1), most)
    found = measure.of(member.task, [member.blocks(even)])
    return LayerCost(found.curves[0], found.weight, member.cost, least, most)


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
