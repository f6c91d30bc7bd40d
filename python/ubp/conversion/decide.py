"""Decide: the one place that says which layers become block-sparse, with which N, and why not.

The predicted speed-up compares two costs in the unit "one multiply-add of the dense kernel" (CPU,
one thread, activations [batch, height, width, channels] in and out):

    dense   out_pixels * weights, which are lanes * channels
    sparse  out_pixels, in whole tiles * num_blocks * block[N]
            + transpose * (in_pixels * in_channels + out_pixels * channels)

Of a transposed convolution these are the lanes and channels of the one in blocks that stands for
it, and each block counts as one pixel; but its dense kernel has no zeros for what its pixels do not
read.

A pointwise layer of one pixel (a fully-connected layer of one row, say) uses each weight once, and
nothing is transposed. Its costs are in the unit "one weight of the dense kernel":

    dense   lanes * channels + lanes + channels
    sparse  num_blocks * single[N] + lanes + channels

delegate/backend/block_choice.cc is the same rule, with the constants of DEFAULT_COSTS, for dense
layers of files that were not converted.

Layers that share their weights are decided together, by the sum of their costs: taken apart, the
file would hold the weights twice, dense and packed, or packed in several ways.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ubp.constants import COSTS
from ubp.conversion.candidates import Candidate
from ubp.conversion.cover import Blocks, cover_groups
from ubp.conversion.find import Layer
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES, TransposeConv2DAttributes

# A cover predicted at this share of the fastest one's speed will do, if it is smaller.
NEARLY_FASTEST: float = COSTS["nearly_fastest"]


@dataclass(frozen=True)
class Decision:
    """What becomes of a layer.

    reason: why it is not taken; empty if it is.
    blocks: the cover that would be, or is, packed; None if the layer is not a candidate.
    sparsity: share of its weights that are zero, or None where the weights were not examined.
    speedup: predicted for the layer alone, sparse against dense; None if it is not a candidate.
    """

    layer: Layer
    taken: bool
    reason: str
    blocks: Blocks | None = None
    sparsity: float | None = None
    speedup: float | None = None


def decide(
    layers: Sequence[Layer],
    block_size: int | None,
    min_speedup: float,
    costs: CostModel = DEFAULT_COSTS,
) -> list[Decision]:
    """Choose every layer's block size, and whether it is converted at all.

    Args:
        layers: of one model, as found.
        block_size: N, or None for the smallest of those covers that are predicted nearly as fast as
            the fastest. A layer with fewer channels gets the largest N that fits.
        min_speedup: layers that are predicted below this stay as they are.
        costs: what predictions are made with.

    Returns:
        One decision for each layer, in their order.
    """
    decisions: dict[int, Decision] = {}
    sharing: dict[tuple[int, ...], dict[int, Candidate]] = {}
    for index, layer in enumerate(layers):
        if layer.candidate is None:
            decisions[index] = _settled(layer)
            continue
        key = (layer.buffer, *_view(layer, layer.candidate))
        sharing.setdefault(key, {})[index] = layer.candidate
    for group in sharing.values():
        blocks = _choose(list(group.values()), block_size, costs)
        reason = _objection(_predict(list(group.values()), blocks, costs), min_speedup, len(group))
        first = next(iter(group.values()))
        sparsity = 1 - np.count_nonzero(first.weights) / first.num_weights
        for index, candidate in group.items():
            speedup = predict_speedup(candidate, blocks, costs)
            decisions[index] = Decision(
                layers[index], not reason, reason, blocks, sparsity, speedup
            )
    return [decisions[index] for index in range(len(layers))]


def predict_speedup(
    candidate: Candidate, blocks: Blocks, costs: CostModel = DEFAULT_COSTS
) -> float:
    """Predicted time of the dense layer over that of its cover."""
    return _predict([candidate], blocks, costs)


def _view(layer: Layer, candidate: Candidate) -> tuple[int, ...]:
    """What makes matrices of the same buffer the same."""
    attributes = candidate.attributes
    if isinstance(attributes, TransposeConv2DAttributes):
        return (*layer.shape, attributes.block_h, attributes.block_w)
    return candidate.weights.shape


def _settled(layer: Layer) -> Decision:
    """What is said of a layer that is no candidate."""
    if layer.packed is None:
        return Decision(layer, False, layer.obstacle)
    packed = layer.packed
    blocks = Blocks(packed.attributes.block_size, packed.lanes, packed.starts)
    sparsity = 1 - np.count_nonzero(packed.values) / math.prod(layer.shape)
    return Decision(layer, False, "it is block-sparse already", blocks, sparsity)


def _choose(group: list[Candidate], block_size: int | None, costs: CostModel) -> Blocks:
    """The cover of the weights that all of the group have."""
    nonzero = group[0].weights != 0
    groups = group[0].attributes.groups
    sizes = _sizes(block_size, nonzero.shape[1] // groups)
    covers = [cover_groups(nonzero, n, groups) for n in sizes]
    speedups = [_predict(group, blocks, costs) for blocks in covers]
    near = [
        blocks
        for speedup, blocks in zip(speedups, covers, strict=True)
        if speedup >= NEARLY_FASTEST * max(speedups)
    ]
    return min(near, key=_stored_bytes)


def _objection(speedup: float, min_speedup: float, sharing: int) -> str:
    """Why layers with such a speed-up stay; empty if they are taken."""
    if speedup >= min_speedup:
        return ""
    together = f" of the {sharing} layers that share these weights" if sharing > 1 else ""
    return f"predicted speed-up {speedup:.2f}x{together} is below {min_speedup:g}x"


def _predict(group: list[Candidate], blocks: Blocks, costs: CostModel) -> float:
    """Predicted time of dense layers, one after the other, over that of their common cover."""
    predicted = [_costs(candidate, blocks, costs) for candidate in group]
    return sum(dense for dense, _ in predicted) / sum(sparse for _, sparse in predicted)


def _costs(candidate: Candidate, blocks: Blocks, costs: CostModel) -> tuple[float, float]:
    """What the dense layer and its cover cost in one inference."""
    attributes = candidate.attributes
    lanes, channels = attributes.lanes, attributes.out_channels
    pointwise = lanes == attributes.in_channels
    dense = candidate.out_pixels * candidate.num_weights
    sparse = blocks.count * costs.of_block(blocks.size, candidate.out_pixels, pointwise)
    if pointwise and candidate.out_pixels == 1:
        activations = lanes + channels
        return dense + activations, sparse + activations
    transposed = candidate.in_pixels * attributes.in_channels + candidate.out_pixels * channels
    return dense, sparse + costs.transpose * transposed


def _stored_bytes(blocks: Blocks) -> int:
    """Bytes of the blocks: float32 values, and mostly one byte for the lane."""
    return blocks.count * (4 * blocks.size + 1)


def _sizes(block_size: int | None, channels: int) -> list[int]:
    fitting = [n for n in BLOCK_SIZES if n <= channels]
    if block_size is None:
        return fitting
    return [max(n for n in fitting if n <= block_size)]
