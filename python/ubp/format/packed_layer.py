"""One layer's blocks <-> the packed buffer of docs/packed-format.md.

Arrays: weights [lanes, out_channels] float32; blocks as lanes [num_blocks] and starts [num_blocks],
integers; stored values [num_blocks, N] float32, rotated: position j of a block that starts at s
holds the weight of the channel c in s .. s+N-1 with c mod N == j. Blocks are kept in the order of
(start, lane).
"""

from __future__ import annotations

import dataclasses
import zlib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ubp.format import leb128
from ubp.format.attributes import Attributes, ValueType, read_attributes
from ubp.format.values import bytes_per_value, narrow, widen

AttributesT = TypeVar("AttributesT", bound=Attributes)


@dataclass(frozen=True)
class PackedLayer:
    """A checked layer as it stands in a file.

    lanes, starts: int64 [num_blocks], in the order of (start, lane).
    values: float32 [num_blocks, block_size], rotated.
    """

    attributes: Attributes
    lanes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]

    def weights(self) -> npt.NDArray[np.float32]:
        """The dense weights, float32 [lanes, out_channels]; zero outside all blocks."""
        matrix = np.zeros((self.attributes.lanes, self.attributes.out_channels), np.float32)
        channels = _stored_channels(self.starts, self.attributes.block_size)
        np.add.at(matrix, (self.lanes[:, None], channels), self.values)
        return matrix

    def nonzeros(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Lanes and channels of all stored weights but zeros, int64 [n] each, in any order."""
        channels = _stored_channels(self.starts, self.attributes.block_size)
        block, position = np.nonzero(self.values)
        return self.lanes[block], channels[block, position]


def pack(
    attributes: AttributesT,
    weights: npt.NDArray[np.float32],
    lanes: npt.NDArray[np.integer],
    starts: npt.NDArray[np.integer],
    bias: npt.NDArray[np.float32] | None,
) -> tuple[AttributesT, bytes]:
    """Pack a layer's blocks, given in any order.

    Where two blocks of a lane overlap, the one with the smaller start holds the weight.

    Args:
        attributes: geometry, block size, value type and activation; num_blocks and the checksums
            are computed here.
        weights: float32 [lanes, out_channels]; only what lies in a block is stored.
        lanes, starts: int [num_blocks], the lane and start channel of each block; no block twice.
        bias: float32 [out_channels], or None.

    Returns:
        The complete attributes and the packed buffer.

    Raises:
        ValueError: if shapes, blocks or attributes do not fit together, or a weight does not fit
            the value type.
    """
    attributes = dataclasses.replace(
        attributes, num_blocks=int(lanes.size), bias_checksum=_bias_checksum(bias), checksum=0
    )
    attributes.check()
    _check_blocks(attributes, weights, lanes, starts, bias)
    order = np.lexsort((lanes, starts))
    sorted_lanes, sorted_starts = lanes[order].astype(np.int64), starts[order].astype(np.int64)
    if np.any((np.diff(sorted_lanes) == 0) & (np.diff(sorted_starts) == 0)):
        raise ValueError(f"{attributes.op}: a block is given twice; each may occur once.")
    values = _rotated_values(weights, sorted_lanes, sorted_starts, attributes.block_size)
    try:
        stored = narrow(values, ValueType(attributes.value_type))
    except ValueError as error:
        raise ValueError(f"{attributes.op}: {error}") from error
    counts = np.bincount(sorted_starts, minlength=attributes.num_starts)
    packed = stored + leb128.encode(
        np.concatenate([counts, _lane_steps(sorted_lanes, sorted_starts)])
    )
    return dataclasses.replace(attributes, checksum=zlib.crc32(packed, attributes.crc())), packed


def unpack(
    op: str, custom_options: bytes, packed: bytes, bias: npt.NDArray[np.float32] | None
) -> PackedLayer:
    """Read one layer, with every check that docs/packed-format.md lists.

    Args:
        op: one of OP_NAMES.
        custom_options, packed: the operator's options and the bytes of its second input.
        bias: float32 [out_channels], or None.

    Raises:
        ValueError: naming the op and the field that is wrong.
    """
    attributes = read_attributes(op, custom_options)
    n = attributes.block_size
    values_size = attributes.num_blocks * n * bytes_per_value(ValueType(attributes.value_type))
    if values_size > len(packed):
        raise _damaged(
            op, f"have {len(packed)} bytes, {values_size} are needed for the section 'values' alone"
        )
    try:
        numbers = leb128.decode(np.frombuffer(packed, np.uint8)[values_size:])
    except ValueError as error:
        raise _damaged(op, f"have a malformed section 'counts' or 'lanes': {error}") from error
    counts = _checked_counts(attributes, numbers)
    starts = np.repeat(np.arange(attributes.num_starts), counts)
    lanes = _checked_lanes(attributes, numbers[attributes.num_starts :], starts)
    if zlib.crc32(packed, attributes.crc()) != attributes.checksum:
        raise _damaged(op, "or attributes do not match the attribute 'checksum'")
    if _bias_checksum(bias) != attributes.bias_checksum:
        raise _damaged(op, "have a bias that does not match the attribute 'bias_checksum'")
    values = widen(packed[:values_size], ValueType(attributes.value_type)).reshape(-1, n)
    return PackedLayer(attributes, lanes, starts, values)


def _stored_channels(starts: npt.NDArray[np.integer], n: int) -> npt.NDArray[np.int64]:
    """The output channel at each position of each block, [num_blocks, n]: the rotation."""
    first = np.asarray(starts, np.int64)[:, None]
    return first + (np.arange(n) - first) % n


def _rotated_values(
    weights: npt.NDArray[np.float32],
    lanes: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    n: int,
) -> npt.NDArray[np.float32]:
    """The section `values`, [num_blocks, n]; 0 where an earlier block has the weight."""
    channels = _stored_channels(starts, n)
    values = weights[lanes[:, None], channels]
    by_lane = np.lexsort((starts, lanes))
    follows = lanes[by_lane[1:]] == lanes[by_lane[:-1]]
    covered_to = np.zeros(starts.size, np.int64)  # end of the lane's previous block
    covered_to[by_lane[1:][follows]] = starts[by_lane[:-1][follows]] + n
    return np.where(channels < covered_to[:, None], np.float32(0), values)


def _lane_steps(
    lanes: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The section `lanes`: a start's first as it is, later ones less their predecessor and 1."""
    steps = lanes.copy()
    same_start = starts[1:] == starts[:-1]
    steps[1:] -= np.where(same_start, lanes[:-1] + 1, 0)
    return steps


def _checked_counts(
    attributes: Attributes, numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The blocks per start channel, [num_starts], and that the buffer ends with the last lane."""
    expected = attributes.num_starts + attributes.num_blocks
    counts = numbers[: attributes.num_starts]
    if counts.size < attributes.num_starts:
        raise _damaged(attributes.op, "end within the section 'counts'")
    if counts.sum() != attributes.num_blocks:
        raise _damaged(
            attributes.op,
            f"count {counts.sum()} blocks in the section 'counts', the attribute 'num_blocks' says "
            f"{attributes.num_blocks}",
        )
    if numbers.size < expected:
        raise _damaged(attributes.op, "end within the section 'lanes'")
    if numbers.size > expected:
        raise _damaged(attributes.op, f"hold {numbers.size - expected} numbers after the last lane")
    return counts


def _checked_lanes(
    attributes: Attributes, steps: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The inverse of `_lane_steps`, with every lane below the layer's lanes."""
    total = np.cumsum(steps + 1)
    first = np.flatnonzero(
        np.diff(starts, prepend=-1)
    )  # the first block of each start channel that has any
    before = np.concatenate([[0], total])[first]
    lanes: npt.NDArray[np.int64] = total - 1 - np.repeat(before, np.diff(first, append=starts.size))
    if lanes.size and lanes.max() >= attributes.lanes:
        raise _damaged(
            attributes.op,
            f"name lane {lanes.max()} in the section 'lanes', the layer has {attributes.lanes}",
        )
    return lanes


def _check_blocks(
    attributes: Attributes,
    weights: npt.NDArray[np.float32],
    lanes: npt.NDArray[np.integer],
    starts: npt.NDArray[np.integer],
    bias: npt.NDArray[np.float32] | None,
) -> None:
    op, n = attributes.op, attributes.block_size
    expected = (attributes.lanes, attributes.out_channels)
    if weights.shape != expected or weights.dtype != np.float32:
        raise ValueError(
            f"{op}: the weights are {weights.dtype} {weights.shape}, expected float32 {expected}."
        )
    if bias is not None and (bias.shape != expected[1:] or bias.dtype != np.float32):
        raise ValueError(
            f"{op}: the bias is {bias.dtype} {bias.shape}, expected float32 {expected[1:]}."
        )
    if lanes.ndim != 1 or lanes.shape != starts.shape:
        raise ValueError(
            f"{op}: block lanes {lanes.shape} and starts {starts.shape} differ in shape."
        )
    if not lanes.size:
        return
    if lanes.min() < 0 or lanes.max() >= expected[0]:
        raise ValueError(
            f"{op}: block lanes go from {lanes.min()} to {lanes.max()}, expected 0 to "
            f"{expected[0] - 1}."
        )
    if starts.min() < 0 or starts.max() > expected[1] - n:
        raise ValueError(
            f"{op}: block starts go from {starts.min()} to {starts.max()}, expected 0 to "
            f"{expected[1] - n}."
        )
    of_group = expected[1] // attributes.groups
    if np.any(starts // of_group != (starts + n - 1) // of_group):
        raise ValueError(
            f"{op}: a block reaches from the {of_group} channels of one pixel into those of the "
            "next."
        )


def _bias_checksum(bias: npt.NDArray[np.float32] | None) -> int:
    return 0 if bias is None else zlib.crc32(np.ascontiguousarray(bias, "<f4").tobytes())


def _damaged(op: str, what: str) -> ValueError:
    return ValueError(
        f"{op}: the packed weights {what}; the file is damaged or was not written by ubp convert."
    )
