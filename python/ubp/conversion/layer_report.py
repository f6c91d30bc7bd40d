# SPDX-License-Identifier: Apache-2.0
"""Layer report: what became of each layer with weights, as data.

ubp.reporting shows it; nothing is decided here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ubp.conversion.cover import Blocks
from ubp.conversion.decide import Decision
from ubp.conversion.find import Layer
from ubp.conversion.pack import PackedOperator
from ubp.format import Attributes
from ubp.tflite.flatbuffer import NO_BUFFER

PICTURE_LANES, PICTURE_CHANNELS = 48, 96


@dataclass(frozen=True)
class LayerReport:
    """One layer with weights.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> (layer,) = ubp.convert(model).report
        >>> layer.op, layer.shape, float(layer.sparsity), layer.taken
        ('FULLY_CONNECTED', (64, 256), 0.0, False)
        >>> layer.reason
        'predicted speed-up 0.70x is below 1.1x'

    Attributes:
        name: the weights tensor's name.
        op: the operator's name before conversion.
        taken: whether it was converted.
        reason: why not; empty if taken.
        shape: the weights' shape in the file before conversion.
        sparsity: share of zeros among the weights, or None where they were not examined.
        block_size, block_lanes, num_blocks: the cover with the best predicted speed, also where it
            was not taken; None for layers that cannot be converted.
        bytes_before, bytes_after: of the weights in the file; equal where nothing changed. Weights
            that several layers share count in the first of them.
        speedup: predicted for the layer alone, sparse over dense; None for layers that cannot be
            converted.
        macs: multiply-adds of one inference of the dense layer; None where they are not known.
        measured: as speedup, measured by ubp.timing.layers; None where it was not.
        picture: bool [lanes, channels], where the blocks lie in the first lanes and channels, at
            most PICTURE_LANES x PICTURE_CHANNELS of them; None for layers that cannot be converted.
        attributes: of a layer that was block-sparse before; otherwise None.
        shares_weights: an earlier layer has the same weights.
        is_int8: its input and output are int8, and so is its arithmetic.
        stored_as: the value type of the packed weights, such as "F32"; None where it was not
            converted.
        note: what the converted layer does otherwise than the ordinary one; empty where nothing.
        keeps_dense: taken, but the dense weights stay in the file, as something else refers to
            them.
    """

    name: str
    op: str
    taken: bool
    reason: str
    shape: tuple[int, ...]
    sparsity: float | None
    block_size: int | None
    num_blocks: int | None
    bytes_before: int
    bytes_after: int
    speedup: float | None
    macs: int | None = None
    measured: float | None = None
    picture: npt.NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)
    attributes: Attributes | None = None
    shares_weights: bool = False
    keeps_dense: bool = False
    block_lanes: int | None = None
    is_int8: bool = False
    stored_as: str | None = None
    note: str = ""


def report_layers(
    decisions: Sequence[Decision], packed: Mapping[int, PackedOperator], kept: Container[int]
) -> list[LayerReport]:
    """The report on a model's layers.

    Args:
        decisions: on all of them, in the order of the file.
        packed: what the layers that were taken were packed to, by index.
        kept: the buffers of the model that still hold what they held.
    """
    counted: set[int] = set()
    written: set[bytes] = set()
    report = []
    for index, decision in enumerate(decisions):
        layer, new = decision.layer, packed.get(index)
        shared = layer.buffer in counted
        before = 0 if shared else layer.stored_bytes
        after = before if layer.buffer in kept else 0
        if new is not None and new.packed not in written:
            after += len(new.packed)
            written.add(new.packed)
        if layer.buffer != NO_BUFFER:
            counted.add(layer.buffer)
        report.append(
            dataclasses.replace(
                _report_layer(decision),
                bytes_before=before,
                bytes_after=after,
                shares_weights=shared,
                keeps_dense=new is not None and layer.buffer in kept,
                stored_as=None if new is None else new.stored_as,
            )
        )
    return report


def _report_layer(decision: Decision) -> LayerReport:
    """The report on one layer, as if it had its weights for itself and nothing was changed."""
    layer, blocks = decision.layer, decision.blocks
    return LayerReport(
        name=layer.name,
        op=layer.op,
        taken=decision.taken,
        reason=decision.reason,
        shape=layer.shape,
        sparsity=decision.sparsity,
        block_size=None if blocks is None else blocks.size,
        block_lanes=None if blocks is None else blocks.block_lanes,
        num_blocks=None if blocks is None else blocks.count,
        bytes_before=layer.stored_bytes,
        bytes_after=layer.stored_bytes,
        speedup=decision.speedup,
        macs=_macs(layer),
        picture=None if blocks is None else _picture(blocks, *layer.matrix_shape),
        attributes=None if layer.packed is None else layer.packed.attributes,
        is_int8=layer.is_int8,
        note=layer.candidate.note if decision.taken and layer.candidate is not None else "",
    )


def sparsity_of(report: list[LayerReport]) -> float | None:
    """Share of zeros among the weights of all layers examined; None if there is no such layer."""
    examined = [
        (math.prod(layer.shape), layer.sparsity)
        for layer in report
        if layer.sparsity is not None and not layer.shares_weights
    ]
    weights = sum(size for size, _ in examined)
    return sum(size * sparsity for size, sparsity in examined) / weights if weights else None


def _macs(layer: Layer) -> int | None:
    if layer.candidate is None:
        return None
    return round(layer.candidate.out_pixels * layer.candidate.num_weights)


def _picture(blocks: Blocks, lanes: int, channels: int) -> npt.NDArray[np.bool_]:
    """The first of a layer's lanes and channels."""
    lanes = min(lanes, PICTURE_LANES)
    picture = np.zeros((lanes, min(channels, PICTURE_CHANNELS) + blocks.size), np.bool_)
    for lane in range(blocks.block_lanes):
        of_block = blocks.lanes * blocks.block_lanes + lane
        shown = (of_block < lanes) & (blocks.starts < PICTURE_CHANNELS)
        for offset in range(blocks.size):
            picture[of_block[shown], blocks.starts[shown] + offset] = True
    return picture[:, : -blocks.size]
