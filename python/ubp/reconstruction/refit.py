# SPDX-License-Identifier: Apache-2.0
"""Least squares of every channel on the weights that are kept, and what each of these is worth.

The N channels of a block are re-fitted each by itself, so its removal raises the objective by
exactly the sum over them of

    w_k' [(A_SS)^-1]_kk^-1 w_k    S: the lanes that the channel keeps, k the block's M lanes

(Hassibi & Stork's "optimal brain surgeon", with blocks for which it is exact.) For M = 1 that is
w^2 / [(A_SS)^-1]_kk, the cost of one weight; otherwise each of the M weights has an equal share.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from ubp.lanes import spread_lane_groups
from ubp.reconstruction.moments import Floats
from ubp.reconstruction.problem import Problem
from ubp.reconstruction.threads import threads_for

Mask = npt.NDArray[np.bool_]
_Indices = npt.NDArray[np.intp]


def refit(problem: Problem, mask: Mask) -> Floats:
    """The weights [lanes, channels] of least objective that are zero outside of the mask."""
    weights = np.zeros_like(problem.b)
    with threads_for(_most_kept(mask)):
        for lanes, channels in _supports(mask):
            factor = _factor(problem, lanes)
            weights[np.ix_(lanes, channels)] = _solve(problem, factor, lanes, channels)
    return weights


def refit_with_costs(problem: Problem, mask: Mask, block_lanes: int = 1) -> tuple[Floats, Floats]:
    """The weights as of `refit`, and how much the objective rises where some are removed.

    Args:
        problem: of the layer.
        mask: bool [lanes, channels]; each M lanes alike.
        block_lanes: M, the lanes that are removed together.

    Returns:
        (weights, costs), both [lanes, channels]; costs are 0 outside of the mask.
    """
    weights, costs = np.zeros_like(problem.b), np.zeros_like(problem.b)
    with threads_for(_most_kept(mask)):
        for lanes, channels in _supports(mask):
            factor = _factor(problem, lanes)
            solution = _solve(problem, factor, lanes, channels)
            weights[np.ix_(lanes, channels)] = solution
            (invert,) = lapack.get_lapack_funcs(("potri",), (factor,))
            inverse, failed = invert(factor, lower=1, overwrite_c=1)
            assert not failed
            inner = diagonal_blocks(inverse, block_lanes)
            costs[np.ix_(lanes, channels)] = shared_squares(inner, solution)
    return weights, costs


def diagonal_blocks(matrix: Floats, size: int) -> Floats:
    """The blocks [n / size, size, size] on the diagonal of a symmetric matrix [n, n].

    Only what is on and below its diagonal is read.
    """
    places = np.arange(len(matrix)).reshape(-1, size)
    lower = np.tril(matrix[places[:, :, np.newaxis], places[:, np.newaxis, :]])
    return np.asarray(lower + np.tril(lower, -1).transpose(0, 2, 1))


def shared_squares(blocks: Floats, vectors: Floats) -> Floats:
    """v' B^-1 v of every group of lanes and channel, in equal shares for its lanes.

    Args:
        blocks: [lanes / M, M, M], B, positive definite.
        vectors: [lanes, channels].

    Returns:
        [lanes, channels].
    """
    size = blocks.shape[1]
    if size == 1:
        return np.asarray(np.square(vectors) / blocks[:, 0])
    grouped = vectors.reshape(len(blocks), size, -1)
    squares = (grouped * np.linalg.solve(blocks, grouped)).sum(axis=1) / size
    return spread_lane_groups(squares, size)


def _most_kept(mask: Mask) -> int:
    """The lanes of the channel that keeps most."""
    return int(mask.sum(axis=0).max(initial=0))


def _supports(mask: Mask) -> Iterator[tuple[_Indices, _Indices]]:
    """Each set of lanes that channels keep, with these channels."""
    patterns, which = np.unique(np.packbits(mask, axis=0), axis=1, return_inverse=True)
    for index in range(patterns.shape[1]):
        channels = np.flatnonzero(which.ravel() == index)
        lanes = np.flatnonzero(mask[:, channels[0]])
        if len(lanes):
            yield lanes, channels


def _factor(problem: Problem, lanes: _Indices) -> Floats:
    """The Cholesky factor of A_SS, lower, with anything above its diagonal."""
    part = problem.a if len(lanes) == len(problem.a) else problem.a[np.ix_(lanes, lanes)]
    (factorise,) = lapack.get_lapack_funcs(("potrf",), (part,))
    factor, failed = factorise(part.T, lower=1, overwrite_a=part is not problem.a, clean=0)
    if failed:
        raise ArithmeticError(
            f"the moments of {len(lanes)} lanes are not positive definite by rounding; use a "
            "larger damping."
        )
    return np.asarray(factor)


def _solve(problem: Problem, factor: Floats, lanes: _Indices, channels: _Indices) -> Floats:
    (solve,) = lapack.get_lapack_funcs(("potrs",), (factor,))
    solution, failed = solve(factor, problem.b[np.ix_(lanes, channels)], lower=1)
    assert not failed
    return np.asarray(solution)
