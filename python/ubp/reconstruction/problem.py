# SPDX-License-Identifier: Apache-2.0
"""The problem of one layer: least squares over weights with blocks of zeros.

    minimise  |X W - Y|^2 / n  +  damping * |W - W0|^2     over W [lanes, channels]

X [n, lanes] are the layer's inputs, Y [n, channels] its wanted outputs, W0 the dense weights. For
each channel this is a quadratic function with A = X'X/n + damping and B = X'Y/n + damping * W0. The
damping draws weights on which the data says little to the dense ones, so that few samples, constant
inputs and lanes that are always zero still have one answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ubp.arguments import check_number, shown
from ubp.reconstruction.moments import Floats, Moments

DAMPING = 0.1  # of the mean diagonal of X'X/n; see docs/no-training.md
_SINGLE = 2048  # lanes, above which float32 has to do: half of the memory and of the time
_LEAST = 1e-12  # damping where the inputs never change


@dataclass(frozen=True, eq=False)
class Problem:
    """One layer's problem, in float64, or in float32 if it is large.

    Attributes:
        a: [lanes, lanes], positive definite.
        b, dense: [lanes, channels]; B, and W0.
        damping: absolute.
        power: |Y|^2 / n.
    """

    a: Floats
    b: Floats
    dense: Floats
    damping: float
    power: float

    def objective(self, weights: Floats) -> float:
        """What is minimised, but for a constant."""
        product = self.a @ weights
        product -= 2 * self.b
        return float(np.vdot(weights, product))

    def relative_error(self, weights: Floats) -> float:
        """|X W - Y|^2 / |Y|^2: 0 is perfect, 1 as good as no input at all."""
        if self.power <= 0.0:
            return 0.0
        difference = weights - self.dense
        damped = self.damping * (np.vdot(difference, difference) - np.vdot(self.dense, self.dense))
        error = self.objective(weights) - float(damped) + self.power
        return max(error / self.power, 0.0)


def problem_of(moments: Moments, weights: Floats, damping: float = DAMPING) -> Problem:
    """The problem of a layer.

    Args:
        moments: of its inputs and wanted outputs.
        weights: float [lanes, channels], the dense ones.
        damping: above 0, in units of the mean diagonal of X'X/n.

    Raises:
        ValueError: if the weights are others than the moments are of, or not finite; or if the
            damping is no number above 0.
    """
    check_number("damping", damping, "a number above 0", lambda number: 0.0 < number < np.inf)
    if not isinstance(weights, np.ndarray) or weights.dtype.kind != "f":
        raise ValueError(f"weights is {shown(weights)}; expected an array of floats.")
    if weights.shape != moments.cross.shape:
        raise ValueError(
            f"weights has the shape {weights.shape}; expected [lanes, channels] as of the moments, "
            f"{moments.cross.shape}."
        )
    if not np.isfinite(weights).all():
        raise ValueError("weights has values that are NaN or infinite; expected finite ones.")
    dtype = np.dtype(np.float64 if len(weights) <= _SINGLE else np.float32)
    dense: Floats = weights.astype(dtype)
    a: Floats = moments.gram.astype(dtype)
    absolute = max(damping * float(np.trace(moments.gram)) / len(a), _LEAST)
    a.flat[:: len(a) + 1] += absolute
    b: Floats = (moments.cross + absolute * dense).astype(dtype)
    return Problem(a, b, dense, absolute, float(moments.power.sum()))
