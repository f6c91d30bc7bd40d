# SPDX-License-Identifier: Apache-2.0
"""What a selection over several layers maximises: its score, and a bound of it.

Both scores see a layer through the importance that it keeps, x, in units of peak, the largest of a
weight or, where blocks have M lanes, of M weights together:

    SumScore        sum over layers of factor * x / peak, the normalised importance
    ProductScore    sum over layers of log(x / all of the layer's importance)

Their bounds cover, besides the slack that the search leaves, what rounding the importance hides: up
to half a quantum of each element, in the layers' certificates for their own numbers of blocks, and
once more for any other numbers of blocks within the limits.

**Normalisation**: the rules by which importance is made comparable between layers, with A the
importance of a layer's weights and n how many they are:

| name | factor | what it means |
|---|---|---|
| none | 1 | importance as it is, one threshold for all weights |
| max | 1 / max A | the largest counts 1 |
| mean | n / sum A | the average counts 1 |
| rms | sqrt(n / sum A^2) | the root mean square counts 1 |
| l1 | 1 / sum A | a layer counts 1: the whole is the mean share of importance kept |
| l2 | 1 / sqrt(sum A^2) | a layer's squares count 1 |
| lamp | | no factor: the product of what the layers keep is maximised |

With A = |w|, "none" is the class-blind and "rms" the class-distribution pruning of See, Luong and
Manning ("Compression of Neural Machine Translation Models via Pruning", arXiv 1606.09274; the
latter after Han et al., arXiv 1506.02626, whose thresholds are multiples of a layer's standard
deviation). "l2" is the layer-wise normalisation of Molchanov et al. ("Pruning Convolutional Neural
Networks for Resource Efficient Inference", arXiv 1611.06440, section 2.2).

"lamp" takes the score of Lee et al. ("Layer-adaptive Sparsity for the Magnitude-based Pruning",
arXiv 2010.07611) from single weights to blocks. There a weight scores w^2 / sum of the w^2 of this
and all larger weights of the layer. Here the k-th block of a layer scores g(k) / f(k), with f(k)
the importance of the k best blocks and g(k) = f(k) - f(k-1). As log f(k) - log f(k-1) =
-log(1 - g(k) / f(k)), taking the blocks by falling scores maximises the sum of the logarithms.
No factor of a layer's importance changes anything, and every layer keeps at least one block. Give
w^2 as importance for the paper's scores; with |w| the densities differ less between layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ubp.selection.network.gains import LinearGain, LogarithmicGain, MarginalGain
from ubp.selection.network.layers import Layer
from ubp.selection.network.limits import Limits, Reals

LAMP = "lamp"
# The denominator of the factor, of a layer's importance divided by the largest.
_SCALES: dict[str, Callable[[npt.NDArray[np.float64]], float]] = {
    "max": lambda relative: 1.0,
    "mean": lambda relative: float(relative.mean()),
    "rms": lambda relative: float(np.sqrt(np.mean(relative**2))),
    "l1": lambda relative: float(relative.sum()),
    "l2": lambda relative: float(np.sqrt(np.sum(relative**2))),
}
NORMALIZATIONS = ("none", *_SCALES, LAMP)

_SMALLEST_RATE = 1e-290  # the blocks of a layer that gain less count as if they gained this
_ROUNDING = 2**-40  # covers sums of float64, relatively


class NetworkScore(Protocol):
    """See the module's description."""

    @property
    def gain(self) -> MarginalGain:
        """What it makes of a layer's blocks."""

    def value(self, importance: Reals) -> float:
        """Its value where each layer keeps this importance [layers], in the caller's units."""

    def upper_bound(self, bounds: Reals, slack: float) -> float:
        """What no selection within the limits exceeds.

        Args:
            bounds: [layers], of the importance that the chosen numbers of blocks can keep.
            slack: of the `Allocation` that chose them.
        """


def make_score(
    normalize: str,
    layers: Sequence[Layer],
    limits: Limits,
) -> NetworkScore:
    """The score of one of the NORMALIZATIONS."""
    peaks = np.array([layer.peak for layer in layers])
    half_blocks = np.array([layer.block_size / layer.quanta / 2 for layer in layers])
    if normalize != LAMP:
        factors = np.array([_peak_factor(layer, normalize) for layer in layers])
        quanta = np.array([layer.quanta for layer in layers])
        return SumScore(factors, peaks, quanta, half_blocks, limits)
    totals = np.array([_relative_total(layer) for layer in layers])
    return ProductScore(totals, peaks, half_blocks, limits)


