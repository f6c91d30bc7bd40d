# SPDX-License-Identifier: Apache-2.0
"""One training run's updates: which kernels are due at a step, their new masks, what changed.

The steps are counted by the pruned layers themselves, because the count is saved with them; what
spans several layers, a budget that they share, is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np

from ubp.lanes import sum_lane_groups
from ubp.masking import scopes
from ubp.masking.importance import Importance, Matrix
from ubp.masking.patterns import Mask
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.regularized import Blocks, RegularizedSchedule, State


@dataclass(frozen=True)
class MaskUpdate:
    """What an update did to one kernel.

    name: the layer's, and where it has several kernels, the kernel's.
    step: training steps begun.
    size: number of weights.
    sparsity: share of the weights that the mask removes.
    threshold: the importance of the least important block that is kept; 0 where every weight is.
    moved: share of the kept weights that were not kept before.
    kept_importance: share of the kernel's importance that is kept.
    residual: where the schedule still regularises (see regularized.py), how far the kernel is from
        the blocks to which it is drawn, |W - Z| / |W| in the 2-norm; otherwise None.
    """

    name: str
    step: int
    size: int
    sparsity: float
    threshold: float
    moved: float
    kept_importance: float
    residual: float | None = None


class Kernel(scopes.Kernel, Protocol):
    """A weight with its mask, both seen as [lanes, channels].

    last_update: what the last update of masks in this process did to it; None before the first.
    """

    last_update: MaskUpdate | None

    def stored(self) -> Matrix:
        """Float32: the weights, those that are pruned included."""

    def importance(self, measure: Importance) -> Matrix:
        """The importance of each weight."""

    def mask_matrix(self) -> Mask:
        """The mask."""

    def set_mask(self, mask: Mask) -> None:
        """Take a new mask, and begin to observe gradients anew."""

    def penalty_state(self) -> State:
        """The state of the penalty of a schedule that regularises, by name."""

    def set_penalty(self, strength: float, state: State) -> None:
        """Let the penalty count `strength`, with another state."""


class Layer(Protocol):
    """Kernels that are pruned together, and their count of training steps."""

    @property
    def settings(self) -> PruningSettings: ...
    @property
    def kernels(self) -> Sequence[Kernel]: ...
    @property
    def steps_begun(self) -> int: ...

    def advance(self, steps: int) -> float | None:
        """Count training steps; the sparsity of the last update due among them, if any."""


@dataclass(frozen=True)
class _Due:
    """A layer with an update, and the sparsity that its schedule prescribes."""

    layer: Layer
    sparsity: float

    @property
    def settings(self) -> PruningSettings:
        return self.layer.settings

    @property
    def step(self) -> int:
        """Training steps begun."""
        return self.layer.steps_begun

    @property
    def blocks(self) -> Blocks:
        pattern = self.settings.pattern
        resolved = pattern.resolve_method(self.settings.method)
        return Blocks(pattern.block_size, pattern.lanes, aligned=resolved == "aligned")

    def shares_budget_with(self, other: _Due) -> bool:
        """Whether one budget serves both, see scopes.py."""
        mine, theirs = self.settings, other.settings
        return mine.scope.is_shared and (
            (mine.scope, mine.schedule, mine.pattern.resolve_method(mine.method))
            == (theirs.scope, theirs.schedule, theirs.pattern.resolve_method(theirs.method))
        )


_Members: TypeAlias = Sequence[tuple[_Due, Kernel]]


def update_at_step_zero(layers: Iterable[Layer]) -> list[MaskUpdate]:
    """Choose the masks that schedules ask for before any training.

    Raises:
        ValueError: if a mask that is due, or one that any later step asks for, cannot be chosen.
    """
    scheduled = [(layer, layer.settings.schedule(0)) for layer in layers]
    for group in _groups([_Due(layer, sparsity) for layer, (_, sparsity) in scheduled]):
        _check(group)
    return _update([_Due(layer, sparsity) for layer, (is_due, sparsity) in scheduled if is_due])


def advance(
    layers: Iterable[Layer], steps: int = 1, before_update: Callable[[], object] | None = None
) -> list[MaskUpdate]:
    """Count training steps; update the masks of layers that have an update among them.

    Args:
        layers: of one model.
        steps: how many to count.
        before_update: is called if there is one: to bring weights up to date, for instance.

    Raises:
        ValueError: if importance is not finite, or a budget cannot be met (naming the layer).
        RuntimeError: if a layer needs to know first that training begins, and was not told.
    """
    scheduled = [(layer, layer.advance(steps)) for layer in layers]
    due = [_Due(layer, sparsity) for layer, sparsity in scheduled if sparsity is not None]
    if due and before_update is not None:
        before_update()
    return _update(due)


def _update(due: Sequence[_Due]) -> list[MaskUpdate]:
    updates = []
    for group in _groups(due):
        updates += _update_group(group)
    return updates


def _groups(due: Sequence[_Due]) -> list[list[_Due]]:
    """The layers by the budget that they share, in order of the first of each."""
    groups: list[list[_Due]] = []
    for entry in due:
        shared = next((group for group in groups if entry.shares_budget_with(group[0])), None)
        if shared is None:
            groups.append([entry])
        else:
            shared.append(entry)
    return groups


def _members(group: Sequence[_Due]) -> _Members:
    return [(entry, kernel) for entry in group for kernel in entry.layer.kernels]


def _check(group: Sequence[_Due]) -> None:
    """Refuse kernels for which a later step could find no masks."""
    members, settings = _members(group), group[0].settings
    patterns = [entry.settings.pattern for entry, _ in members]
    settings.scope.check([kernel for _, kernel in members], patterns, settings.schedule.ends_at())


def _update_group(group: Sequence[_Due]) -> list[MaskUpdate]:
    sparsity, members = group[0].sparsity, _members(group)
    importances = [kernel.importance(entry.settings.importance) for entry, kernel in members]
    masks = _choose(members, importances, sparsity)
    residuals = _regularize(members)
    updates = []
    for (entry, kernel), importance, mask, residual in zip(
        members, importances, masks, residuals, strict=True
    ):
        update = replace(_describe(entry, kernel, importance, mask), residual=residual)
        kernel.set_mask(mask)
        kernel.last_update = update
        updates.append(update)
    return updates


def _choose(members: _Members, importances: Sequence[Matrix], sparsity: float) -> list[Mask]:
    """The masks of kernels that share a budget."""
    settings = members[0][0].settings
    kernels = [kernel for _, kernel in members]
    patterns = [entry.settings.pattern for entry, _ in members]
    return settings.scope.masks(kernels, importances, patterns, sparsity, settings.method)


def _regularize(members: _Members) -> list[float | None]:
    """Update the penalties of kernels that share a budget, or end them; the residual of each."""
    due = members[0][0]
    schedule = due.settings.schedule
    if not isinstance(schedule, RegularizedSchedule):
        return [None] * len(members)
    if schedule.strength_at(due.step) == 0.0:
        for _, kernel in members:
            kernel.set_penalty(0.0, {})
        return [None] * len(members)
    points = [schedule.point(kernel.stored(), _state(due, kernel)) for _, kernel in members]
    masks = _choose(members, [np.square(point) for point in points], schedule.final_sparsity)
    projections = [np.where(mask, point, 0) for mask, point in zip(masks, points, strict=True)]
    return [_draw(*member, each) for member, each in zip(members, projections, strict=True)]


def _draw(due: _Due, kernel: Kernel, projection: Matrix) -> float:
    """Update the penalty that draws a kernel to its projection; the distance of the two."""
    schedule, weights = due.settings.schedule, kernel.stored()
    assert isinstance(schedule, RegularizedSchedule)
    state = schedule.updated(due.step, weights, projection, _state(due, kernel), due.blocks)
    kernel.set_penalty(schedule.strength_at(due.step), state)
    norm = float(np.linalg.norm(weights))
    return float(np.linalg.norm(weights - projection)) / norm if norm else 0.0


def _state(due: _Due, kernel: Kernel) -> State:
    """The state of a kernel's penalty; zeros at the first update, which may come twice."""
    state, schedule = kernel.penalty_state(), due.settings.schedule
    assert isinstance(schedule, RegularizedSchedule)
    is_first = schedule.updates_before(due.step) == 0
    return {name: np.zeros_like(each) for name, each in state.items()} if is_first else state


def _describe(entry: _Due, kernel: Kernel, importance: Matrix, mask: Mask) -> MaskUpdate:
    kept, pattern = np.count_nonzero(mask), entry.settings.pattern
    returned = np.count_nonzero(mask & ~kernel.mask_matrix())
    whole = float(importance.sum(dtype=np.float64))
    # A mask's runs within a group of lanes are whole blocks, so what is kept in order is, too.
    groups = sum_lane_groups(importance, pattern.lanes)[mask[:: pattern.lanes]]
    partly = 0 < kept < mask.size
    blocks = groups.reshape(-1, pattern.block_size) if partly else np.zeros((1, 1))
    return MaskUpdate(
        name=kernel.name,
        step=entry.step,
        size=mask.size,
        sparsity=1.0 - kept / mask.size,
        threshold=float(blocks.sum(axis=1, dtype=np.float64).min()),
        moved=returned / kept if kept else 0.0,
        kept_importance=float(importance[mask].sum(dtype=np.float64)) / whole if whole else 1.0,
    )
