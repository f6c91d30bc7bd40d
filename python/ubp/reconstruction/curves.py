# SPDX-License-Identifier: Apache-2.0
"""What a layer's error costs: importance for `ubp.select_blocks`, and curves of error over blocks.

`removal_costs` is exact for the removal of any one block, all others re-fitted; `error_curve` for
the blocks that ADMM finds, their weights re-fitted. Both go without the layer's own weights being
large or small: what another lane can stand in for costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_sequence, check_share
from ubp.reconstruction.admm import Splitting
from ubp.reconstruction.moments import Floats, Moments, Reals
from ubp.reconstruction.problem import DAMPING, Problem, problem_of
from ubp.reconstruction.projection import Blocks
from ubp.reconstruction.refit import refit, refit_with_costs
from ubp.selection import METHODS, max_num_blocks

DENSITIES = (0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02)
_ITERATIONS = 20  # of ADMM: a point of a curve is less than a result
_MOST_WORK = 2e11  # multiplications to re-fit a point; denser ones are left out of large layers


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """A layer's relative error for some numbers of blocks.

    Attributes:
        block_size: N.
        num_blocks: int64 [points], rising, from 0 to as many as fit.
        errors: float64 [points], falling; see `Reconstruction.relative_error`.
    """

    block_size: int
    num_blocks: npt.NDArray[np.int64]
    errors: Reals

    def error(self, num_blocks: npt.NDArray[np.int64]) -> Reals:
        """Of any numbers of blocks: the straight line between points."""
        return np.asarray(np.interp(num_blocks, self.num_blocks, self.errors), np.float64)


def removal_costs(moments: Moments, weights: Floats, *, damping: float = DAMPING) -> Floats:
    """By how much the squared error of a sample rises without each weight, all others re-fitted.

    The sum over a block is what removing that block alone costs.

        >>> import numpy as np
        >>> import ubp
        >>> from ubp.reconstruction import MomentSum, removal_costs
        >>> x = np.random.default_rng(0).normal(size=(400, 4)).astype("float32")
        >>> x[:, 3] = 0  # a lane that is always zero
        >>> total = MomentSum(4, 4)
        >>> total.add(x, x @ np.full((4, 4), 2, "float32"))
        >>> importance = removal_costs(total.moments(), np.full((4, 4), 2, "float32"))
        >>> ubp.select_blocks(importance, block_size=4, num_blocks=3).lanes.tolist()
        [0, 1, 2]

    Args:
        moments: of the layer's inputs and wanted outputs.
        weights: float [lanes, channels], the dense ones.
        damping: see problem.py.

    Returns:
        [lanes, channels], at least 0.

    Raises:
        ValueError: if an argument is not as described.
    """
    problem = problem_of(moments, weights, damping)
    _, costs = refit_with_costs(problem, np.ones(weights.shape, np.bool_))
    return np.maximum(costs, 0)


def error_curve(
    moments: Moments,
    weights: Floats,
    *,
    block_size: int = 4,
    method: str = "optimal",
    block_lanes: int = 1,
    densities: Sequence[float] = DENSITIES,
    damping: float = DAMPING,
) -> ErrorCurve:
    """The error of a layer over the number of blocks that it keeps.

    Args:
        moments: of the layer's inputs and wanted outputs.
        weights: float [lanes, channels], the dense ones.
        block_size, method, block_lanes: as `ubp.select_blocks` takes them.
        densities: shares of the weights to keep, at which the error is found; 0 and 1 are added.
            Of large layers the densest ones are left out.
        damping: see problem.py.

    Raises:
        ValueError: if an argument is not as described.
    """
    check_choice("method", method, METHODS)
    check_sequence("densities", densities, "a list of shares")
    for density in densities:
        check_share("densities", density)
    problem = problem_of(moments, weights, damping)
    block = (block_size, block_lanes)
    return traced(problem, counts_of(problem, block, densities), block, method)[0]


def traced(
    problem: Problem, counts: Sequence[int], block: tuple[int, int], method: str
) -> tuple[ErrorCurve, dict[int, Floats]]:
    """The curve through some numbers of blocks, rising and above 0, and the weights at each.

    Args:
        problem: of the layer.
        counts: numbers of blocks.
        block: its channels and lanes, (N, M).
        method: of `ubp.select_blocks`.
    """
    block_size, block_lanes = block
    splitting, weights = Splitting(problem), {}
    for count in counts:
        mask = splitting.mask(Blocks(block_size, count, method, block_lanes), _ITERATIONS)
        weights[count] = refit(problem, mask)
    errors = [problem.relative_error(found) for found in weights.values()]
    most = max_num_blocks(problem.b.shape, block_size, block_lanes)
    ends = [] if counts[-1] == most else [most]
    empty = problem.relative_error(np.zeros_like(problem.b))
    falling = np.minimum.accumulate([empty, *errors, *(0.0 for _ in ends)])
    curve = ErrorCurve(block_size, np.array([0, *counts, *ends], np.int64), falling)
    return curve, weights


def counts_of(
    problem: Problem, block: tuple[int, int], densities: Sequence[float] = DENSITIES
) -> list[int]:
    """Numbers of blocks (N, M), rising, of which a point is not too much work."""
    lanes, channels = problem.b.shape
    most, weights = max_num_blocks((lanes, channels), *block), block[0] * block[1]
    cheap = [each for each in densities if channels * (each * lanes) ** 3 / 3 <= _MOST_WORK]
    counts = {round(each * lanes * channels / weights) for each in cheap or [min(densities)]}
    return sorted({min(max(count, 1), most) for count in counts})
