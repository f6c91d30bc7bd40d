# SPDX-License-Identifier: Apache-2.0
"""`reconstruct`: one layer pruned and re-fitted, from its moments alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ubp.arguments import check_whole
from ubp.reconstruction.admm import ITERATIONS, Splitting
from ubp.reconstruction.moments import Floats, Moments, Reals
from ubp.reconstruction.problem import DAMPING, Problem, problem_of
from ubp.reconstruction.projection import Blocks
from ubp.reconstruction.refit import Mask, refit
from ubp.reconstruction.swaps import swap
from ubp.selection import Selection, select_blocks

SWAPS = 2
_SWAPPED_LANES = 1200  # above which rounds of swaps take longer than all else


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A layer with zeros, re-fitted.

    Attributes:
        weights: float32 [lanes, channels], exactly zero where nothing is kept.
        bias: float64 [channels], with which the outputs have the targets' means: the layer's new
            bias, if the targets were its whole outputs. 0 if the moments were not centred.
        relative_error: |outputs - targets|^2 / |targets|^2 over the samples, about the means if
            the moments were centred.
        selection: the kept blocks.
    """

    weights: Floats
    bias: Reals
    relative_error: float
    selection: Selection


def reconstruct(
    moments: Moments,
    weights: Floats,
    *,
    block_size: int = 4,
    sparsity: float | None = None,
    num_blocks: int | None = None,
    method: str = "optimal",
    block_lanes: int = 1,
    max_per_start: int | None = None,
    damping: float = DAMPING,
    iterations: int = ITERATIONS,
    swaps: int | None = None,
) -> Reconstruction:
    """Keep the blocks from which the layer's outputs are best rebuilt, and re-fit their weights.

        >>> import numpy as np
        >>> from ubp.reconstruction import MomentSum, reconstruct
        >>> rng = np.random.default_rng(0)
        >>> x, w = rng.normal(size=(500, 8)).astype("float32"), np.eye(8, dtype="float32")
        >>> x[:, 7] = x[:, 6]  # what lane 7 brings, lane 6 can bring
        >>> total = MomentSum(8, 8)
        >>> total.add(x, x @ w)
        >>> found = reconstruct(total.moments(), w, block_size=2, num_blocks=7)
        >>> bool(found.relative_error < 0.001), int(np.count_nonzero(found.weights[6:].any(axis=1)))
        (True, 1)

    Args:
        moments: of the layer's inputs and wanted outputs.
        weights: float [lanes, channels], the dense ones.
        block_size, sparsity, num_blocks: which blocks, and how many, as `ubp.select_blocks` takes
            them.
        method: "optimal", or "aligned" for blocks that start at multiples of N.
        block_lanes: M, the lanes of a block, as `ubp.select_blocks` takes it.
        max_per_start: the most blocks that start at one channel, raised to what they need; None:
            any number.
        damping: see problem.py; in units of the mean power of a lane.
        iterations: of ADMM, at least 0. With 0 the blocks are those of the largest weights, each
            times the root of its lane's power.
        swaps: rounds of local search, at least 0. None: 2, none for layers of more than 1200 lanes.

    Raises:
        ValueError: if an argument is not as described, or so many blocks do not fit.
        ArithmeticError: if rounding makes the moments singular, which a larger damping prevents.
    """
    check_whole("iterations", iterations, 0)
    problem = problem_of(moments, weights, damping)
    if swaps is None:
        swaps = SWAPS if len(weights) <= _SWAPPED_LANES else 0
    check_whole("swaps", swaps, 0)
    first = select_blocks(
        np.abs(problem.dense),
        block_size,
        sparsity=sparsity,
        num_blocks=num_blocks,
        method=method,
        block_lanes=block_lanes,
    )
    blocks = Blocks(block_size, len(first), method, block_lanes, max_per_start)
    largest = first.mask() if max_per_start is None else blocks.mask(np.abs(problem.dense))
    mask, found = _search(problem, blocks, largest, Splitting(problem), iterations, swaps)
    return _result(moments, problem, blocks, mask, found)


def _search(
    problem: Problem,
    blocks: Blocks,
    largest: Mask,
    splitting: Splitting,
    iterations: int,
    swaps: int,
) -> tuple[Mask, Floats]:
    """The best of the largest weights' blocks and ADMM's, then with swaps; weights re-fitted."""
    masks = [largest, splitting.mask(blocks, iterations)]
    fitted = [refit(problem, mask) for mask in masks]
    best = int(problem.objective(fitted[1]) < problem.objective(fitted[0]))
    if not swaps:
        return masks[best], fitted[best]
    return swap(problem, masks[best], blocks, swaps)


def _result(
    moments: Moments, problem: Problem, blocks: Blocks, mask: Mask, weights: Floats
) -> Reconstruction:
    stored = weights.astype(np.float32)
    free = replace(blocks, max_per_start=None)
    selection = free.select(mask.astype(np.float32))  # which packs the mask again
    return Reconstruction(
        stored,
        moments.target_mean - moments.input_mean @ stored.astype(np.float64),
        problem.relative_error(stored.astype(weights.dtype)),
        selection,
    )
