# SPDX-License-Identifier: Apache-2.0
"""Statistics of batch normalisation: what enters it has changed, what leaves it shall not."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.reconstruction.moments import Reals
from ubp.reconstruction.network.activations import Activations, Array
from ubp.reconstruction.network.graph import OWN, Pair
from ubp.reconstruction.network.plan import Task
from ubp.reconstruction.network.sampling import Draws

_LEAST_SHARE = 1e-6  # of the dense statistics: channels that vary less keep them


@dataclass(frozen=True)
class Spread:
    """Mean and variance of channels, float64 [channels]."""

    mean: Reals
    variance: Reals


def measure_statistics(task: Task, own: Activations, dense: Activations, draws: Draws) -> int:
    """Fit a batch normalisation to what enters it now; returns the samples.

    Raises:
        ValueError: if a value is not finite.
    """
    axis = task.layers[OWN].axis
    now, before = _SpreadSum(axis), _SpreadSum(axis)
    pairs = zip(
        own.inputs_of(task.layers, task.sites),
        dense.inputs_of(task.layers, task.sites),
        strict=True,
    )
    for given, wanted in pairs:
        for inputs, expected in zip(given, wanted, strict=True):
            rows = inputs.size // inputs.shape[axis]
            chosen = draws.choose(rows, len(given))
            now.add(inputs, chosen)
            before.add(expected, chosen)
    fit_statistics(task.layers, now.spread(), before.spread())
    return now.samples


def fit_statistics(layers: Pair, now: Spread, before: Spread) -> None:
    """Let a copy's normalisation give outputs of the mean and variance that the dense one's have.

    If the dense one's statistics are those of the same samples, the new ones are, too; otherwise
    they differ from these as much as the dense one's do, so that few samples add little noise.

    Args:
        layers: the two normalisations.
        now: of what enters the copy's.
        before: of what enters the dense one's, on the same samples.

    Raises:
        ValueError: if a value is not finite.
    """
    dense, copy = layers
    if not all(np.isfinite(each).all() for each in (*astuple(now), *astuple(before))):
        raise ValueError(
            f"prune_without_training: what enters layer '{dense.name}' is infinite or NaN; "
            "expected finite inputs, and a model whose outputs for them are finite."
        )
    mean = np.asarray(dense.moving_mean.numpy(), np.float64)
    damped = np.asarray(dense.moving_variance.numpy(), np.float64) + dense.epsilon
    least = _LEAST_SHARE * damped + 1e-30
    ratio = (now.variance + least) / (before.variance + least)
    copy.moving_mean.assign(now.mean - (before.mean - mean) * np.sqrt(ratio))
    copy.moving_variance.assign(np.maximum(damped * ratio - dense.epsilon, 0.0))


class _SpreadSum:
    """Adds up mean and variance of what lies along an axis."""

    def __init__(self, axis: int) -> None:
        self._axis = axis
        self.samples = 0
        self._pivot: npt.NDArray[np.float32] | None = None
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    def add(self, inputs: Array, chosen: npt.NDArray[np.intp] | None) -> None:
        rows = np.moveaxis(inputs, self._axis, -1)
        rows = rows.reshape(-1, rows.shape[-1])
        rows = (rows if chosen is None else rows[chosen]).astype(np.float32, copy=False)
        if self._pivot is None:
            self._pivot = rows.mean(axis=0)
        rows = rows - self._pivot
        self.samples += len(rows)
        self._sum = self._sum + rows.sum(axis=0, dtype=np.float64)
        self._squares = self._squares + np.einsum("sc,sc->c", rows, rows, dtype=np.float64)

    def spread(self) -> Spread:
        mean = self._sum / self.samples
        variance = np.maximum(self._squares / self.samples - mean**2, 0.0)
        return Spread(mean + self._pivot, variance)
