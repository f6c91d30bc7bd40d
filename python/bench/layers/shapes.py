"""The convolution layers of networks, each distinct shape once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.networks.zoo import Network
from demo.quiet import held_back_stderr


@dataclass(frozen=True, order=True)
class LayerShape:
    """A convolution with a square kernel; batch size 1, no dilation.

    in_h, in_w: pixels of the input, with what the network pads in an operator of its own.
    in_c, out_c: channels.
    kernel, stride: pixels, of both directions.
    same: TensorFlow's SAME padding, else VALID.
    first: the network's first layer, which reads an NHWC image.
    """

    in_h: int
    in_w: int
    in_c: int
    out_c: int
    kernel: int = 1
    stride: int = 1
    same: bool = False
    first: bool = False

    @property
    def lanes(self) -> int:
        """Rows of the weight matrix [lanes, out_c]."""
        return self.kernel * self.kernel * self.in_c

    @property
    def out_h(self) -> int:
        """Rows of the output."""
        return self._extent(self.in_h)

    @property
    def out_w(self) -> int:
        """Columns of the output."""
        return self._extent(self.in_w)

    @property
    def name(self) -> str:
        """Kernel, channels and output size, such as "3x3 /2 128>256 @14x14"."""
        stride = f" /{self.stride}" if self.stride > 1 else ""
        size = f"{self.out_h}x{self.out_w}"
        return f"{self.kernel}x{self.kernel}{stride} {self.in_c}>{self.out_c} @{size}"

    def _extent(self, size: int) -> int:
        reach = 0 if self.same else self.kernel - 1
        return -(-(size - reach) // self.stride)


def layer_shapes(networks: Sequence[Network]) -> dict[LayerShape, list[str]]:
    """The networks that have each shape, in the order of the layers; depthwise ones left out.

    Raises:
        ValueError: if a layer is of a kind that LayerShape cannot describe.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    found: dict[LayerShape, list[str]] = {}
    with held_back_stderr():
        import keras  # loads TensorFlow, which takes seconds

        for network in networks:
            application = getattr(keras.applications, network.application)
            size = (network.size, network.size, 3)
            model = application(input_shape=size, weights=None, **network.options)
            layers = [layer for layer in model.layers if type(layer) is keras.layers.Conv2D]
            for index, layer in enumerate(layers):
                names = found.setdefault(_shape_of(layer, first=index == 0), [])
                if network.name not in names:
                    names.append(network.name)
    return found


def _shape_of(layer: Any, first: bool) -> LayerShape:
    _, height, width, channels = layer.input.shape
    kernel, stride = layer.kernel_size[0], layer.strides[0]
    square = layer.kernel_size == (kernel, kernel) and layer.strides == (stride, stride)
    if not square or layer.groups > 1 or layer.dilation_rate != (1, 1):
        raise ValueError(
            f"layer {layer.name}: expected a square kernel and stride, one group and no dilation."
        )
    same = layer.padding == "same" and kernel > 1  # a 1x1 kernel has nothing to pad
    return LayerShape(height, width, channels, layer.filters, kernel, stride, same, first)
