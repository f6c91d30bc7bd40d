# SPDX-License-Identifier: Apache-2.0
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

An int8 layer has blocks of N channels and 4 lanes, what a dot product takes. It has the same
formulas with constants of its own, QUAD_COSTS, and a dense multiply-add is INT8_MULTIPLY_ADD of a
float32 one.

Layers that share their weights are decided together, by the sum of their costs: taken apart, the
file would hold the weights twice, dense and packed, or packed in several ways.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from ubp.constants import COSTS
from ubp.conversion.candidates import Candidate
from ubp.conversion.cover import Blocks, cover_groups, cover_quads
from ubp.conversion.find import Layer
from ubp.conversion.stored_types import stored_type
from ubp.costs import DEFAULT_COSTS, INT8_MULTIPLY_ADD, QUAD_COSTS, Costs, LayerShape
from ubp.format import (
    BLOCK_SIZES,
    QUAD,
    QUAD_BLOCK_SIZES,
    TransposeConv2DAttributes,
    ValueType,
    bytes_per_value,
)

# A cover predicted at this share of the fastest one's speed will do, if it is smaller.
NEARLY_FASTEST: float = COSTS["nearly_fastest"]

# N for all layers, None: whichever is best; or for some, by the name of their weights tensor: N,
# with which they are taken, or None: they stay. Of layers that share weights the first one that is
# named counts for all.
BlockSizes: TypeAlias = int | Mapping[str, int | None] | None

_TOLD_TO_STAY = "it was named to stay dense"
_LEAST_COST = 1e-9  # where a measured line says that no blocks take no time


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
    block_size: BlockSizes,
    min_speedup: float,
    costs: Costs = DEFAULT_COSTS,
    value_type: ValueType = ValueType.F32,
) -> list[Decision]:
    """Choose every layer's block size, and whether it is converted at all.

    Args:
        layers: of one model, as found.
        block_size: N, or None for the smallest of those covers that are predicted nearly as fast as
            the fastest; or that for each layer that is named. A layer with fewer channels gets the
            largest N that fits.
        min_speedup: layers that are predicted below this stay as they are.
        costs: what predictions are made with.
        value_type: of float weights in the file to be; of covers equally fast the smallest wins.

    Returns:
        One decision for each layer, in their order.
    """
    decisions: dict[int, Decision] = {}
    sharing: dict[tuple[int, ...], dict[int, Candidate]] = {}
    for index, layer in enumerate(layers):
        if layer.candidate is None:
            decisions[index] = _settled(layer)
            continue
        key = (layer.buffer, layer.candidate.is_int8, *_view(layer, layer.candidate))
        sharing.setdefault(key, {})[index] = layer.candidate
    for group in sharing.values():
        members = [_Member(each, layers[index].name) for index, each in group.items()]
        is_named, size = _size_for([member.name for member in members], block_size)
        blocks = _choose(members, size, costs, value_type)
        reason = _objection(_predict(members, blocks, costs), min_speedup, len(group))
        if is_named:
            reason = _TOLD_TO_STAY if size is None else ""
        first = members[0].candidate
        sparsity = 1 - np.count_nonzero(first.weights) / first.num_weights
        for index, member in zip(group, members, strict=True):
            speedup = _predict([member], blocks, costs)
            decisions[index] = Decision(
                layers[index], not reason, reason, blocks, sparsity, speedup
            )
    return [decisions[index] for index in range(len(layers))]


class _Member(NamedTuple):
    """One of the layers that share weights, and the name of its weights tensor."""

    candidate: Candidate
    name: str


def _size_for(names: Sequence[str], block_size: BlockSizes) -> tuple[bool, int | None]:
    """Whether it is a caller's word for one of the layers that share weights, and N."""
    if not isinstance(block_size, Mapping):
        return False, block_size
    for name in names:
        if name in block_size:
            return True, block_size[name]
    return False, None


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
    attributes = packed.attributes
    blocks = Blocks(attributes.block_size, packed.lanes, packed.starts, attributes.block_lanes)
    sparsity = 1 - np.count_nonzero(packed.values) / math.prod(layer.shape)
    return Decision(layer, False, "it is block-sparse already", blocks, sparsity)


