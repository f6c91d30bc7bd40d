# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions: each channel re-fitted by itself, to what now enters it."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from ubp.reconstruction.moments import Reals
from ubp.reconstruction.network.activations import Activations, Array
from ubp.reconstruction.network.plan import Task
from ubp.reconstruction.network.sampling import Draws
from ubp.reconstruction.network.statistics import Spread, fit_statistics
from ubp.reconstruction.patches import Convolution, lane_inputs, padding_before

_LEAST = 1e-12  # damping where the inputs never change
_MOST_SAMPLES = 16_384  # for a few taps


def refit_depthwise(
    task: Task, own: Activations, dense: Activations, draws: Draws, damping: float
) -> tuple[int, float]:
    """Re-fit each channel of a depthwise convolution by itself.

    Returns:
        Samples, and the relative error.

    Raises:
        ValueError: if a value is not finite.
    """
    layer, copy = task.layers
    kernel = np.asarray(layer.kernel.numpy(), np.float32)
    height, width, channels, multiplier = kernel.shape
    taps = kernel.reshape(height * width, channels, multiplier)
    draws = draws.of_most(_MOST_SAMPLES)
    total = _ChannelSums(*taps.shape)
    pairs = zip(
        own.inputs_of(task.layers, task.sites),
        dense.inputs_of(task.layers, task.sites),
        strict=True,
    )
    for given, wanted in pairs:
        for inputs, expected in zip(given, wanted, strict=True):
            output = layer.compute_output_shape(inputs.shape)[1:3]
            chosen = draws.choose(len(inputs) * output[0] * output[1], len(given))
            targets = np.einsum("stc,tcm->scm", _lanes(layer, expected, chosen), taps)
            total.add(_lanes(copy, inputs, chosen), targets)
    weights, error = total.solve(taps, damping, task.free)
    if not np.isfinite(weights).all():
        raise ValueError(
            f"prune_without_training: what enters layer '{layer.name}' is infinite or NaN; "
            "expected finite inputs."
        )
    copy.kernel.assign(weights.reshape(kernel.shape))
    now, before = total.spreads(weights)
    if layer.use_bias and task.free:
        copy.bias.assign(np.asarray(layer.bias.numpy()) + before.mean - now.mean)
    if task.norm is not None:
        bias = np.asarray(layer.bias.numpy(), np.float64) if layer.use_bias else 0.0
        now = Spread(before.mean if layer.use_bias else now.mean, now.variance)
        fit_statistics(
            task.norm,
            Spread(now.mean + bias, now.variance),
            Spread(before.mean + bias, before.variance),
        )
    return total.samples, error


def _lanes(
    layer: keras.layers.DepthwiseConv2D, inputs: Array, chosen: npt.NDArray[np.intp] | None
) -> npt.NDArray[np.float32]:
    """Float32 [samples, taps, channels]."""
    _, height, width, channels = inputs.shape
    kernel, strides = tuple(layer.kernel_size), tuple(layer.strides)
    dilation = tuple(layer.dilation_rate)
    before = padding_before(layer.padding, (height, width), kernel, strides, dilation)
    output = tuple(layer.compute_output_shape(inputs.shape)[1:3])
    geometry = Convolution(kernel, strides, dilation, before, output)
    lanes = lane_inputs(inputs.astype(np.float32, copy=False), geometry, chosen)
    return lanes.reshape(len(lanes), -1, channels)


class _ChannelSums:
    """Moments of every channel: inputs [n, taps, channels], targets [n, channels, multiplier]."""

    def __init__(self, taps: int, channels: int, multiplier: int) -> None:
        self.samples = 0
        self._gram = np.zeros((taps, taps, channels))
        self._cross = np.zeros((taps, channels, multiplier))
        self._inputs = np.zeros((taps, channels))
        self._targets = np.zeros((channels, multiplier))
        self._power = np.zeros((channels, multiplier))

    def add(self, inputs: npt.NDArray[np.float32], targets: npt.NDArray[np.float32]) -> None:
        self.samples += len(inputs)
        for one in range(inputs.shape[1]):
            tap = inputs[:, one]
            for other in range(one + 1):
                self._gram[one, other] += np.einsum("sc,sc->c", tap, inputs[:, other])
                self._gram[other, one] = self._gram[one, other]
            self._cross[one] += np.einsum("sc,scm->cm", tap, targets)
        self._inputs += inputs.sum(axis=0, dtype=np.float64)
        self._targets += targets.sum(axis=0, dtype=np.float64)
        self._power += np.einsum("scm,scm->cm", targets, targets, dtype=np.float64)

    def solve(
        self, dense: npt.NDArray[np.float32], damping: float, free: bool
    ) -> tuple[Reals, float]:
        """Weights [taps, channels, multiplier], and the relative error."""
        gram, cross, power = self._moments(free)
        taps = len(gram)
        gram, cross = gram.transpose(2, 0, 1), cross.transpose(1, 0, 2)  # channels first
        trace = np.trace(gram, axis1=1, axis2=2) / taps
        absolute = np.maximum(damping * trace, _LEAST)[:, np.newaxis, np.newaxis]
        damped = gram + absolute * np.eye(taps)
        weights = np.linalg.solve(damped, cross + absolute * dense.transpose(1, 0, 2))
        total = float(power.sum())
        squared = float(np.sum(weights * (gram @ weights - 2 * cross))) + total
        error = max(squared / total, 0.0) if total > 0 else 0.0
        return weights.transpose(1, 0, 2), error

    def spreads(self, weights: Reals) -> tuple[Spread, Spread]:
        """Of the outputs that weights [taps, channels, multiplier] give, and of the targets."""
        gram, _, power = self._moments(True)
        mean = np.einsum("tc,tcm->cm", self._inputs / self.samples, weights)
        variance = np.einsum("tuc,tcm,ucm->cm", gram, weights, weights)
        now = Spread(mean.reshape(-1), np.maximum(variance, 0.0).reshape(-1))
        target = self._targets / self.samples
        return now, Spread(target.reshape(-1), np.maximum(power, 0.0).reshape(-1))

    def _moments(self, centred: bool) -> tuple[Reals, Reals, Reals]:
        n = self.samples
        gram, cross, power = self._gram / n, self._cross / n, self._power / n
        if centred:
            x, y = self._inputs / n, self._targets / n
            gram = gram - x[:, np.newaxis] * x
            cross = cross - x[:, :, np.newaxis] * y
            power = power - y**2
        return gram, cross, power
