# SPDX-License-Identifier: Apache-2.0
"""Second moments of one layer: all that its reconstruction needs of the data.

    gram   [lanes, lanes]      X'X / n     inputs X [n, lanes], lanes as in `ubp.lanes`
    cross  [lanes, channels]   X'Y / n     wanted outputs Y [n, channels]
    power  [channels]          Y'Y / n     the diagonal

Samples are added up batch by batch: float32 products, float64 sums, of the differences from the
first batch's means, so that large means cancel nothing. Memory is 8 * lanes^2 bytes: 170 MB for the
4608 lanes of a 3x3 convolution of 512 channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_counts, shown

Floats = npt.NDArray[np.floating]
Reals = npt.NDArray[np.float64]

_ROWS = 1024  # of the gram matrix that are multiplied at a time


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments of one layer's inputs and wanted outputs, all float64.

    Attributes:
        gram, cross, power: as above; centred ones are of the differences from the means.
        input_mean: [lanes]; target_mean: [channels]. Both 0 where the moments are not centred.
        samples: n.
    """

    gram: Reals
    cross: Reals
    power: Reals
    input_mean: Reals
    target_mean: Reals
    samples: int


class MomentSum:
    """Adds up the moments of one layer. Not thread-safe.

    >>> import numpy as np
    >>> from ubp.reconstruction import MomentSum
    >>> total = MomentSum(lanes=2, channels=1)
    >>> total.add(np.array([[1, 0], [3, 0]], "float32"), np.array([[5], [9]], "float32"))
    >>> total.moments().cross.ravel().tolist(), total.moments().target_mean.tolist()
    ([2.0, 0.0], [7.0])

    Args:
        lanes, channels: of the layer.

    Raises:
        ValueError: if they are no whole numbers of at least 1.
    """

    def __init__(self, lanes: int, channels: int) -> None:
        check_counts(lanes=lanes, channels=channels)
        self.samples = 0
        self._shape = (lanes, channels)
        self._gram = np.zeros((lanes, lanes))  # the blocks of rows from the diagonal on
        self._cross = np.zeros((lanes, channels))
        self._inputs, self._targets = np.zeros(lanes), np.zeros(channels)
        self._power = np.zeros(channels)
        self._pivots = (np.zeros(lanes, np.float32), np.zeros(channels, np.float32))

    def add(self, inputs: Floats, targets: Floats) -> None:
        """Add samples.

        Args:
            inputs: float [samples, lanes], what enters the layer.
            targets: float [samples, channels], what is wanted of it.

        Raises:
            ValueError: if the shapes are others, or a value is not finite.
        """
        self._check(inputs, targets)
        if not len(inputs):
            return
        if not self.samples:
            means = (each.mean(axis=0, dtype=np.float64) for each in (inputs, targets))
            first, second = (mean.astype(np.float32) for mean in means)
            self._pivots = first, second
        x = inputs.astype(np.float32, copy=False) - self._pivots[0]
        y = targets.astype(np.float32, copy=False) - self._pivots[1]
        self.samples += len(x)
        for start in range(0, self._shape[0], _ROWS):
            rows = slice(start, start + _ROWS)
            self._gram[rows, start:] += x[:, rows].T @ x[:, start:]
        self._cross += x.T @ y
        self._inputs += x.sum(axis=0, dtype=np.float64)
        self._targets += y.sum(axis=0, dtype=np.float64)
        self._power += np.square(y, dtype=np.float64).sum(axis=0)

    def moments(self, *, centred: bool = True) -> Moments:
        """The moments so far.

        Args:
            centred: take the means out: for a layer whose bias is free, or that is followed by a
                batch normalisation whose statistics are measured anew.

        Raises:
            ValueError: if there are no samples.
        """
        if not self.samples:
            raise ValueError("moments of no samples; add some first.")
        n, (lanes, channels) = self.samples, self._shape
        x, y = self._inputs / n, self._targets / n  # means, less the pivots
        means = (x + self._pivots[0], y + self._pivots[1])
        power = np.maximum(self._power / n - y**2, 0.0)
        gram, cross = self._gram / n, self._cross / n - np.multiply.outer(x, y)
        added = np.zeros(lanes) if centred else means[0]
        for start in range(0, lanes, _ROWS):
            rows = slice(start, start + _ROWS)
            gram[rows, start:] -= np.multiply.outer(x[rows], x[start:])
            gram[rows, start:] += np.multiply.outer(added[rows], added[start:])
            gram[start:, rows] = gram[rows, start:].T  # the blocks below the diagonal
        if centred:
            return Moments(gram, cross, power, *means, n)
        cross += np.multiply.outer(*means)
        power += means[1] ** 2
        return Moments(gram, cross, power, np.zeros(lanes), np.zeros(channels), n)

    def _check(self, inputs: Floats, targets: Floats) -> None:
        lanes, channels = self._shape
        for name, array, width in (("inputs", inputs, lanes), ("targets", targets, channels)):
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                raise ValueError(f"{name} is {shown(array)}; expected an array of floats.")
            if array.ndim != 2 or array.shape[1] != width or len(array) != len(inputs):
                raise ValueError(
                    f"{name} has the shape {array.shape}; expected ({len(inputs)}, {width})."
                )
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{name} has values that are NaN or infinite; expected finite samples."
                )
