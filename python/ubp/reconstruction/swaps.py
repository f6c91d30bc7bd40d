# SPDX-License-Identifier: Apache-2.0
"""Local search after ADMM: blocks for other blocks, as long as the objective falls.

What is kept costs what `refit_with_costs` says; what is not kept would gain r_k' A_kk^-1 r_k by
itself, r = B - A W being the residual and k a block's lanes. Both are importance for one more exact
selection. Gains that were believed at once may be too high together: where a round does not help,
the next believes half.
"""

from __future__ import annotations

import numpy as np

from ubp.reconstruction.moments import Floats
from ubp.reconstruction.problem import Problem
from ubp.reconstruction.projection import Blocks
from ubp.reconstruction.refit import (
    Mask,
    diagonal_blocks,
    refit_with_costs,
    shared_squares,
)


def swap(problem: Problem, mask: Mask, blocks: Blocks, rounds: int) -> tuple[Mask, Floats]:
    """The best mask found in some rounds, with its weights re-fitted; never worse than the given.

    Args:
        problem: of the layer.
        mask: bool [lanes, channels], of as many blocks.
        blocks: what is kept.
        rounds: how often to look, at least 0.
    """
    weights, costs = refit_with_costs(problem, mask, blocks.block_lanes)
    best = problem.objective(weights)
    diagonal = diagonal_blocks(problem.a, blocks.block_lanes)
    share = 1.0
    for _ in range(rounds):
        residual = problem.b - problem.a @ weights
        gains = share * shared_squares(diagonal, residual)
        other = blocks.mask(np.maximum(np.where(mask, costs, gains), 0))
        if np.array_equal(other, mask):
            break
        other_weights, other_costs = refit_with_costs(problem, other, blocks.block_lanes)
        objective = problem.objective(other_weights)
        if objective < best:
            best, mask, weights, costs = objective, other, other_weights, other_costs
        else:
            share /= 2
    return mask, weights
