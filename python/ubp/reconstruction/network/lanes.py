# SPDX-License-Identifier: Apache-2.0
"""The inputs of Keras's layers as lanes: outputs = activation(lanes @ matrix + bias).

Dense                     lanes are the features; all other axes are samples
Conv1D, Conv2D            (kernel_y, kernel_x, channel)
transposed ones           the same, the input spread out by the strides
separable ones            the channels behind the depthwise part, which stays as it is
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from ubp.lanes import from_lanes, to_lanes
from ubp.pruning.layers.prunable import PrunableWeight, obstacle, prunable_weights
from ubp.reconstruction.moments import Floats
from ubp.reconstruction.patches import Convolution, Pair, lane_inputs, padding_before

_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose)
_SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, *_TRANSPOSED, *_SEPARABLE)
_TOLERANCE = 1e-3  # of the largest output; float16 layers get more


def why_not_rebuilt(layer: keras.layers.Layer) -> str | None:
    """Why a layer's outputs cannot be rebuilt from lanes; None if they can."""
    reason = obstacle(layer)
    if reason is not None:
        return reason
    if not isinstance(layer, (layers.Dense, *_CONVOLUTIONS)):
        return f"it is a {type(layer).__name__}, of which it is not known how it uses its weights"
    if isinstance(layer, _TRANSPOSED) and max(layer.dilation_rate) > 1:
        return "it is a dilated transposed convolution"
    return None


class LaneLayer:
    """A built layer, seen as lanes.

    Args:
        layer: for which `why_not_rebuilt` is None.

    Raises:
        ValueError: if its kernel is no plain variable.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.layer = layer
        weight: PrunableWeight
        (weight,) = prunable_weights(layer)
        self._variable, self._axis = weight

    @property
    def matrix(self) -> npt.NDArray[np.float32]:
        """The weights, float32 [lanes, channels]."""
        return to_lanes(np.asarray(self._variable.numpy()), self._axis).astype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """(lanes, channels)."""
        channels = self._variable.shape[self._axis]
        return int(np.prod(self._variable.shape)) // channels, channels

    @property
    def bias(self) -> npt.NDArray[np.float32]:
        """Float32 [channels]; zeros where the layer has none."""
        bias = getattr(self.layer, "bias", None)
        zeros = np.zeros(self.shape[1], np.float32)
        return zeros if bias is None else np.asarray(bias.numpy()).astype(np.float32)

    @property
    def has_bias(self) -> bool:
        """Whether there is a bias to re-fit."""
        return getattr(self.layer, "bias", None) is not None

    def assign(self, matrix: Floats, bias: Floats | None) -> None:
        """Take other weights [lanes, channels], and another bias [channels] unless it is None."""
        self._variable.assign(from_lanes(matrix, tuple(self._variable.shape), self._axis))
        if bias is not None and self.has_bias:
            self.layer.bias.assign(bias)

    def samples(self, inputs: npt.NDArray[Any]) -> int:
        """How many samples a batch of inputs has: output pixels of all its pictures."""
        if isinstance(self.layer, layers.Dense):
            return int(np.prod(inputs.shape[:-1]))
        return len(inputs) * int(np.prod(self._output(inputs.shape)))

    def lanes(
        self, inputs: npt.NDArray[Any], chosen: npt.NDArray[np.intp] | None
    ) -> npt.NDArray[np.float32]:
        """The inputs of the lanes, float32 [samples, lanes], of all samples or some."""
        layer = self.layer
        if isinstance(layer, layers.Dense):
            rows = inputs.reshape(-1, inputs.shape[-1])
            return (rows if chosen is None else rows[chosen]).astype(np.float32, copy=False)
        output = self._output(inputs.shape)
        if isinstance(layer, _SEPARABLE):
            inputs = self._depthwise(inputs)
        pictures = _as_pictures(layer, inputs).astype(np.float32, copy=False)
        geometry = self._geometry((pictures.shape[1], pictures.shape[2]), output)
        return np.asarray(lane_inputs(pictures, geometry, chosen), np.float32)

    def check(self, inputs: npt.NDArray[Any]) -> None:
        """Compare with what the layer itself does.

        Raises:
            ValueError: if that is something else, as in a subclass with its own call().
        """
        expected = np.asarray(self.layer(inputs[:1]), np.float32)
        if getattr(self.layer, "data_format", None) == "channels_first":
            expected = np.moveaxis(expected, 1, -1)
        linear = self.lanes(inputs[:1], None) @ self.matrix + self.bias
        activation = getattr(self.layer, "activation", None) or keras.activations.linear
        found = np.asarray(activation(linear.reshape(expected.shape)), np.float32)
        largest = float(np.abs(expected).max(initial=1e-30))
        tolerance = _TOLERANCE if self.layer.compute_dtype in ("float32", "float64") else 0.05
        if not float(np.abs(found - expected).max(initial=0.0)) <= tolerance * largest:
            raise ValueError(
                f"prune_without_training: layer '{self.layer.name}' ({type(self.layer).__name__}) "
                "does not compute what its kind does; leave it out of layers."
            )

    def _depthwise(self, inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        layer = self.layer
        outputs = keras.ops.depthwise_conv(
            inputs,
            layer.depthwise_kernel,
            strides=layer.strides,
            padding=layer.padding,
            data_format=layer.data_format,
            dilation_rate=layer.dilation_rate,
        )
        return np.asarray(outputs, np.float32)

    def _output(self, shape: tuple[int, ...]) -> Pair:
        """Height and width of the output."""
        sizes = list(self.layer.compute_output_shape(shape))[1:]
        del sizes[0 if self.layer.data_format == "channels_first" else -1]
        return _two(sizes)

    def _geometry(self, size: Pair, output: Pair) -> Convolution:
        layer = self.layer
        if isinstance(layer, _SEPARABLE):
            return Convolution((1, 1), (1, 1), (1, 1), (0, 0), output)
        kernel, strides = _two(layer.kernel_size), _two(layer.strides)
        dilation = _two(layer.dilation_rate)
        transposed = isinstance(layer, _TRANSPOSED)
        if layer.padding == "causal":
            before = (0, (kernel[1] - 1) * dilation[1])
        else:
            padded = output if transposed else size
            before = padding_before(layer.padding, padded, kernel, strides, dilation)
        return Convolution(kernel, strides, dilation, before, output, transposed)


def _as_pictures(layer: keras.layers.Layer, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[samples, height, width, channels]; a sequence is one row."""
    if layer.data_format == "channels_first":
        inputs = np.moveaxis(inputs, 1, -1)
    return inputs[:, np.newaxis] if inputs.ndim == 3 else inputs


def _two(sizes: Any) -> Pair:
    """(vertical, horizontal); a sequence is one row."""
    return (1, int(sizes[0])) if len(sizes) == 1 else (int(sizes[0]), int(sizes[1]))
