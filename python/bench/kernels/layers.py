# SPDX-License-Identifier: Apache-2.0
"""The convolution layers of networks, each distinct shape once, and weights for them as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ubp
from bench.harness.networks import Network
from bench.harness.quiet import held_back_stderr
from ubp.format import Conv2DAttributes, Padding, pack

_SEED = 0


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


# ---- weights -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pattern:
    """Which weights are kept.

    block_size: output channels per block.
    sparsity: percent of zeros.
    aligned: blocks start at multiples of block_size only.
    """

    block_size: int
    sparsity: int
    aligned: bool

    @property
    def name(self) -> str:
        """Of its files and timer."""
        return f"{'aligned' if self.aligned else 'unaligned'}_{self.block_size}_{self.sparsity}"


def patterns(block_sizes: Sequence[int], sparsities: Sequence[int]) -> list[Pattern]:
    """Unaligned and then aligned blocks of all sizes; blocks of 1 are aligned as they are."""
    return [
        Pattern(block_size, sparsity, aligned)
        for block_size in block_sizes
        for sparsity in sparsities
        for aligned in ((False, True) if block_size > 1 else (False,))
    ]


def write_weights(shape: LayerShape, wanted: Sequence[Pattern], folder: Path) -> list[Path]:
    """Write NAME.options and NAME.packed for each pattern; see delegate/bench/layer_case.h.

    The weights are random and the blocks those of largest magnitude, so their places are random;
    aligned and unaligned ones are equally many.

    Returns:
        The paths of the files without their suffixes.

    Raises:
        ValueError: if a layer has too few channels for so many blocks.
    """
    rng = np.random.default_rng(_SEED)
    weights = rng.standard_normal((shape.lanes, shape.out_c)).astype(np.float32)
    importance = np.abs(weights)
    stems = []
    for pattern in wanted:
        selection = ubp.select_blocks(
            importance,
            block_size=pattern.block_size,
            sparsity=pattern.sparsity / 100,
            method="aligned" if pattern.aligned else "optimal",
        )
        attributes, packed = pack(
            _attributes(shape, pattern.block_size), weights, selection.lanes, selection.starts, None
        )
        stem = folder / pattern.name
        stem.with_suffix(".options").write_bytes(attributes.to_custom_options())
        stem.with_suffix(".packed").write_bytes(packed)
        stems.append(stem)
    return stems


def _attributes(shape: LayerShape, block_size: int) -> Conv2DAttributes:
    return Conv2DAttributes(
        in_channels=shape.in_c,
        out_channels=shape.out_c,
        block_size=block_size,
        kernel_h=shape.kernel,
        kernel_w=shape.kernel,
        stride_h=shape.stride,
        stride_w=shape.stride,
        padding=Padding.SAME if shape.same else Padding.VALID,
    )