def _choose(
    group: list[_Member], block_size: int | None, costs: Costs, value_type: ValueType
) -> Blocks:
    """The cover of the weights that all of the group have."""
    stored = stored_type(group[0].candidate, value_type)
    covers = _covers(group[0].candidate, block_size, stored)
    speedups = [_predict(group, blocks, costs) for blocks in covers]
    near = [
        blocks
        for speedup, blocks in zip(speedups, covers, strict=True)
        if speedup >= NEARLY_FASTEST * max(speedups)
    ]
    return min(near, key=lambda blocks: _stored_bytes(blocks, bytes_per_value(stored)))


def _covers(candidate: Candidate, block_size: int | None, stored: ValueType) -> list[Blocks]:
    """The covers among which one is chosen.

    Where int8 weights are computed with in float, blocks of 4 lanes run as 4 of one, and have but
    one number for all of them.
    """
    nonzero, attributes = candidate.weights != 0, candidate.attributes
    groups = attributes.groups
    covers = []
    if not candidate.is_int8:
        sizes = _sizes(block_size, nonzero.shape[1] // groups, BLOCK_SIZES)
        covers += [cover_groups(nonzero, n, groups) for n in sizes]
    if stored == ValueType.I8 and attributes.in_channels % QUAD == 0 and groups == 1:
        sizes = _sizes(block_size, nonzero.shape[1], QUAD_BLOCK_SIZES)
        covers += [cover_quads(nonzero, n) for n in sizes]
    return covers


def _objection(speedup: float, min_speedup: float, sharing: int) -> str:
    """Why layers with such a speed-up stay; empty if they are taken."""
    if speedup >= min_speedup:
        return ""
    together = f" of the {sharing} layers that share these weights" if sharing > 1 else ""
    return f"predicted speed-up {speedup:.2f}x{together} is below {min_speedup:g}x"


def _predict(group: list[_Member], blocks: Blocks, costs: Costs) -> float:
    """Predicted time of dense layers, one after the other, over that of their common cover."""
    predicted = [_costs(member, blocks, costs) for member in group]
    sparse_cost = sum(sparse for _, sparse in predicted)
    return sum(dense for dense, _ in predicted) / max(sparse_cost, _LEAST_COST)


def _costs(member: _Member, blocks: Blocks, costs: Costs) -> tuple[float, float]:
    """What the dense layer and its cover cost in one inference."""
    shape = shape_of(member.candidate)
    if not member.candidate.is_int8:  # in float, one lane after the other
        count, name = blocks.count * blocks.block_lanes, member.name
        return costs.dense(shape, name), costs.sparse(shape, blocks.size, count, name)
    activations = QUAD_COSTS.dense(shape) - shape.out_pixels * shape.weights
    dense = INT8_MULTIPLY_ADD * shape.out_pixels * shape.weights + activations
    return dense, QUAD_COSTS.sparse(shape, blocks.size, blocks.count)


def shape_of(candidate: Candidate) -> LayerShape:
    """What the time of a layer depends on."""
    attributes = candidate.attributes
    return LayerShape(
        attributes.lanes,
        attributes.out_channels,
        attributes.in_channels,
        candidate.in_pixels,
        candidate.out_pixels,
        candidate.num_weights,
    )


def _stored_bytes(blocks: Blocks, value_bytes: int) -> int:
    """Bytes of the blocks: their values, and mostly one byte for the lane."""
    return blocks.count * (value_bytes * blocks.size * blocks.block_lanes + 1)


def _sizes(block_size: int | None, channels: int, sizes: Sequence[int]) -> list[int]:
    fitting = [n for n in sizes if n <= channels]
    if block_size is None:
        return fitting
    return [max(n for n in fitting if n <= block_size)]
