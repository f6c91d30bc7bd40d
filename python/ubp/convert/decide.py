"""Decide: the one place that says which layers become block-sparse, with which N, and why not.

The predicted speed-up compares two costs in the unit "one multiply-add of the dense kernel" (CPU,
one thread, activations [batch, height, width, channels] in and out):

    dense   out_pixels * lanes * channels
    sparse  out_pixels * num_blocks * block[N]
            + transpose * (in_pixels * in_channels + out_pixels * channels)

A fully-connected layer with one row uses each weight it loads only once, so that memory decides.
Its costs are bytes: 4 per dense weight, 4 N + 4 per block (values and lane offset), 4 per input
and output value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ubp.convert.cover import Blocks, cover_lanes
from ubp.convert.find import Candidate, Layer
from ubp.format import BLOCK_SIZES, FullyConnectedAttributes


@dataclass(frozen=True)
class CostModel:
    """Measured constants, relative to one multiply-add of the dense kernel.

    block: one block of N weights and one pixel, by N.
    transpose: bringing one value into or out of the kernel's channel-major layout.
    """

    block: dict[int, float]
    transpose: float


# block: 4.6 for N = 4, the others relative to it as 0.525 : 0.68 : 1 : 1.87 : 3.7.
COSTS = CostModel(block={1: 2.42, 2: 3.13, 4: 4.6, 8: 8.60, 16: 17.0}, transpose=10.0)


@dataclass(frozen=True)
class Decision:
    """What becomes of a layer.

    reason: why it is not taken; empty if it is.
    blocks: the cover that would be, or is, packed; None if the layer is not a candidate.
    sparsity: share of its weights that are zero, or None where the weights were not examined.
    speedup: predicted, sparse against dense; None if the layer is not a candidate.
    """

    layer: Layer
    taken: bool
    reason: str
    blocks: Blocks | None = None
    sparsity: float | None = None
    speedup: float | None = None


def decide(layer: Layer, block_size: int | None, min_speedup: float) -> Decision:
    """Choose a layer's block size, and whether it is converted at all.

    Args:
        layer: as found.
        block_size: N, or None for the N that is predicted fastest. A layer with fewer channels gets
            the largest N that fits.
        min_speedup: a layer that is predicted below this stays as it is.
    """
    if layer.packed is not None:
        packed = layer.packed
        blocks = Blocks(packed.attributes.block_size, packed.lanes, packed.starts)
        sparsity = 1 - np.count_nonzero(packed.values) / (
            packed.attributes.lanes * packed.attributes.out_channels
        )
        return Decision(layer, False, "it is block-sparse already", blocks, sparsity)
    if layer.candidate is None:
        return Decision(layer, False, layer.obstacle)
    candidate = layer.candidate
    nonzero = candidate.weights != 0
    covers = [cover_lanes(nonzero, n) for n in _sizes(block_size, nonzero.shape[1])]
    speedup, blocks = max(
        ((predict_speedup(candidate, blocks), blocks) for blocks in covers),
        key=lambda pair: pair[0],
    )
    sparsity = 1 - np.count_nonzero(nonzero) / nonzero.size
    reason = ""
    if speedup < min_speedup:
        reason = f"predicted speed-up {speedup:.2f}x is below {min_speedup:g}x"
    return Decision(layer, not reason, reason, blocks, sparsity, speedup)


def predict_speedup(candidate: Candidate, blocks: Blocks) -> float:
    """Predicted time of the dense layer over that of its cover."""
    attributes = candidate.attributes
    lanes, channels = attributes.lanes, attributes.out_channels
    if isinstance(attributes, FullyConnectedAttributes) and candidate.out_pixels == 1:
        activations = 4 * (lanes + channels)
        packed = blocks.count * (4 * blocks.size + 4)
        return (4 * lanes * channels + activations) / (packed + activations)
    dense = candidate.out_pixels * lanes * channels
    transposed = candidate.in_pixels * attributes.in_channels + candidate.out_pixels * channels
    sparse = candidate.out_pixels * blocks.count * COSTS.block[blocks.size]
    return dense / (sparse + COSTS.transpose * transposed)


def _sizes(block_size: int | None, channels: int) -> list[int]:
    fitting = [n for n in BLOCK_SIZES if n <= channels]
    if block_size is None:
        return fitting
    return [max(n for n in fitting if n <= block_size)]
