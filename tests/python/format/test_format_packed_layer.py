# SPDX-License-Identifier: Apache-2.0
"""ubp.format.packed_layer: round trips, the byte layout, and every check of the reader."""

import dataclasses
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubp.format import (
    BLOCK_SIZES,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
    PackedLayer,
    TransposeConv2DAttributes,
    ValueType,
    leb128,
    pack,
    unpack,
)


def conv(lanes: int, channels: int, n: int, **more: Any) -> Conv2DAttributes:
    return Conv2DAttributes(
        in_channels=lanes, out_channels=channels, block_size=n, kernel_h=1, kernel_w=1, **more
    )


def read(attributes: Attributes, packed: bytes, bias: np.ndarray | None = None) -> PackedLayer:
    return unpack(attributes.op, attributes.to_custom_options(), packed, bias)


def resealed(attributes: Attributes, packed: bytes) -> Attributes:
    """With the checksum that fits, so that only the check behind it can object."""
    return dataclasses.replace(attributes, checksum=zlib.crc32(packed, attributes.crc()))


@st.composite
def layers(draw: st.DrawFn) -> tuple[Conv2DAttributes, np.ndarray, np.ndarray, np.ndarray]:
    """Attributes, weights, lanes and starts: any set of blocks, overlapping ones included."""
    n = draw(st.sampled_from(BLOCK_SIZES))
    lanes, channels = draw(st.integers(1, 200)), draw(st.integers(n, n + 20))
    places = st.tuples(st.integers(0, lanes - 1), st.integers(0, channels - n))
    blocks = np.array(draw(st.lists(places, unique=True, max_size=60)), np.int32).reshape(-1, 2)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.zeros((lanes, channels), np.float32)
    for lane, start in blocks:
        weights[lane, start : start + n] = rng.normal(size=n)
    return conv(lanes, channels, n), weights, blocks[:, 0], blocks[:, 1]


@given(layers(), st.booleans())
def test_round_trip_is_exact(layer: Any, with_bias: bool) -> None:
    attributes, weights, lanes, starts = layer
    bias = np.arange(weights.shape[1], dtype=np.float32) if with_bias else None
    complete, packed = pack(attributes, weights, lanes, starts, bias)
    found = read(complete, packed, bias)
    assert found.attributes == complete
    assert complete.num_blocks == lanes.size
    np.testing.assert_array_equal(found.weights(), weights)
    expected = sorted(zip(starts.tolist(), lanes.tolist(), strict=True))
    assert list(zip(found.starts.tolist(), found.lanes.tolist(), strict=True)) == expected


@given(layers())
def test_position_j_holds_the_channel_that_is_j_modulo_n(layer: Any) -> None:
    attributes, weights, lanes, starts = layer
    found = read(*pack(attributes, weights, lanes, starts, None))
    n = attributes.block_size
    for lane, start, values in zip(found.lanes, found.starts, found.values, strict=True):
        for channel in range(start, start + n):
            assert values[channel % n] in (0, weights[lane, channel])


def test_the_bytes_of_a_small_layer() -> None:
    weights = np.zeros((300, 3), np.float32)
    weights[2, 0:2], weights[299, 1:3], weights[4, 1:3] = [1, 2], [3, 4], [5, 6]
    _, packed = pack(conv(300, 3, 2), weights, np.array([299, 2, 4]), np.array([1, 0, 1]), None)
    # Blocks in the order of (start, lane): (0, 2), (1, 4), (1, 299); the second and third rotated.
    values = np.array([1, 2, 6, 5, 4, 3], "<f4").tobytes()
    counts = bytes([1, 2])
    lanes = bytes([2, 4, 0x80 | (294 & 0x7F), 294 >> 7])
    assert packed == values + counts + lanes


def test_overlapping_blocks_store_each_weight_once() -> None:
    weights = np.array([[1, 2, 3, 4, 5]], np.float32)
    layer = read(*pack(conv(1, 5, 4), weights, np.array([0, 0]), np.array([0, 1]), None))
    assert np.count_nonzero(layer.values) == 5
    np.testing.assert_array_equal(layer.weights(), weights)


