"""Decide: the one place that says which layers become block-sparse, with which N, and why not.

The predicted speed-up compares two costs in the unit "one multiply-add of the dense kernel" (CPU,
one thread, activations [batch, height, width, channels] in and out):

    dense   out_pixels * lanes * channels
    sparse  out_pixels, in whole tiles * num_blocks * block[N]
            + transpose * (in_pixels * in_channels + out_pixels * channels)

A pointwise layer of one pixel (a fully-connected layer of one row, say) uses each weight once, and
nothing is transposed. Its costs are in the unit "one weight of the dense kernel":

    dense   lanes * channels + lanes + channels
    sparse  num_blocks * single[N] + lanes + channels

delegate/graph/block_choice.cc is the same rule, with the constants of DEFAULT_COSTS, for dense
layers of files that were not converted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ubp.convert.cover import Blocks, cover_lanes
from ubp.convert.find import Candidate, Layer
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES

# A cover predicted at this share of the fastest one's speed will do, if it is smaller.
NEARLY_FASTEST = 0.9


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


def decide(
    layer: Layer,
    block_size: int | None,
    min_speedup: float,
    costs: CostModel = DEFAULT_COSTS,
) -> Decision:
    """Choose a layer's block size, and whether it is converted at all.

    Args:
        layer: as found.
        block_size: N, or None for the smallest of those covers that are predicted nearly as fast as
            the fastest. A layer with fewer channels gets the largest N that fits.
        min_speedup: a layer that is predicted below this stays as it is.
        costs: what predictions are made with.
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
    speedups = [predict_speedup(candidate, blocks, costs) for blocks in covers]
    near = [
        pair
        for pair in zip(speedups, covers, strict=True)
        if pair[0] >= NEARLY_FASTEST * max(speedups)
    ]
    speedup, blocks = min(near, key=lambda pair: _stored_bytes(pair[1]))
    sparsity = 1 - np.count_nonzero(nonzero) / nonzero.size
    reason = ""
    if speedup < min_speedup:
        reason = f"predicted speed-up {speedup:.2f}x is below {min_speedup:g}x"
    return Decision(layer, not reason, reason, blocks, sparsity, speedup)


def predict_speedup(
    candidate: Candidate, blocks: Blocks, costs: CostModel = DEFAULT_COSTS
) -> float:
    """Predicted time of the dense layer over that of its cover."""
    attributes = candidate.attributes
    lanes, channels = attributes.lanes, attributes.out_channels
    pointwise = lanes == attributes.in_channels
    dense = candidate.out_pixels * lanes * channels
    sparse = blocks.count * costs.of_block(blocks.size, candidate.out_pixels, pointwise)
    if pointwise and candidate.out_pixels == 1:
        activations = lanes + channels
        return (dense + activations) / (sparse + activations)
    transposed = candidate.in_pixels * attributes.in_channels + candidate.out_pixels * channels
    return dense / (sparse + costs.transpose * transposed)


def _stored_bytes(blocks: Blocks) -> int:
    """Bytes of the blocks: float32 values, and mostly one byte for the lane."""
    return blocks.count * (4 * blocks.size + 1)


def _sizes(block_size: int | None, channels: int) -> list[int]:
    fitting = [n for n in BLOCK_SIZES if n <= channels]
    if block_size is None:
        return fitting
    return [max(n for n in fitting if n <= block_size)]
