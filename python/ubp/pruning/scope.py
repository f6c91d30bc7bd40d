"""Scope: whose sparsity it is that a schedule prescribes, and the masks that follow from it.

    "layer"     every kernel has that sparsity
    "global"    all kernels together have it; how it is shared out follows from their importance
    "latency"   the predicted time that the kept blocks take together is 1 - sparsity of that of all
                blocks; which block is worth its time follows from the importance

Kernels share a budget when their layers have equal schedules, scopes and methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import keras
import numpy as np

from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES
from ubp.pruning.configured import Configured
from ubp.pruning.importance import Matrix
from ubp.pruning.patterns import Pattern
from ubp.pruning.pruned_kernel import Mask, PrunedKernel
from ubp.selection import LayerSizes, density_limits, select_blocks_global


class Scope(Configured, ABC):
    """How a sparsity becomes masks. Immutable; compared by value; saved with the model."""

    is_shared: ClassVar[bool] = True  # whether one budget serves several kernels

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
        given = zip(kernels, importances, patterns, strict=True)
        return [_mask(kernel, each, pattern, sparsity, method) for kernel, each, pattern in given]


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True)
class GlobalBudget(Scope):
    """The scheduled sparsity is that of all kernels together.

    Attributes:
        normalize: how importance is made comparable between kernels, see
            `ubp.select_blocks_global`.
        min_density, max_density: limits of the share of its weights that each kernel keeps. A layer
            that keeps nothing would cut the network in two ("layer collapse", Tanaka et al.,
            arXiv 2006.05467).
    """

    normalize: str = "rms"
    min_density: float = 0.01
    max_density: float = 1.0

    def masks(
        self,
        kernels: Sequence[PrunedKernel],
        importances: Sequence[Matrix],
        patterns: Sequence[Pattern],
        sparsity: float,
        method: str,
    ) -> list[Mask]:
        if sparsity == 0.0:
            return [np.ones(kernel.shape, dtype=np.bool_) for kernel in kernels]
        selection = select_blocks_global(
            importances,
            [pattern.block_size for pattern in patterns],
            normalize=self.normalize,
            min_density=self.min_density,
            max_density=self.max_density,
            method=patterns[0].resolve_method(method),
            **self._budget(kernels, patterns, sparsity),
        )
        return [chosen.mask() for chosen in selection.selections]

    def block_costs(
        self, kernels: Sequence[PrunedKernel], patterns: Sequence[Pattern]
    ) -> list[float] | None:
        """What a block of each kernel costs; None where all weights cost the same."""
        return None

    def _budget(
        self, kernels: Sequence[PrunedKernel], patterns: Sequence[Pattern], sparsity: float
    ) -> dict[str, Any]:
        """The budget as `select_blocks_global` takes it, at most what the blocks that fit need."""
        block_sizes = [pattern.block_size for pattern in patterns]
        sizes = LayerSizes([kernel.shape for kernel in kernels], block_sizes)
        limits = np.full(len(kernels), self.min_density), np.full(len(kernels), self.max_density)
        _, at_most = density_limits(sizes, *limits)
        costs = self.block_costs(kernels, patterns)
        if costs is None and len(set(block_sizes)) == 1:
            wanted = round((1.0 - sparsity) * int(sizes.weights.sum()) / block_sizes[0])
            return {"num_blocks": min(wanted, int(at_most.sum()))}
        costs = costs or [float(size) for size in block_sizes]
        whole, most = sizes.full @ np.array(costs), at_most @ np.array(costs)
        return {"costs": costs, "budget": float(min((1.0 - sparsity) * whole, most))}


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True)
class LatencyBudget(GlobalBudget):
    """The scheduled sparsity is the share of the blocks' predicted time that is removed.

    A block of a convolution costs time at every position of its output. The positions of a layer
    are those of the input it was built for; a layer that the model uses twice counts once.

    Attributes:
        costs: as `ubp benchmark --calibrate` measures them on a device and `ubp.costs.read_costs`
            reads them; None for those that come with the package.
    """

    costs: CostModel | None = None

    def block_costs(
        self, kernels: Sequence[PrunedKernel], patterns: Sequence[Pattern]
    ) -> list[float]:
        """What a block of each kernel costs, in multiply-adds of a dense kernel.

        Raises:
            ValueError: if a kernel's positions are open, or its block size has no cost.
        """
        costs = self.costs or DEFAULT_COSTS
        return [_block_cost(costs, *pair) for pair in zip(kernels, patterns, strict=True)]

    def get_config(self) -> dict[str, Any]:
        costs = None if self.costs is None else asdict(self.costs)
        return super().get_config() | {"costs": costs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`; JSON has made strings of the block sizes."""
        costs = config["costs"]
        if costs is not None:
            tables = {
                name: {int(n): cost for n, cost in costs[name].items()}
                for name in ("block", "single")
            }
            config = config | {"costs": CostModel(**(costs | tables))}
        return cls(**config)


_BY_NAME: dict[str, type[Scope]] = {
    "layer": PerLayer,
    "global": GlobalBudget,
    "latency": LatencyBudget,
}


def as_scope(scope: Any) -> Scope:
    """The caller's scope as one of the classes above.

    Raises:
        TypeError: if it is neither a string nor a Scope.
        ValueError: if there is none of this name.
    """
    if isinstance(scope, Scope):
        return scope
    expected = f"expected one of {', '.join(_BY_NAME)}, or a GlobalBudget or LatencyBudget"
    if not isinstance(scope, str):
        raise TypeError(f"scope is {scope!r}; {expected}.")
    if scope not in _BY_NAME:
        raise ValueError(f"scope is {scope!r}; {expected}.")
    return _BY_NAME[scope]()


def _mask(
    kernel: PrunedKernel, importance: Matrix, pattern: Pattern, sparsity: float, method: str
) -> Mask:
    try:
        return pattern.mask(importance, sparsity, method)
    except ValueError as error:
        raise ValueError(f"layer '{kernel.name}': its mask cannot be updated: {error}") from error


def _block_cost(costs: CostModel, kernel: PrunedKernel, pattern: Pattern) -> float:
    if kernel.positions is None:
        raise ValueError(
            f"layer '{kernel.name}': its cost is unknown, because the model's input has no fixed "
            "size; build the model with one for scope='latency'."
        )
    if pattern.block_size not in BLOCK_SIZES:
        raise ValueError(
            f"layer '{kernel.name}': blocks of {pattern.block_size} channels have no known cost; "
            f"scope='latency' needs blocks of {', '.join(map(str, BLOCK_SIZES))}."
        )
    pointwise = int(np.prod(kernel.variable.shape[:-2])) == 1
    return costs.of_block(pattern.block_size, kernel.positions, pointwise)
