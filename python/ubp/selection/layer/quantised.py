# SPDX-License-Identifier: Apache-2.0
"""A layer's importance as integers, so that sums, comparisons and ties are exact.

    elements  [lanes, channels]          int32   rint(importance / peak * quanta)
    scores    [lanes, channels - N + 1]  int32   elements summed over the block that starts there
    position  lane * channels + channel  int64   how every method names a block's first element

The largest importance, peak, becomes quanta = (2^29 - 1) / N before rounding, so that a block's
score stays below 2^29 + N; quanta is smaller only for lanes of more than 65,535 blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SCORE_LIMIT = 2**29 - 1


@dataclass(frozen=True)
class QuantisedLayer:
    """The integer importance of one layer; arrays as in the module's description.

    Attributes:
        peak: the largest importance.
        quanta: the number that stands for it in `elements`, before rounding.
    """

    elements: npt.NDArray[np.int32]
    scores: npt.NDArray[np.int32]
    block_size: int
    peak: float
    quanta: float

    @property
    def shape(self) -> tuple[int, int]:
        """(lanes, channels)."""
        lanes, channels = self.elements.shape
        return lanes, channels

    def importance_bound(self, score: int, num_blocks: int) -> float:
        """Importance that num_blocks blocks of this total score have at most."""
        return importance_bound(score, num_blocks * self.block_size, self.peak, self.quanta)


def count_bits(channels: int, block_size: int) -> int:
    """Bits that hold the number of blocks of one lane."""
    return (channels // block_size).bit_length()


def quanta_of(channels: int, block_size: int) -> float:
    """What the largest importance becomes, before rounding."""
    # LaneProgram sums score * 2^bits over the fewer than 2^bits blocks of a lane in an int64.
    bits = count_bits(channels, block_size)
    return min(float(_SCORE_LIMIT), 2.0 ** (61 - 2 * bits)) / block_size


def importance_bound(score: int, num_elements: int, peak: float, quanta: float) -> float:
    """Importance that num_elements elements of this total score have at most.

    Rounding hides up to half a quantum of every element; the last factor covers the rounding of
    sums in float64.
    """
    return (score + num_elements / 2) / quanta * (1 + 2**-40) * peak


def quantise(
    importance: npt.NDArray[np.floating], block_size: int, peak: float | None = None
) -> QuantisedLayer:
    """Round importance [lanes, channels], finite and >= 0, to integers.

    The peak is given where these are some lanes of a layer, and is the layer's then.
    """
    quanta = quanta_of(importance.shape[1], block_size)
    if peak is None:
        peak = float(importance.max())
    scaled = importance.astype(np.float64)
    if peak > 0.0:
        scaled /= peak  # on its own: quanta / peak may be too large for a float
    scaled *= quanta
    elements = np.rint(scaled, out=scaled).astype(np.int32)
    return QuantisedLayer(elements, sliding_sums(elements, block_size), block_size, peak, quanta)


def sliding_sums(elements: npt.NDArray[np.int32], block_size: int) -> npt.NDArray[np.int32]:
    """Sums of N consecutive elements along the last axis: [..., n] -> [..., n - N + 1]."""
    num_starts = elements.shape[-1] - block_size + 1
    sums = elements[..., :num_starts].copy()
    for offset in range(1, block_size):
        sums += elements[..., offset : offset + num_starts]
    return sums


def largest_indices(values: npt.NDArray[np.integer[Any]], count: int) -> npt.NDArray[np.int64]:
    """Sorted int64 indices of the `count` largest of values [n], 1 <= count <= n; of equals, the
    first ones.
    """
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = values > threshold
    ties = np.flatnonzero(values == threshold)
    above[ties[: count - np.count_nonzero(above)]] = True
    return np.flatnonzero(above).astype(np.int64)
