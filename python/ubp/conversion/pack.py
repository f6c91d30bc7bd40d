# SPDX-License-Identifier: Apache-2.0
"""Pack: a decided layer's blocks as the bytes of the custom operator."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ubp.conversion.decide import Decision
from ubp.conversion.stored_types import quantize, stored_type
from ubp.format import ValueType, pack


@dataclass(frozen=True)
class PackedOperator:
    """What the rewrite puts in place of an operator.

    op: one of ubp.format.OP_NAMES.
    custom_options: the FlexBuffers map of attributes.
    packed: the contents of the packed weights tensor.
    stored_as: the name of the value type.
    """

    op: str
    custom_options: bytes
    packed: bytes
    stored_as: str


def pack_layer(decision: Decision, value_type: ValueType) -> PackedOperator:
    """Pack a layer that was taken.

    Args:
        decision: on the layer.
        value_type: asked for; see `stored_type`.

    Raises:
        ValueError: if a weight does not fit the value type, naming the layer.
    """
    candidate, blocks = decision.layer.candidate, decision.blocks
    if candidate is None or blocks is None:
        raise ValueError(f"layer '{decision.layer.name}' is no candidate: {decision.reason}.")
    value_type = stored_type(candidate, value_type)
    weights, scales = candidate.weights, candidate.scales
    try:
        if value_type == ValueType.I8 and scales is None:
            weights, scales = quantize(weights)
        attributes = dataclasses.replace(
            candidate.attributes,
            block_size=blocks.size,
            block_lanes=blocks.block_lanes,
            value_type=value_type,
        )
        attributes, packed = pack(
            attributes, weights, blocks.lanes, blocks.starts, candidate.bias, scales
        )
    except ValueError as error:
        raise ValueError(f"layer '{decision.layer.name}': {error}") from error
    return PackedOperator(attributes.op, attributes.to_custom_options(), packed, value_type.name)
