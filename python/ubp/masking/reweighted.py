# SPDX-License-Identifier: Apache-2.0
"""Reweighted regularisation: ever stronger decay of the blocks that are weak already.

The reweighting is that of Candes, Wakin and Boyd, "Enhancing sparsity by reweighted l1
minimization" (2008), for blocks of weights in a network as in "Automatic mapping of the best-suited
DNN pruning schemes for real-time mobile acceleration" (arXiv 2111.11581). The loss gets

    strength * sum over blocks b of alpha_b * |W_b|^2,   alpha_b = 1 / (|W_b|^2 + epsilon * m),

where alpha is held constant between updates, and m is the mean of |W_b|^2 in the kernel. A weak
block decays fast, a strong one hardly: the sum approximates the number of blocks that are not zero.

Aligned blocks partition a kernel. Unaligned ones overlap, so each weight has the alpha of the
strongest block that covers it: a weight is spared if some place of a block keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ubp.lanes import spread_lane_groups, sum_lane_groups
from ubp.masking.importance import Matrix
from ubp.masking.regularized import Blocks, RegularizedSchedule, State
from ubp.masking.schedules import check_attribute


@dataclass(frozen=True)
class ReweightedRegularization(RegularizedSchedule):
    """Lets weak blocks decay by reweighted regularisation (arXiv 2111.11581), then prunes them.

    `UpdatePruning` reports how far the kernels are from what pruning would make of them; a distance
    that does not fall asks for a larger strength, or for more steps.

        >>> import ubp
        >>> schedule = ubp.ReweightedRegularization(0.9, begin_step=0, end_step=100, strength=1e-3)
        >>> schedule(50), schedule(100)  # whether an update is due, and the sparsity
        ((False, 0.0), (True, 0.9))

    Attributes:
        final_sparsity: share of weights to remove at `end_step`, above 0 and below 1.
        begin_step: first update of the penalty, >= 0.
        end_step: the masks are chosen, and the penalty ends; > begin_step.
        frequency: steps between updates of the penalty, >= 1.
        strength: what the penalty counts in the loss, > 0.
        epsilon: share of the mean squared norm of a kernel's blocks that bounds alpha, > 0.

    Raises:
        ValueError: if an attribute is out of its range.
    """

    strength: float = 1e-3
    epsilon: float = 1e-2

    state_names: ClassVar[tuple[str, ...]] = ("alpha",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("strength", "epsilon"):
            check_attribute(self, name, "a finite number above 0", lambda each: 0.0 < each < np.inf)

    def _strength(self, updates: int) -> float:
        return self.strength

    def penalty(self, weights: Any, state: Mapping[str, Any], total: Callable[[Any], Any]) -> Any:
        return total(state["alpha"] * weights**2)

    def updated(
        self, step: int, weights: Matrix, projection: Matrix, state: State, blocks: Blocks
    ) -> State:
        squares = sum_lane_groups(np.square(weights), blocks.lanes)
        covering = (
            _aligned_sums(squares, blocks.size)
            if blocks.aligned
            else _largest_covering_sums(squares, blocks.size)
        )
        # A kernel of zeros has nothing to decay: any alpha will do, but no division by zero.
        bound = self.epsilon * blocks.size * float(squares.mean()) or 1.0
        alpha = (1.0 / (covering + bound)).astype(np.float32)
        return {"alpha": spread_lane_groups(alpha, blocks.lanes)}


def _aligned_sums(squares: Matrix, size: int) -> Matrix:
    """For each place of [groups, channels] the sum over its aligned block, the last one cut off."""
    starts = np.arange(0, squares.shape[1], size)
    sums = np.add.reduceat(squares, starts, axis=1)
    return np.repeat(sums, size, axis=1)[:, : squares.shape[1]]


def _largest_covering_sums(squares: Matrix, size: int) -> Matrix:
    """For each place of [groups, channels] the largest sum over a block that covers it."""
    sums = sliding_window_view(squares, size, axis=1).sum(axis=-1)
    padded = np.pad(sums, ((0, 0), (size - 1, size - 1)))  # 0: no sum is less
    covering: Matrix = sliding_window_view(padded, size, axis=1).max(axis=-1)
    return covering
