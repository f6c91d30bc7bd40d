# SPDX-License-Identifier: Apache-2.0
"""Moments of a file's layers: their inputs as lanes, added up picture by picture.

Of a layer with many pixels some are drawn, as many of each picture: neighbours tell much the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.conversion.operator_view import TRANSPOSE_CONV, OperatorView
from ubp.format import Padding
from ubp.reconstruction import Convolution, MomentSum, lane_inputs
from ubp.reconstruction.patches import padding_before
from ubp.tflite_pruning.activations import Activations
from ubp.tflite_pruning.layers import DEPTHWISE, FileLayer, Graph

SAMPLES = 32768  # of a layer at least, if there are as many
_SAMPLES_PER_LANE = 16
_FEW_TAPS = 16384  # of a depthwise convolution
_ROWS, _BYTES = 4096, 2**25  # of samples that are added at a time, at most

Array = npt.NDArray[Any]
Pair = tuple[int, int]


def layer_samples(
    activations: Activations, graph: Graph, layer: FileLayer, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """What a layer is to be rebuilt from, some thousand samples at a time.

    Args:
        activations: of the pruned and the dense network.
        graph: the pruned one.
        layer: of it.
        rng: draws pixels.

    Yields:
        Inputs float32 [samples, lanes] and wanted outputs float32 [samples, channels]; of a
        depthwise convolution, inputs [samples, taps * channels].
    """
    lanes = layer.matrix_shape[0]
    wanted = _FEW_TAPS if is_depthwise(layer) else max(SAMPLES, _SAMPLES_PER_LANE * lanes)
    each = -(-wanted // (activations.runs * len(layer.operators)))
    for position in layer.operators:
        view = graph.view(position)
        yield from _gathered(_rows(view, x, y, each, rng) for x, y in activations.of(position))


def sum_moments(samples: Iterable[tuple[Array, Array]], layer: FileLayer) -> MomentSum:
    """The moments of a layer's samples, as `layer_samples` gives them; none of a depthwise one."""
    total = MomentSum(*layer.matrix_shape)
    for inputs, targets in samples:
        total.add(inputs, targets)
    return total


def _gathered(rows: Iterable[tuple[Array, Array]]) -> Iterator[tuple[Array, Array]]:
    """Pieces put together, so that few products of large matrices add them up."""
    inputs: list[Array] = []
    targets: list[Array] = []
    for x, y in rows:
        inputs.append(x)
        targets.append(y)
        count = sum(map(len, inputs))
        if count >= _ROWS or count * x.shape[1] * 4 >= _BYTES:
            yield np.concatenate(inputs), np.concatenate(targets)
            inputs, targets = [], []
    if inputs:
        yield np.concatenate(inputs), np.concatenate(targets)


def _rows(
    view: OperatorView, x: Array, y: Array, most: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The samples of one picture."""
    targets = y.reshape(-1, y.shape[-1])
    pixels = None
    if len(targets) > most:
        pixels = np.sort(rng.choice(len(targets), most, replace=False))
        targets = targets[pixels]
    if view.op == "FULLY_CONNECTED":
        inputs = x.reshape(-1, x.shape[-1])
        return (inputs if pixels is None else inputs[pixels]), targets
    return lane_inputs(x, geometry_of(view, x.shape, y.shape), pixels), targets


def geometry_of(
    view: OperatorView, inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> Convolution:
    """The geometry of a convolution for inputs and outputs of these shapes, NHWC."""
    options = view.operator.builtinOptions
    weights = view.tensor(view.inputs.weights)
    assert weights is not None
    kernel: Pair = (int(weights.shape[1]), int(weights.shape[2]))
    strides: Pair = (options.strideH, options.strideW)
    size, output = (inputs[1], inputs[2]), (outputs[1], outputs[2])
    if view.op == TRANSPOSE_CONV:
        before = [
            max(0, (size[axis] - 1) * strides[axis] + kernel[axis] - output[axis]) // 2
            for axis in (0, 1)
        ]
        return Convolution(kernel, strides, (1, 1), (before[0], before[1]), output, True)
    dilation: Pair = (max(options.dilationHFactor, 1), max(options.dilationWFactor, 1))
    padding = "same" if options.padding == Padding.SAME else "valid"
    zeros = padding_before(padding, size, kernel, strides, dilation)
    return Convolution(kernel, strides, dilation, zeros, output)


class DepthwiseSum:
    """Moments of a depthwise convolution: each channel's taps by themselves.

    Args:
        taps, channels: of the layer.
    """

    def __init__(self, taps: int, channels: int) -> None:
        self._shape = (taps, channels)
        self._gram = np.zeros((channels, taps, taps))
        self._cross = np.zeros((channels, taps))
        self._inputs, self._targets = np.zeros((channels, taps)), np.zeros(channels)
        self._power = np.zeros(channels)
        self._pivots: tuple[Array, Array] | None = None
        self.samples = 0

    def add(self, inputs: Array, targets: Array) -> None:
        """Add samples: inputs [samples, taps * channels], targets [samples, channels]."""
        taps = inputs.reshape(len(inputs), *self._shape)
        if self._pivots is None:  # so that large means cancel nothing in float32
            self._pivots = (taps.mean((0, 1)), targets.mean(0))
        x = np.ascontiguousarray((taps - self._pivots[0]).transpose(2, 1, 0))
        y = np.ascontiguousarray((targets - self._pivots[1]).T)
        self._gram += x @ x.transpose(0, 2, 1)
        self._cross += (x @ y[:, :, np.newaxis])[:, :, 0]
        self._inputs += x.sum(2, dtype=np.float64)
        self._targets += y.sum(1, dtype=np.float64)
        self._power += np.square(y, dtype=np.float64).sum(1)
        self.samples += len(inputs)

    def fit(self, weights: Array, damping: float) -> tuple[Array, Array, float]:
        """Least squares for every channel, drawn to the dense weights.

        Args:
            weights: [taps, channels], the dense ones.
            damping: in units of the mean power of a channel's taps.

        Returns:
            Weights [taps, channels], bias [channels], and the relative error.
        """
        assert self._pivots is not None
        n, taps = self.samples, self._shape[0]
        x, y = self._inputs / n, self._targets / n
        gram = self._gram / n - x[:, :, np.newaxis] * x[:, np.newaxis, :]
        cross = self._cross / n - x * y[:, np.newaxis]
        dense = weights.T.astype(np.float64)
        power = np.trace(gram, axis1=1, axis2=2) / taps
        absolute = damping * power + 1e-12 + 1e-6 * power.max(initial=0.0)
        left = gram + absolute[:, np.newaxis, np.newaxis] * np.eye(taps)
        right = cross + absolute[:, np.newaxis] * dense
        found = np.linalg.solve(left, right[:, :, np.newaxis])[:, :, 0]
        variance = np.maximum(self._power / n - y**2, 0.0).sum()
        error = (found * ((gram @ found[:, :, np.newaxis])[:, :, 0] - 2 * cross)).sum() + variance
        relative = max(float(error / variance), 0.0) if variance > 0 else 0.0
        means = (x + self._pivots[0][:, np.newaxis], y + self._pivots[1])
        return found.T, means[1] - (means[0] * found).sum(1), relative


def is_depthwise(layer: FileLayer) -> bool:
    """Whether each channel has taps of its own."""
    return layer.op == DEPTHWISE
