# SPDX-License-Identifier: Apache-2.0
"""What each lane of a convolution sees: its inputs as [samples, lanes], a sample per output pixel.

Lanes are numbered (kernel_y, kernel_x, input channel), as in `ubp.lanes`. A tap outside of the
picture sees zeros. A transposed convolution is the same with its input spread out: pixel i lies at
i * stride, and tap k of output pixel o sees what lies at o + pad - k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.reconstruction.moments import Floats

Pair = tuple[int, int]
_Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Convolution:
    """The geometry of a convolution; pairs are (vertical, horizontal).

    Attributes:
        kernel, strides, dilation: of the window; dilation is 1 in a transposed convolution.
        before: zeros above and to the left of the input; in a transposed convolution, rows and
            columns that are cut off its full output there.
        output: height and width of the output.
        transposed: whether it is one.
    """

    kernel: Pair
    strides: Pair
    dilation: Pair
    before: Pair
    output: Pair
    transposed: bool = False

    @property
    def pixels(self) -> int:
        """Output pixels of a picture."""
        return self.output[0] * self.output[1]

    def seen(self, axis: int, at: _Indices, size: int) -> _Indices:
        """Which row (axis 0) or column (1) of the input each tap sees; -1 where there is none.

        Args:
            axis: 0 or 1.
            at: [pixels], output rows or columns.
            size: of the input along the axis.

        Returns:
            [pixels, taps].
        """
        taps = np.arange(self.kernel[axis])
        if self.transposed:
            place = at[:, np.newaxis] + self.before[axis] - taps
            found, rest = np.divmod(place, self.strides[axis])
            found = np.where(rest == 0, found, -1)
        else:
            start = at * self.strides[axis] - self.before[axis]
            found = start[:, np.newaxis] + taps * self.dilation[axis]
        return np.where((found >= 0) & (found < size), found, -1)


def padding_before(padding: str, size: Pair, kernel: Pair, strides: Pair, dilation: Pair) -> Pair:
    """The zeros above and to the left of the input that TensorFlow adds.

    Args:
        padding: "same" or "valid".
        size: height and width of the input.
        kernel, strides, dilation: of the convolution.
    """
    if padding == "valid":
        return (0, 0)
    wanted = [
        (-(-size[i] // strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilation[i] + 1 - size[i]
        for i in (0, 1)
    ]
    return max(wanted[0], 0) // 2, max(wanted[1], 0) // 2


def lane_inputs(pictures: Floats, geometry: Convolution, pixels: _Indices | None = None) -> Floats:
    """The inputs of a convolution's lanes.

    Args:
        pictures: float [pictures, height, width, channels].
        geometry: of the convolution.
        pixels: int [chosen], some output pixels, numbered over all pictures,
            (picture * output height + row) * output width + column; None for all.

    Returns:
        Float [chosen, lanes].
    """
    count, height, width, channels = pictures.shape
    single = geometry.kernel == geometry.strides == (1, 1) and geometry.before == (0, 0)
    if single and geometry.output == (height, width):
        flat = pictures.reshape(-1, channels)
        return flat if pixels is None else flat[pixels]
    if pixels is None:
        pixels = np.arange(count * geometry.pixels)
    picture, place = np.divmod(pixels, geometry.pixels)
    row, column = np.divmod(place, geometry.output[1])
    rows = geometry.seen(0, row, height)[:, :, np.newaxis]
    columns = geometry.seen(1, column, width)[:, np.newaxis, :]
    source = (picture[:, np.newaxis, np.newaxis] * height + rows) * width + columns
    outside = (rows < 0) | (columns < 0)
    source[outside] = 0
    lanes = pictures.reshape(-1, channels)[source]
    lanes[outside] = 0
    return np.asarray(lanes.reshape(len(pixels), -1))