def test_no_blocks_at_all() -> None:
    none = np.zeros(0, np.int32)
    attributes, packed = pack(conv(3, 8, 4), np.zeros((3, 8), np.float32), none, none, None)
    assert packed == bytes(5)
    assert not read(attributes, packed).weights().any()


@pytest.mark.parametrize("value_type", [ValueType.F16, ValueType.BF16])
def test_16_bit_values_are_rounded_and_half_the_size(value_type: ValueType) -> None:
    weights = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    lanes, starts = np.repeat(np.arange(6), 2), np.tile([0, 4], 6)
    _, full = pack(conv(6, 8, 4), weights, lanes, starts, None)
    attributes, packed = pack(conv(6, 8, 4, value_type=value_type), weights, lanes, starts, None)
    assert len(full) - len(packed) == 2 * weights.size
    found = read(attributes, packed).weights()
    np.testing.assert_allclose(found, weights, rtol=2.0**-8)
    assert (found != weights).any()


def test_fully_connected_layers_have_their_own_name_in_the_checksum() -> None:
    weights, place = np.ones((3, 4), np.float32), np.array([0])
    dense = FullyConnectedAttributes(in_channels=3, out_channels=4, block_size=4)
    attributes, packed = pack(dense, weights, place, place, None)
    assert read(attributes, packed).lanes.tolist() == [0]
    assert attributes.checksum == zlib.crc32(packed, attributes.crc())


@pytest.fixture
def sample() -> tuple[Conv2DAttributes, bytes, np.ndarray]:
    """200 lanes, 8 channels, N = 4: two blocks at start 0, none at 1..3, three at 4."""
    weights = np.random.default_rng(1).normal(size=(200, 8)).astype(np.float32)
    bias = np.ones(8, np.float32)
    lanes, starts = np.array([3, 150, 0, 1, 199]), np.array([0, 0, 4, 4, 4])
    return (*pack(conv(200, 8, 4), weights, lanes, starts, bias), bias)


VALUES = 5 * 4 * 4  # bytes of the sample's section `values`
COUNTS = [2, 0, 0, 0, 3]
STEPS = [3, 146, 0, 0, 197]


def with_numbers(packed: bytes, counts: list[int], steps: list[int]) -> bytes:
    return packed[:VALUES] + leb128.encode(np.array(counts + steps))


def test_the_sample_is_what_the_tests_below_think(sample: Any) -> None:
    attributes, packed, bias = sample
    assert with_numbers(packed, COUNTS, STEPS) == packed
    assert read(attributes, packed, bias).lanes.tolist() == [3, 150, 0, 1, 199]


@pytest.mark.parametrize(
    ("counts", "steps", "message"),
    [
        ([2, 0, 0, 0, 2], STEPS[:4], "count 4 blocks in the section 'counts'.* says 5"),
        ([2, 0, 0, 1, 3], STEPS, "count 6 blocks"),
        ([2, 0], [], "end within the section 'counts'"),
        (COUNTS, STEPS[:4], "end within the section 'lanes'"),
        (COUNTS, [*STEPS, 0], "hold 1 numbers after the last lane"),
        (COUNTS, [3, 146, 0, 0, 198], "name lane 200 in the section 'lanes'"),
        (COUNTS, [200, 0, 0, 0, 0], "name lane 201 in the section 'lanes'"),
        (COUNTS, [2**32 - 1] * 5, "name lane .* in the section 'lanes'"),
    ],
)
def test_counts_and_lanes_are_checked(
    sample: Any, counts: list[int], steps: list[int], message: str
) -> None:
    attributes, packed, bias = sample
    changed = with_numbers(packed, counts, steps)
    with pytest.raises(ValueError, match=f"^UbpConv2D: the packed weights {message}"):
        read(resealed(attributes, changed), changed, bias)


def test_a_malformed_number_is_refused(sample: Any) -> None:
    attributes, packed, bias = sample
    changed = packed[:-1] + bytes([packed[-1] | 0x80])
    with pytest.raises(ValueError, match=r"malformed section .*does not end"):
        read(resealed(attributes, changed), changed, bias)


def test_values_that_do_not_fit_are_refused(sample: Any) -> None:
    attributes, packed, bias = sample
    with pytest.raises(ValueError, match="have 79 bytes, 80 are needed for the section 'values'"):
        read(attributes, packed[: VALUES - 1], bias)


