# SPDX-License-Identifier: Apache-2.0
"""ADMM over weights in blocks: where to keep them, all lanes and channels considered together.

As in ALPS (Meng et al., arXiv 2406.07831, section 3), with the exact projection onto blocks in
place of that onto single weights. Lanes are scaled to power 1, and one eigendecomposition of A
serves all penalties rho:

    W = (A + rho)^-1 (B + rho D - V)      the quadratic part
    D = W + V / rho, blocks of most squared weight kept, else 0
    V = V + rho (W - D)                   multipliers; then rho grows

All in float32: only the place of the blocks is taken from here, `refit` has the weights.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from ubp.reconstruction.moments import Floats
from ubp.reconstruction.problem import Problem
from ubp.reconstruction.projection import Blocks
from ubp.reconstruction.refit import Mask
from ubp.reconstruction.threads import threads_for

ITERATIONS = 60
_FIRST_RHO, _LAST_RHO = 0.1, 30.0


class Splitting:
    """A problem in the form that ADMM iterates on; serves any number of blocks."""

    def __init__(self, problem: Problem) -> None:
        self._scale = (1 / np.sqrt(np.diag(problem.a))).astype(np.float32)[:, np.newaxis]
        a = problem.a.astype(np.float32)
        a *= self._scale
        a *= self._scale.T
        with threads_for(len(a)):
            self._values, self._vectors, failed = lapack.ssyevd(a.T, lower=1, overwrite_a=1)
        if failed:
            raise ArithmeticError("the eigenvectors of a layer's moments were not found.")
        self._values = np.maximum(self._values, 0)[:, np.newaxis]
        self._b = self._vectors.T @ (problem.b * self._scale).astype(np.float32)
        self._start = (problem.dense / self._scale).astype(np.float32)

    def mask(self, blocks: Blocks, iterations: int = ITERATIONS) -> Mask:
        """The blocks that ADMM ends with, as bool [lanes, channels]."""
        sparse, multipliers = self._start, np.zeros_like(self._start)
        rho = np.float32(_FIRST_RHO)
        growth = np.float32((_LAST_RHO / _FIRST_RHO) ** (1 / max(iterations - 1, 1)))
        mask = blocks.mask(np.square(self._start))
        with threads_for(len(self._vectors)):
            for _ in range(iterations):
                weights = self._minimise(rho * sparse - multipliers, rho)
                shifted = weights + multipliers / rho
                mask = blocks.mask(np.square(shifted))
                sparse = np.where(mask, shifted, np.float32(0))
                multipliers = rho * (shifted - sparse)
                rho *= growth
        return mask

    def _minimise(self, drawn: Floats, rho: np.float32) -> Floats:
        inner = (self._b + self._vectors.T @ drawn) / (self._values + rho)
        return np.asarray(self._vectors @ inner)
