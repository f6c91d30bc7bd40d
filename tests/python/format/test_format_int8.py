# SPDX-License-Identifier: Apache-2.0
"""Version 2 of the packed format: int8 values with scales, in blocks of one lane or of 4."""

import dataclasses
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubp.format import (
    BLOCK_SIZES,
    QUAD_BLOCK_SIZES,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
    PackedLayer,
    ValueType,
    leb128,
    pack,
    unpack,
)

Layer = tuple[Conv2DAttributes, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def conv(in_channels: int, channels: int, n: int, block_lanes: int) -> Conv2DAttributes:
    return Conv2DAttributes(
        in_channels=in_channels,
        out_channels=channels,
        block_size=n,
        block_lanes=block_lanes,
        value_type=ValueType.I8,
        kernel_h=1,
        kernel_w=3,
    )


def read(attributes: Attributes, packed: bytes, bias: np.ndarray | None = None) -> PackedLayer:
    return unpack(attributes.op, attributes.to_custom_options(), packed, bias)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Attributes, weights, lanes, starts, scales: any set of blocks, overlapping ones included."""
    block_lanes = draw(st.sampled_from([1, 4]))
    n = draw(st.sampled_from(QUAD_BLOCK_SIZES if block_lanes == 4 else BLOCK_SIZES))
    in_channels, channels = block_lanes * draw(st.integers(1, 40)), draw(st.integers(n, n + 20))
    groups = 3 * in_channels // block_lanes
    places = st.tuples(st.integers(0, groups - 1), st.integers(0, channels - n))
    blocks = np.array(draw(st.lists(places, unique=True, max_size=60)), np.int32).reshape(-1, 2)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.zeros((groups, block_lanes, channels), np.int8)
    for group, start in blocks:
        weights[group, :, start : start + n] = rng.integers(-128, 128, (block_lanes, n))
    scales = np.exp(rng.normal(size=channels)).astype(np.float32)
    matrix = weights.reshape(-1, channels)
    return conv(in_channels, channels, n, block_lanes), matrix, blocks[:, 0], blocks[:, 1], scales


@given(layers(), st.sampled_from([None, np.float32, np.int32]))
def test_round_trip_is_exact(layer: Layer, bias_type: Any) -> None:
    attributes, weights, lanes, starts, scales = layer
    bias = None if bias_type is None else np.arange(weights.shape[1]).astype(bias_type)
    complete, packed = pack(attributes, weights, lanes, starts, bias, scales)
    found = read(complete, packed, bias)
    assert found.attributes == complete
    assert (complete.version, complete.num_blocks) == (2, lanes.size)
    assert found.stored().dtype == np.int8
    np.testing.assert_array_equal(found.stored(), weights)
    np.testing.assert_array_equal(found.weights(), weights * scales)
    assert found.weights().dtype == np.float32
    assert found.scales is not None and found.scales.tobytes() == scales.tobytes()
    expected = sorted(zip(starts.tolist(), lanes.tolist(), strict=True))
    assert list(zip(found.starts.tolist(), found.lanes.tolist(), strict=True)) == expected


@given(layers())
def test_nonzeros_are_those_of_the_weights(layer: Layer) -> None:
    attributes, weights, lanes, starts, scales = layer
    found = read(*pack(attributes, weights, lanes, starts, None, scales))
    places = sorted(zip(*map(np.ndarray.tolist, found.nonzeros()), strict=True))
    assert places == sorted(zip(*map(np.ndarray.tolist, np.nonzero(weights)), strict=True))


def test_the_bytes_of_a_small_layer_in_blocks_of_4_lanes() -> None:
    weights = np.zeros((12, 3), np.int8)
    weights[4:8, 0:2] = [[1, 5], [2, 6], [3, 7], [4, 8]]
    weights[8:12, 1:3] = [[-1, 11], [0, 12], [0, 13], [-128, 127]]
    scales = np.array([0.5, 1, 2], np.float32)
    attributes = conv(4, 3, 2, 4)
    _, packed = pack(attributes, weights, np.array([2, 1]), np.array([1, 0]), None, scales)
    first = [1, 2, 3, 4, 5, 6, 7, 8]
    second = [11, 12, 13, 127, -1, 0, 0, -128]  # rotated: channel 2 is at 2 mod 2
    values = np.array(first + second, np.int8).tobytes()
    counts, groups = bytes([1, 1]), bytes([1, 2])
    assert packed == scales.tobytes() + values + counts + groups


def test_overlapping_blocks_store_each_weight_once() -> None:
    weights = np.arange(1, 61, dtype=np.int8).reshape(12, 5)
    lanes, starts = np.repeat(np.arange(3), 2), np.tile([0, 1], 3)
    scales = np.ones(5, np.float32)
    layer = read(*pack(conv(4, 5, 4, 4), weights, lanes, starts, None, scales))
    assert np.count_nonzero(layer.values) == 60
    np.testing.assert_array_equal(layer.stored(), weights)


def test_no_blocks_at_all() -> None:
    none, scales = np.zeros(0, np.int32), np.ones(8, np.float32)
    attributes = FullyConnectedAttributes(
        in_channels=4, out_channels=8, block_size=4, block_lanes=4, value_type=ValueType.I8
    )
    complete, packed = pack(attributes, np.zeros((4, 8), np.int8), none, none, None, scales)
    assert packed == scales.tobytes() + bytes(5)
    assert not read(complete, packed).weights().any()


@pytest.fixture
def sample() -> tuple[Conv2DAttributes, bytes, np.ndarray]:
    """60 groups of lanes, 8 channels, blocks of 4 x 4: two at start 0, one at start 4."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-127, 128, (240, 8)).astype(np.int8)
    bias = np.arange(8, dtype=np.int32)
    lanes, starts = np.array([3, 50, 59]), np.array([0, 0, 4])
    scales = np.full(8, 0.25, np.float32)
    return (*pack(conv(80, 8, 4, 4), weights, lanes, starts, bias, scales), bias)


SCALES, VALUES = 8 * 4, 3 * 4 * 4  # bytes of the sample's first two sections


def refused(sample: tuple[Conv2DAttributes, bytes, np.ndarray], packed: bytes, match: str) -> None:
    """With the checksum that fits, so that only the check behind it can object."""
    attributes, _, bias = sample
    sealed = dataclasses.replace(attributes, checksum=zlib.crc32(packed, attributes.crc()))
    with pytest.raises(ValueError, match=f"^UbpConv2D: the packed weights {match}"):
        read(sealed, packed, bias)


@pytest.mark.parametrize("wrong", [0.0, -0.0, -1.0, np.inf, np.nan])
@pytest.mark.parametrize("channel", [0, 7])
def test_a_scale_that_is_none_is_refused(sample: Any, wrong: float, channel: int) -> None:
    packed = bytearray(sample[1])
    packed[4 * channel : 4 * channel + 4] = np.float32(wrong).tobytes()
    refused(sample, bytes(packed), f"have the scale .* for channel {channel} in .* 'scales'")


def test_each_section_that_ends_early_is_named(sample: Any) -> None:
    packed = sample[1]
    refused(sample, packed[: SCALES - 1], "have 31 bytes, 32 are needed for the section 'scales'")
    refused(
        sample, packed[: SCALES + VALUES - 1], "have 47 bytes, 48 are needed for .* 'values' alone"
    )
    refused(sample, packed[: SCALES + VALUES + 2], "end within the section 'counts'")
    refused(sample, packed[:-1], "end within the section 'lanes'")


def test_a_group_beyond_the_lanes_is_refused(sample: Any) -> None:
    numbers = leb128.encode(np.array([2, 0, 0, 0, 1, 3, 46, 60]))
    packed = sample[1][: SCALES + VALUES] + numbers
    refused(sample, packed, "name group of lanes 60 in the section 'lanes', the layer has 60")


def test_every_flipped_bit_is_found(sample: Any) -> None:
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


def test_a_wrong_bias_is_refused(sample: Any) -> None:
    attributes, packed, bias = sample
    for other in (None, bias + 1, bias.astype(np.float32)):
        with pytest.raises(ValueError, match="'bias_checksum'"):
            read(attributes, packed, other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros((12, 6), np.float32)}, "weights are float32 .* expected int8"),
        ({"weights": np.zeros((11, 6), np.int8)}, "the weights are int8 \\(11, 6\\), expected"),
        ({"bias": np.zeros(6, np.int64)}, "the bias is int64 \\(6,\\), expected float32 or int32"),
        ({"scales": None}, "scales belong to int8 weights"),
        ({"scales": np.ones(5, np.float32)}, "the scales are float32 \\(5,\\)"),
        ({"scales": np.ones(6)}, "the scales are float64"),
        ({"scales": np.zeros(6, np.float32)}, "a scale is not above 0"),
        ({"lanes": np.array([0, 3])}, "block lanes go from 0 to 3, expected 0 to 2"),
        ({"attributes": conv(6, 6, 2, 4)}, "'in_channels' is 6, expected a multiple of 4"),
    ],
)
def test_the_writer_refuses_what_does_not_fit(changes: dict[str, Any], message: str) -> None:
    arguments = {
        "attributes": conv(4, 6, 2, 4),
        "weights": np.zeros((12, 6), np.int8),
        "lanes": np.array([0, 1]),
        "starts": np.array([0, 1]),
        "bias": None,
        "scales": np.ones(6, np.float32),
    }
    with pytest.raises(ValueError, match=f"^UbpConv2D: .*{message}"):
        pack(**(arguments | changes))


def test_float_layers_have_no_scales() -> None:
    attributes = FullyConnectedAttributes(in_channels=3, out_channels=4, block_size=4)
    weights, place = np.ones((3, 4), np.float32), np.array([0])
    with pytest.raises(ValueError, match="scales belong to int8 weights, and to no others"):
        pack(attributes, weights, place, place, None, np.ones(4, np.float32))