def test_a_wrong_bias_is_refused(sample: Any) -> None:
    attributes, packed, bias = sample
    for other in (None, bias + 1):
        with pytest.raises(ValueError, match="'bias_checksum'"):
            read(attributes, packed, other)


@given(st.data())
def test_no_prefix_of_the_buffer_is_accepted(data: st.DataObject) -> None:
    weights, place = np.ones((5, 6), np.float32), np.arange(5)
    attributes, packed = pack(conv(5, 6, 2), weights, place, place, None)
    length = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match=r"^UbpConv2D: the packed weights"):
        read(attributes, packed[:length])


def test_every_flipped_bit_of_the_buffer_is_found(sample: Any) -> None:
    attributes, packed, bias = sample
    for bit in range(8 * len(packed)):
        changed = bytearray(packed)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(ValueError, match=r"^UbpConv2D: the packed weights"):
            read(attributes, bytes(changed), bias)


def test_every_changed_attribute_is_found(sample: Any) -> None:
    attributes, packed, bias = sample
    for key, value in attributes.as_dict().items():
        changed = dataclasses.replace(attributes, **{key: value + 1})
        with pytest.raises(ValueError, match=r"^UbpConv2D: "):
            read(changed, packed, bias)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros((5, 7), np.float32)}, "the weights are float32 \\(5, 7\\), expected"),
        ({"weights": np.zeros((5, 6))}, "the weights are float64"),
        ({"bias": np.zeros(5, np.float32)}, "the bias is float32 \\(5,\\)"),
        ({"starts": np.array([0])}, "differ in shape"),
        ({"lanes": np.array([0, 5])}, "block lanes go from 0 to 5, expected 0 to 4"),
        ({"lanes": np.array([-1, 0])}, "block lanes go from -1"),
        ({"starts": np.array([0, 5])}, "block starts go from 0 to 5, expected 0 to 4"),
        ({"starts": np.array([-1, 0])}, "block starts go from -1"),
        ({"lanes": np.array([2, 2]), "starts": np.array([3, 3])}, "given twice"),
        ({"attributes": conv(5, 1, 2)}, "'block_size' is 2, more than the 1"),
    ],
)
def test_the_writer_refuses_what_does_not_fit(changes: dict[str, Any], message: str) -> None:
    arguments = {
        "attributes": conv(5, 6, 2),
        "weights": np.zeros((5, 6), np.float32),
        "lanes": np.array([0, 1]),
        "starts": np.array([0, 1]),
        "bias": None,
    }
    with pytest.raises(ValueError, match=f"^UbpConv2D: .*{message}"):
        pack(**(arguments | changes))


def test_the_writer_lets_no_block_reach_from_one_pixel_into_the_next() -> None:
    attributes = TransposeConv2DAttributes(
        in_channels=2, out_channels=12, block_size=4, kernel_h=1, kernel_w=1, block_h=2, block_w=1
    )
    weights, lanes = np.ones((2, 12), np.float32), np.array([0, 1])
    for starts in ([0, 2], [6, 8]):
        complete, packed = pack(attributes, weights, lanes, np.array(starts), None)
        assert read(complete, packed).starts.tolist() == starts
    for start in (3, 4, 5):
        message = "a block reaches from the 6 channels of one pixel into those of the next"
        with pytest.raises(ValueError, match=f"^UbpTransposeConv2D: {message}"):
            pack(attributes, weights, lanes, np.array([0, start]), None)


@given(layers())
def test_nonzeros_are_those_of_the_weights(layer: Any) -> None:
    attributes, weights, lanes, starts = layer
    found = read(*pack(attributes, weights, lanes, starts, None))
    places = sorted(zip(*map(np.ndarray.tolist, found.nonzeros()), strict=True))
    assert places == sorted(zip(*map(np.ndarray.tolist, np.nonzero(weights)), strict=True))


def test_the_writer_names_the_op_when_a_weight_does_not_fit() -> None:
    place = np.array([0])
    weights = np.full((1, 2), 1e6, np.float32)
    with pytest.raises(ValueError, match=r"^UbpConv2D: a weight of magnitude 1e\+06"):
        pack(conv(1, 2, 2, value_type=ValueType.F16), weights, place, place, None)