@dataclass(frozen=True)
class SumScore:
    """See the module's description.

    Attributes:
        factors: float64 [layers], times the peak.
        peaks: float64 [layers].
        quanta: float64 [layers], see `Layer`.
        half_blocks: float64 [layers], what rounding can hide of a block, in units of the peak.
        limits: of the numbers of blocks.
    """

    factors: Reals
    peaks: Reals
    quanta: Reals
    half_blocks: Reals
    limits: Limits

    @property
    def _unit(self) -> float:
        """The largest factor, in which the search counts: no product of it can overflow."""
        return float(self.factors.max()) or 1.0

    @property
    def gain(self) -> LinearGain:
        """See `NetworkScore`."""
        rates = self.factors / self._unit / self.quanta / self.limits.costs
        return LinearGain(np.maximum(rates, _SMALLEST_RATE))

    def value(self, importance: Reals) -> float:
        """See `NetworkScore`."""
        relative = np.divide(
            importance, self.peaks, out=np.zeros_like(importance), where=self.peaks > 0
        )
        return float((self.factors * relative).sum())

    def upper_bound(self, bounds: Reals, slack: float) -> float:
        """See `NetworkScore`."""
        hidden = self.factors * self.half_blocks
        everywhere = float(hidden @ self.limits.at_most)
        affordable = float((hidden / self.limits.costs).max()) * self.limits.budget
        reached = self.value(bounds) + slack * self._unit + min(everywhere, affordable)
        return reached * (1 + _ROUNDING)


@dataclass(frozen=True)
class ProductScore:
    """See the module's description; layers that cannot keep anything do not count.

    Attributes:
        totals: float64 [layers], all importance of a layer in units of its peak.
        peaks: float64 [layers].
        half_blocks: float64 [layers], what rounding can hide of a block, in units of the peak.
        limits: of the numbers of blocks.
    """

    totals: Reals
    peaks: Reals
    half_blocks: Reals
    limits: Limits

    @property
    def gain(self) -> LogarithmicGain:
        """See `NetworkScore`."""
        return LogarithmicGain(self.limits.costs)

    def value(self, importance: Reals) -> float:
        """See `NetworkScore`."""
        counts = self._counts
        return float(np.log(importance[counts] / self.peaks[counts] / self.totals[counts]).sum())

    def upper_bound(self, bounds: Reals, slack: float) -> float:
        """See `NetworkScore`."""
        # log(f(k) + k * half_block) <= log f(k) + k * half_block / f(k), the last of which never
        # falls as k rises (f being concave), nor as f is replaced by a smaller value.
        counts = self._counts
        most = self.half_blocks[counts] * self.limits.at_most[counts]
        least = np.maximum(bounds[counts] / self.peaks[counts] - 2 * most, 0.5)
        reached = self.value(bounds) + slack + float((most / least).sum())
        return reached + _ROUNDING * (1 + abs(reached))

    @property
    def _counts(self) -> npt.NDArray[np.bool_]:
        """Bool [layers]: layers that keep something."""
        counts: npt.NDArray[np.bool_] = (self.peaks > 0) & (self.limits.at_most > 0)
        return counts


def _relative_total(layer: Layer) -> float:
    """The sum of a layer's importance over its peak, which is finite for any importance."""
    if layer.peak == 0.0:
        return 0.0
    return float((layer.importance.astype(np.float64) / layer.peak).sum())


def _peak_factor(layer: Layer, rule: str) -> float:
    """The factor times the layer's peak, which is finite for any importance.

    Args:
        layer: whose factor it is, that of its weights, whatever the lanes of a block.
        rule: of NORMALIZATIONS, but not "lamp".
    """
    if rule == "none" or layer.peak == 0.0:
        return layer.peak
    largest = float(layer.importance.max())
    scale = _SCALES[rule](layer.importance.astype(np.float64) / largest)
    return layer.peak / largest / scale
