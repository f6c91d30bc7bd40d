# SPDX-License-Identifier: Apache-2.0
"""A transposed convolution as one in blocks, and back: docs/packed-format.md has the derivation.

Weights: [channels, kernel_h, kernel_w, in_channels] in TRANSPOSE_CONV, [lanes, out_channels] in
UbpTransposeConv2D, where lanes run over taps and input channels, and out_channels over the pixels
of a block and the channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ubp.format import Attributes, PackedLayer, Padding, TransposeConv2DAttributes

Sizes = tuple[int, int]  # (height, width)


class Axis(NamedTuple):
    """One of the two axes of a transposed convolution in blocks; in pixels.

    taps: of the convolution's kernel.
    stride: pixels of a block.
    pad_before, pad_behind: zeros around the input.
    crop_before, crop_behind: what is cut off the blocks.
    """

    taps: int
    stride: int
    pad_before: int
    pad_behind: int
    crop_before: int
    crop_behind: int


def make_axis(kernel: int, stride: int, padding: int, size: int, output: int) -> Axis | None:
    """The axis of a TRANSPOSE_CONV.

    Args:
        kernel, stride, padding: at least 1, at least 1, and the schema's number.
        size, output: of input and output.

    Returns:
        None where a convolution does not make `size` pixels of `output` ones.
    """
    same = padding == Padding.SAME
    forward = -(-output // stride) if same else (output - kernel + stride) // stride
    if forward != size:
        return None
    taps = -(-kernel // stride)
    crop = max(0, (size - 1) * stride + kernel - output) // 2
    behind = max(0, -(-(output + crop) // stride) - size)
    return Axis(taps, stride, taps - 1, behind, crop, (size + behind) * stride - crop - output)


def attributes_of(
    rows: Axis, columns: Axis, in_channels: int, channels: int, activation: int
) -> TransposeConv2DAttributes:
    """The attributes of a layer with these axes, with block size 1."""
    return TransposeConv2DAttributes(
        in_channels=in_channels,
        out_channels=rows.stride * columns.stride * channels,
        block_size=1,
        activation=activation,
        kernel_h=rows.taps,
        kernel_w=columns.taps,
        block_h=rows.stride,
        block_w=columns.stride,
        pad_top=rows.pad_before,
        pad_bottom=rows.pad_behind,
        pad_left=columns.pad_before,
        pad_right=columns.pad_behind,
        crop_top=rows.crop_before,
        crop_bottom=rows.crop_behind,
        crop_left=columns.crop_before,
        crop_right=columns.crop_behind,
    )


def to_phases(weights: npt.NDArray[Any], strides: Sizes) -> npt.NDArray[Any]:
    """Weights [channels, kernel_h, kernel_w, in_channels] as [lanes, out_channels], of their type.

    Row ky of the kernel is row ky % stride of a block, by tap taps - 1 - ky // stride. What the
    kernel lacks to whole taps is zero.
    """
    channels, *kernel, in_channels = weights.shape
    taps = [-(-size // stride) for size, stride in zip(kernel, strides, strict=True)]
    whole = np.zeros(
        (channels, taps[0] * strides[0], taps[1] * strides[1], in_channels), weights.dtype
    )
    whole[:, : kernel[0], : kernel[1]] = weights
    split = whole.reshape(channels, taps[0], strides[0], taps[1], strides[1], in_channels)
    lanes_first = split[:, ::-1, :, ::-1].transpose(1, 3, 5, 2, 4, 0)
    return lanes_first.reshape(taps[0] * taps[1] * in_channels, -1)


def from_phases(
    matrix: npt.NDArray[Any], attributes: TransposeConv2DAttributes, kernel: Sizes
) -> npt.NDArray[Any]:
    """The inverse of `to_phases`; what lies beyond the kernel is left out."""
    a = attributes
    split = matrix.reshape(a.kernel_h, a.kernel_w, a.in_channels, a.block_h, a.block_w, -1)
    channels_first = split[::-1, ::-1].transpose(5, 0, 3, 1, 4, 2)
    whole = channels_first.reshape(
        -1, a.kernel_h * a.block_h, a.kernel_w * a.block_w, a.in_channels
    )
    return whole[:, : kernel[0], : kernel[1]]


def kernels_of(layer: PackedLayer, sizes: Sizes) -> Iterator[tuple[int, Sizes]]:
    """The paddings and kernels of the TRANSPOSE_CONVs that compute the same, smaller ones first.

    Args:
        layer: a UbpTransposeConv2D.
        sizes: height and width of its input.
    """
    axes = axes_of(layer.attributes)
    least = _least_kernel(layer)
    outputs = [output_size(axis, size) for axis, size in zip(axes, sizes, strict=True)]
    for padding in (Padding.SAME, Padding.VALID):
        heights, widths = (
            [
                kernel
                for kernel in range(max(need, axis.stride * (axis.taps - 1) + 1), _end(axis))
                if make_axis(kernel, axis.stride, padding, size, output) == axis
            ]
            for axis, need, size, output in zip(axes, least, sizes, outputs, strict=True)
        )
        yield from ((padding, (height, width)) for height in heights for width in widths)


def output_size(axis: Axis, size: int) -> int:
    """What comes out along an axis; `size`: what goes in."""
    blocks = size + axis.pad_before + axis.pad_behind - axis.taps + 1
    return blocks * axis.stride - axis.crop_before - axis.crop_behind


def axes_of(attributes: Attributes) -> tuple[Axis, Axis]:
    """Rows and columns of a UbpTransposeConv2D."""
    assert isinstance(attributes, TransposeConv2DAttributes)
    a = attributes
    return (
        Axis(a.kernel_h, a.block_h, a.pad_top, a.pad_bottom, a.crop_top, a.crop_bottom),
        Axis(a.kernel_w, a.block_w, a.pad_left, a.pad_right, a.crop_left, a.crop_right),
    )


def _end(axis: Axis) -> int:
    return axis.taps * axis.stride + 1


def _least_kernel(layer: PackedLayer) -> Sizes:
    """Height and width up to which there are weights other than zero."""
    rows, columns = axes_of(layer.attributes)
    lanes, channels = layer.nonzeros()
    tap = lanes // layer.attributes.in_channels
    pixel = channels // (layer.attributes.out_channels // (rows.stride * columns.stride))
    y = (rows.taps - 1 - tap // columns.taps) * rows.stride + pixel // columns.stride
    x = (columns.taps - 1 - tap % columns.taps) * columns.stride + pixel % columns.stride
    return int(y.max(initial=0)) + 1, int(x.max(initial=0)) + 1
