"""Scope: whose sparsity it is that a schedule prescribes, and the masks that follow from it.

    "layer"     every kernel has that sparsity
    "global"    all kernels together have it; how it is shared out follows from their importance
    "latency"   the predicted time that the kept blocks take together is 1 - sparsity of that of all
                blocks; which block is worth its time follows from the importance

Kernels share a budget when their layers have equal schedules, scopes and methods. The budgets are
in budgets.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import keras

from ubp.pruning.configured import Configured
from ubp.pruning.importance import Matrix
from ubp.pruning.patterns import Pattern
from ubp.pruning.pruned_kernel import Mask, PrunedKernel


class Scope(Configured, ABC):
    """How a sparsity becomes masks. Immutable; compared by value; saved with the model."""

    is_shared: ClassVar[bool] = True  # whether one budget serves several kernels
    is_timed: ClassVar[bool] = False  # whether it needs the positions that kernels are used at

    def check(
        self,
        kernels: Sequence[PrunedKernel],
        patterns: Sequence[Pattern],
        final_sparsity: float | None,
    ) -> None:
        """Refuse, before training, what `masks` could not serve, at any sparsity or the final one.

        Raises:
            ValueError: if there are such (naming one).
        """

    @abstractmethod
    def masks(
        self,
        kernels: Sequence[PrunedKernel],
        importances: Sequence[Matrix],
        patterns: Sequence[Pattern],
        sparsity: float,
        method: str,
    ) -> list[Mask]:
        """The masks of the kernels that keep the most importance; sparsity 0 keeps every weight.

        Args:
            kernels: those that share the budget.
            importances: [lanes, channels] of each.
            patterns: of each.
            sparsity: 0 to 1; one that blocks cannot reach, because N does not divide the channels,
                is raised to the smallest that they can.
            method: see `ubp.select_blocks`.

        Raises:
            ValueError: if importance is not finite, or the budget cannot be met.
        """


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True)
class PerLayer(Scope):
    """Every kernel has the scheduled sparsity."""

    is_shared: ClassVar[bool] = False

    def masks(
        self,
        kernels: Sequence[PrunedKernel],
        importances: Sequence[Matrix],
        patterns: Sequence[Pattern],
        sparsity: float,
        method: str,
    ) -> list[Mask]:
        masks = []
        for kernel, importance, pattern in zip(kernels, importances, patterns, strict=True):
            with naming(kernel):
                masks.append(pattern.mask(importance, sparsity, method))
        return masks


@contextmanager
def naming(kernel: PrunedKernel) -> Iterator[None]:
    """Errors within are told as those of this kernel."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"layer '{kernel.name}': its mask cannot be updated: {error}") from error
