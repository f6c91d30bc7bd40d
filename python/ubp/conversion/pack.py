"""Pack: a decided layer's blocks as the bytes of the custom operator."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ubp.conversion.decide import Decision
from ubp.format import ValueType, pack


@dataclass(frozen=True)
class PackedOperator:
    """What the rewrite puts in place of an operator.

    op: one of ubp.format.OP_NAMES.
    custom_options: the FlexBuffers map of attributes.
    packed: the contents of the packed weights tensor.
    """

    op: str
    custom_options: bytes
    packed: bytes


def pack_layer(decision: Decision, value_type: ValueType) -> PackedOperator:
    """Pack a layer that was taken.

    Args:
        decision: on the layer.
        value_type: asked for; F32 means "as exact as in the file", and is F16 for float16 weights.

    Raises:
        ValueError: if a weight does not fit the value type, naming the layer.
    """
    candidate, blocks = decision.layer.candidate, decision.blocks
    if candidate is None or blocks is None:
        raise ValueError(f"layer '{decision.layer.name}' is no candidate: {decision.reason}.")
    if value_type == ValueType.F32:
        value_type = candidate.stored_as
    attributes = dataclasses.replace(
        candidate.attributes, block_size=blocks.size, value_type=value_type
    )
    try:
        attributes, packed = pack(
            attributes, candidate.weights, blocks.lanes, blocks.starts, candidate.bias
        )
    except ValueError as error:
        raise ValueError(f"layer '{decision.layer.name}': {error}") from error
    return PackedOperator(attributes.op, attributes.to_custom_options(), packed)
