# SPDX-License-Identifier: Apache-2.0
"""One layer's blocks <-> the packed buffer of docs/packed-format.md.

Arrays: weights [lanes, out_channels], float32, or int8 with scales [out_channels]; blocks as lanes
[num_blocks] and starts [num_blocks], integers, where the lane of a block of 4 is the number of its
group, lane // 4; stored values [num_blocks, N, block_lanes], rotated: position j of a block that
starts at s holds the weights of the channel c in s .. s+N-1 with c mod N == j. Blocks are kept in
the order of (start, lane).
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ubp.format import leb128
from ubp.format.attributes import INT8_VERSION, Attributes, ValueType, read_attributes
from ubp.format.values import array_type, bytes_per_value, narrow, widen

AttributesT = TypeVar("AttributesT", bound=Attributes)
Bias = npt.NDArray[np.float32] | npt.NDArray[np.int32]


@dataclass(frozen=True)
class PackedLayer:
    """A checked layer as it stands in a file.

    lanes, starts: int64 [num_blocks], in the order of (start, lane); of blocks of 4 lanes the
        number of the group, lane // 4.
    values: [num_blocks, block_size, block_lanes], rotated; float32, or int8.
    scales: of int8 values, float32 [out_channels]; otherwise None.
    """

    attributes: Attributes
    lanes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    values: npt.NDArray[Any]
    scales: npt.NDArray[np.float32] | None = None

    def weights(self) -> npt.NDArray[np.float32]:
        """The dense weights, float32 [lanes, out_channels]; zero outside all blocks."""
        stored = self.stored()
        if self.scales is None:
            return stored
        return stored.astype(np.float32) * self.scales

    def stored(self) -> npt.NDArray[Any]:
        """The dense weights as they are stored: int8, to be multiplied with scales, or float32."""
        a = self.attributes
        matrix = np.zeros((a.lanes, a.out_channels), self.values.dtype)
        lanes, channels = self._places()
        np.add.at(matrix, (lanes, channels), self.values)
        return matrix

    def nonzeros(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Lanes and channels of all stored weights but zeros, int64 [n] each, in any order."""
        lanes, channels = np.broadcast_arrays(*self._places())
        kept = self.values != 0
        return lanes[kept], channels[kept]

    def _places(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Lane and channel of each value; of shapes that broadcast to that of the values."""
        a = self.attributes
        lanes = self.lanes[:, None] * a.block_lanes + np.arange(a.block_lanes)
        return lanes[:, None, :], _stored_channels(self.starts, a.block_size)[:, :, None]


def pack(
    attributes: AttributesT,
    weights: npt.NDArray[Any],
    lanes: npt.NDArray[np.integer],
    starts: npt.NDArray[np.integer],
    bias: Bias | None,
    scales: npt.NDArray[np.float32] | None = None,
) -> tuple[AttributesT, bytes]:
    """Pack a layer's blocks, given in any order.

    Where two blocks of a lane overlap, the one with the smaller start holds the weight.

    Args:
        attributes: geometry, size of blocks, value type and activation; num_blocks, the version and
            the checksums are computed here.
        weights: [lanes, out_channels], int8 for the value type I8, else float32; only what lies in
            a block is stored.
        lanes, starts: int [num_blocks], the lane (of blocks of 4 lanes the group, lane // 4) and
            start channel of each block; no block twice.
        bias: float32 [out_channels], or int32 where the layer computes in int8, or None.
        scales: for I8 what the weights of each channel are multiplied with, float32
            [out_channels], finite and above 0; otherwise None.

    Returns:
        The complete attributes and the packed buffer.

    Raises:
        ValueError: if shapes, blocks or attributes do not fit together, or a weight does not fit
            the value type.
    """
    attributes = dataclasses.replace(
        attributes,
        num_blocks=int(lanes.size),
        version=INT8_VERSION if attributes.value_type == ValueType.I8 else 1,
        bias_checksum=_bias_checksum(bias),
        checksum=0,
    )
    attributes.check()
    _check_arrays(attributes, weights, bias, scales)
    _check_blocks(attributes, lanes, starts)
    order = np.lexsort((lanes, starts))
    sorted_lanes, sorted_starts = lanes[order].astype(np.int64), starts[order].astype(np.int64)
    if np.any((np.diff(sorted_lanes) == 0) & (np.diff(sorted_starts) == 0)):
        raise ValueError(f"{attributes.op}: a block is given twice; each may occur once.")
    values = _rotated_values(attributes, weights, sorted_lanes, sorted_starts)
    try:
        stored = narrow(values, ValueType(attributes.value_type))
    except ValueError as error:
        raise ValueError(f"{attributes.op}: {error}") from error
    counts = np.bincount(sorted_starts, minlength=attributes.num_starts)
    numbers = np.concatenate([counts, _lane_steps(sorted_lanes, sorted_starts)])
    packed = _scale_bytes(scales) + stored + leb128.encode(numbers)
    return dataclasses.replace(attributes, checksum=zlib.crc32(packed, attributes.crc())), packed


def unpack(op: str, custom_options: bytes, packed: bytes, bias: Bias | None) -> PackedLayer:
    """Read one layer, with every check that docs/packed-format.md lists.

    Args:
        op: one of OP_NAMES.
        custom_options, packed: the operator's options and the bytes of its second input.
        bias: float32 or int32 [out_channels], or None.

    Raises:
        ValueError: naming the op and the field that is wrong.
    """
    attributes = read_attributes(op, custom_options)
    value_type = ValueType(attributes.value_type)
    shape = (attributes.num_blocks, attributes.block_size, attributes.block_lanes)
    scales = _checked_scales(attributes, packed)
    begin = 0 if scales is None else scales.nbytes
    end = begin + math.prod(shape) * bytes_per_value(value_type)
    if end > len(packed):
        raise _damaged(
            op,
            f"have {len(packed) - begin} bytes, {end - begin} are needed for the section 'values' "
            "alone",
        )
    try:
        numbers = leb128.decode(np.frombuffer(packed, np.uint8)[end:])
    except ValueError as error:
        raise _damaged(op, f"have a malformed section 'counts' or 'lanes': {error}") from error
    counts = _checked_counts(attributes, numbers)
    starts = np.repeat(np.arange(attributes.num_starts), counts)
    lanes = _checked_lanes(attributes, numbers[attributes.num_starts :], starts)
    if zlib.crc32(packed, attributes.crc()) != attributes.checksum:
        raise _damaged(op, "or attributes do not match the attribute 'checksum'")
    if _bias_checksum(bias) != attributes.bias_checksum:
        raise _damaged(op, "have a bias that does not match the attribute 'bias_checksum'")
    values = widen(packed[begin:end], value_type).reshape(shape)
    return PackedLayer(attributes, lanes, starts, values, scales)


def _stored_channels(starts: npt.NDArray[np.integer], n: int) -> npt.NDArray[np.int64]:
    """The output channel at each position of each block, [num_blocks, n]: the rotation."""
    first = np.asarray(starts, np.int64)[:, None]
    return first + (np.arange(n) - first) % n


def _rotated_values(
    attributes: Attributes,
    weights: npt.NDArray[Any],
    lanes: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> npt.NDArray[Any]:
    """The section `values`, [num_blocks, n, block_lanes].

    It has 0 where an earlier block has the weight.
    """
    n, block_lanes = attributes.block_size, attributes.block_lanes
    channels = _stored_channels(starts, n)
    groups = weights.reshape(attributes.lane_groups, block_lanes, -1)
    values = groups[lanes[:, None], :, channels]
    by_lane = np.lexsort((starts, lanes))
    follows = lanes[by_lane[1:]] == lanes[by_lane[:-1]]
    covered_to = np.zeros(starts.size, np.int64)  # end of the lane's previous block
    covered_to[by_lane[1:][follows]] = starts[by_lane[:-1][follows]] + n
    has_earlier = (channels < covered_to[:, None])[:, :, None]
    return np.where(has_earlier, values.dtype.type(0), values)


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
    if lanes.size and lanes.max() >= attributes.lane_groups:
        noun = "lane" if attributes.block_lanes == 1 else "group of lanes"
        raise _damaged(
            attributes.op,
            f"name {noun} {lanes.max()} in the section 'lanes', the layer has "
            f"{attributes.lane_groups}",
        )
    return lanes


def _scale_bytes(scales: npt.NDArray[np.float32] | None) -> bytes:
    """The section `scales`."""
    return b"" if scales is None else scales.astype("<f4").tobytes()


def _checked_scales(attributes: Attributes, packed: bytes) -> npt.NDArray[np.float32] | None:
    """The scales of int8 values, float32 [out_channels]; None for all other types."""
    if attributes.value_type != ValueType.I8:
        return None
    size = 4 * attributes.out_channels
    if size > len(packed):
        raise _damaged(
            attributes.op,
            f"have {len(packed)} bytes, {size} are needed for the section 'scales' alone",
        )
    scales = np.frombuffer(packed[:size], "<f4").astype(np.float32, copy=False)
    wrong = np.flatnonzero(~(np.isfinite(scales) & (scales > 0)))
    if wrong.size:
        raise _damaged(
            attributes.op,
            f"have the scale {scales[wrong[0]]:g} for channel {wrong[0]} in the section 'scales', "
            "expected a number above 0",
        )
    return scales


def _check_arrays(
    attributes: Attributes,
    weights: npt.NDArray[Any],
    bias: Bias | None,
    scales: npt.NDArray[np.float32] | None,
) -> None:
    op, expected = attributes.op, (attributes.lanes, attributes.out_channels)
    dtype = array_type(ValueType(attributes.value_type))
    if weights.shape != expected or weights.dtype != dtype:
        raise ValueError(
            f"{op}: the weights are {weights.dtype} {weights.shape}, expected {dtype} {expected}."
        )
    biases = ("float32",) if dtype == np.float32 else ("float32", "int32")
    if bias is not None and (bias.shape != expected[1:] or bias.dtype.name not in biases):
        raise ValueError(
            f"{op}: the bias is {bias.dtype} {bias.shape}, expected {' or '.join(biases)} "
            f"{expected[1:]}."
        )
    if (scales is not None) != (dtype == np.int8):
        raise ValueError(f"{op}: scales belong to int8 weights, and to no others.")
    if scales is None:
        return
    if scales.shape != expected[1:] or scales.dtype != np.float32:
        raise ValueError(
            f"{op}: the scales are {scales.dtype} {scales.shape}, expected float32 {expected[1:]}."
        )
    if not np.all(np.isfinite(scales) & (scales > 0)):
        raise ValueError(f"{op}: a scale is not above 0, or not finite.")


def _check_blocks(
    attributes: Attributes, lanes: npt.NDArray[np.integer], starts: npt.NDArray[np.integer]
) -> None:
    op, n, channels = attributes.op, attributes.block_size, attributes.out_channels
    if lanes.ndim != 1 or lanes.shape != starts.shape:
        raise ValueError(
            f"{op}: block lanes {lanes.shape} and starts {starts.shape} differ in shape."
        )
    if not lanes.size:
        return
    if lanes.min() < 0 or lanes.max() >= attributes.lane_groups:
        raise ValueError(
            f"{op}: block lanes go from {lanes.min()} to {lanes.max()}, expected 0 to "
            f"{attributes.lane_groups - 1}."
        )
    if starts.min() < 0 or starts.max() > channels - n:
        raise ValueError(
            f"{op}: block starts go from {starts.min()} to {starts.max()}, expected 0 to "
            f"{channels - n}."
        )
    of_group = channels // attributes.groups
    if np.any(starts // of_group != (starts + n - 1) // of_group):
        raise ValueError(
            f"{op}: a block reaches from the {of_group} channels of one pixel into those of the "
            "next."
        )


def _bias_checksum(bias: Bias | None) -> int:
    if bias is None:
        return 0
    return zlib.crc32(np.ascontiguousarray(bias, bias.dtype.newbyteorder("<")).tobytes())


def _damaged(op: str, what: str) -> ValueError:
    return ValueError(
        f"{op}: the packed weights {what}; the file is damaged or was not written by ubp convert."
    )
