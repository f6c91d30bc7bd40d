# SPDX-License-Identifier: Apache-2.0
"""ADMM: pruning by the alternating direction method of multipliers.

Zhang et al., "A systematic DNN weight pruning framework using alternating direction method of
multipliers" (arXiv 1804.03294, section 3); the method itself: Boyd et al., "Distributed
optimization and statistical learning via ADMM" (2011, section 3.1.1, scaled form).

The least loss over kernels W in the set S of kernels of the final sparsity is sought as that over
(W, Z) with Z in S and W = Z. In turn:

    W   some training steps of  loss(W) + rho/2 * |W - Z + U|^2
    Z   the projection of W + U onto S
    U   U + W - Z

S holds the kernels that are zero outside of some blocks, as many as the final sparsity leaves; its
nearest element keeps the blocks with the largest sums of squares, which is what selection finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ubp.masking.importance import Matrix
from ubp.masking.regularized import Blocks, RegularizedSchedule, State
from ubp.masking.schedules import check_attribute


@dataclass(frozen=True)
class ADMM(RegularizedSchedule):
    """Draws kernels to the nearest blocks by ADMM (arXiv 1804.03294), then prunes them.

    Blocks of the projections are chosen by squares, whatever the importance, within the scope; the
    masks at `end_step` by the importance. `UpdatePruning` reports how far the kernels are from
    their projections; a distance that does not fall asks for a larger rho, or for more steps.

    A rho that grows lets the loss decide at first, and brings the kernels to their projections in
    the end; the scaled dual variable shrinks as rho grows (Boyd et al., section 3.4.1).

        >>> import ubp
        >>> schedule = ubp.ADMM(0.9, begin_step=0, end_step=100, frequency=10)
        >>> schedule(10), schedule(100)  # an update of the penalty; then the masks
        ((True, 0.0), (True, 0.9))

    Attributes:
        final_sparsity: share of weights to remove at `end_step`, above 0 and below 1.
        begin_step: first update of the penalty, >= 0.
        end_step: the masks are chosen, and the penalty ends; > begin_step.
        frequency: steps between updates of the penalty, >= 1.
        rho: penalty parameter at `begin_step`, > 0.
        final_rho: what it has grown to, by a constant factor per update, at `end_step`; >= rho.

    Raises:
        ValueError: if an attribute is out of its range.
    """

    rho: float = 1e-2
    final_rho: float = 5.0

    state_names: ClassVar[tuple[str, ...]] = ("projection", "dual")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_attribute(self, "rho", "a finite number above 0", lambda rho: 0.0 < rho < np.inf)
        check_attribute(
            self,
            "final_rho",
            f"a finite number of at least rho, which is {self.rho}",
            lambda final: self.rho <= final < np.inf,
        )

    @property
    def growth(self) -> float:
        """The factor by which rho grows from one update to the next."""
        updates = (self.end_step - self.begin_step) / self.frequency
        return float((self.final_rho / self.rho) ** (1.0 / updates))

    def _strength(self, updates: int) -> float:
        return 0.5 * self.rho * self.growth**updates

    def penalty(self, weights: Any, state: Mapping[str, Any], total: Callable[[Any], Any]) -> Any:
        return total((weights - state["projection"] + state["dual"]) ** 2)

    def point(self, weights: Matrix, state: State) -> Matrix:
        return weights + state["dual"]

    def updated(
        self, step: int, weights: Matrix, projection: Matrix, state: State, blocks: Blocks
    ) -> State:
        if self.updates_before(step) == 0:  # no training since: only Z begins, U is zero
            return {"projection": projection, "dual": state["dual"]}
        dual = (state["dual"] + weights - projection) / np.float32(self.growth)
        return {"projection": projection, "dual": dual}
