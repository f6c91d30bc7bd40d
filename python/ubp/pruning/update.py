"""One training run's updates: which kernels are due at a step, their new masks, what changed.

The steps are counted by the pruned layers themselves, because the count is saved with them; what
spans several layers, a budget that they share, is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ubp.pruning.importance import Matrix
from ubp.pruning.pruned_kernel import Mask, PrunedKernel
from ubp.pruning.settings import PruningSettings
from ubp.pruning.wrapper import PrunedLayer


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
    """

    name: str
    step: int
    size: int
    sparsity: float
    threshold: float
    moved: float
    kept_importance: float


@dataclass(frozen=True)
class _Due:
    """A layer with an update, and the sparsity that its schedule prescribes."""

    layer: PrunedLayer
    sparsity: float

    @property
    def settings(self) -> PruningSettings:
        return self.layer.settings

    def shares_budget_with(self, other: _Due) -> bool:
        """Whether one budget serves both, see scope.py."""
        mine, theirs = self.settings, other.settings
        return mine.scope.is_shared and (
            (mine.scope, mine.schedule, mine.pattern.resolve_method(mine.method))
            == (theirs.scope, theirs.schedule, theirs.pattern.resolve_method(theirs.method))
        )


def begin(layers: Sequence[PrunedLayer]) -> list[MaskUpdate]:
    """Take up the counts of steps; masks that are due at step 0 are chosen now."""
    for layer in layers:
        layer.begin_training()
    return update_at_step_zero([layer for layer in layers if layer.steps_begun == 0])


def update_at_step_zero(layers: Iterable[PrunedLayer]) -> list[MaskUpdate]:
    """Choose the masks that schedules ask for before any training."""
    scheduled = [(layer, layer.settings.schedule(0)) for layer in layers]
    return _update([_Due(layer, sparsity) for layer, (is_due, sparsity) in scheduled if is_due])


def advance(layers: Iterable[PrunedLayer], steps: int = 1) -> list[MaskUpdate]:
    """Count training steps; update the masks of layers that have an update among them.

    Raises:
        ValueError: if importance is not finite, or a budget cannot be met (naming the layer).
        RuntimeError: if `begin` was not called.
    """
    scheduled = [(layer, layer.advance(steps)) for layer in layers]
    return _update([_Due(layer, sparsity) for layer, sparsity in scheduled if sparsity is not None])


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


def _update_group(group: Sequence[_Due]) -> list[MaskUpdate]:
    settings, sparsity = group[0].settings, group[0].sparsity
    members = [(entry, kernel) for entry in group for kernel in entry.layer.kernels]
    kernels = [kernel for _, kernel in members]
    patterns = [entry.settings.pattern for entry, _ in members]
    importances = [kernel.importance(entry.settings.importance) for entry, kernel in members]
    masks = settings.scope.masks(kernels, importances, patterns, sparsity, settings.method)
    updates = []
    for (entry, kernel), importance, mask in zip(members, importances, masks, strict=True):
        updates.append(_describe(entry, kernel, importance, mask))
        kernel.set_mask(mask)
    return updates


def _describe(entry: _Due, kernel: PrunedKernel, importance: Matrix, mask: Mask) -> MaskUpdate:
    kept, size = np.count_nonzero(mask), entry.settings.pattern.block_size
    returned = np.count_nonzero(mask & ~kernel.mask_matrix())
    whole = float(importance.sum(dtype=np.float64))
    # A mask's runs within a lane are whole blocks, so the kept weights in order are, too.
    blocks = importance[mask].reshape(-1, size) if 0 < kept < mask.size else np.zeros((1, 1))
    return MaskUpdate(
        name=kernel.name,
        step=entry.layer.steps_begun or 0,
        size=mask.size,
        sparsity=1.0 - kept / mask.size,
        threshold=float(blocks.sum(axis=1, dtype=np.float64).min()),
        moved=returned / kept if kept else 0.0,
        kept_importance=float(importance[mask].sum(dtype=np.float64)) / whole if whole else 1.0,
    )
