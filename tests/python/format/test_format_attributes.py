# SPDX-License-Identifier: Apache-2.0
"""ubp.format.attributes: every key must be there, of the right type and in range, and no other."""

import dataclasses
import struct
import zlib
from typing import Any

import pytest
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st

from ubp.format import (
    CONV_2D,
    FULLY_CONNECTED,
    TRANSPOSE_CONV_2D,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
    TransposeConv2DAttributes,
    read_attributes,
)

CONV = Conv2DAttributes(
    in_channels=3,
    out_channels=8,
    block_size=4,
    num_blocks=27,
    kernel_h=3,
    kernel_w=5,
    stride_h=2,
    dilation_w=3,
    padding=1,
    activation=3,
    value_type=2,
    bias_checksum=2**32 - 1,
    checksum=2**31,
)
DENSE = FullyConnectedAttributes(in_channels=7, out_channels=2, block_size=2, keep_num_dims=1)
TRANSPOSED = TransposeConv2DAttributes(
    in_channels=3,
    out_channels=12,
    block_size=8,
    num_blocks=5,
    kernel_h=2,
    kernel_w=1,
    block_h=2,
    block_w=3,
    pad_top=1,
    pad_bottom=2,
    pad_right=3,
    crop_top=4,
    crop_left=5,
    crop_right=4096,
)
QUADS = Conv2DAttributes(
    in_channels=8,
    out_channels=6,
    block_size=2,
    block_lanes=4,
    num_blocks=90,
    kernel_h=3,
    kernel_w=3,
    value_type=3,
    version=2,
)
ALL = (CONV, DENSE, TRANSPOSED, QUADS)
EACH = pytest.mark.parametrize("attributes", ALL, ids=["conv", "dense", "transposed", "quads"])
KEYS = [(attributes, key) for attributes in ALL for key in attributes.as_dict()]
EVERY_KEY = pytest.mark.parametrize(
    ("attributes", "key"),
    KEYS,
    ids=[f"{attributes.op}-{attributes.version}-{key}" for attributes, key in KEYS],
)


def with_entries(attributes: Attributes, **changes: Any) -> bytes:
    """custom_options with some entries changed, added, or (None) left out."""
    entries = attributes.as_dict() | changes
    return bytes(flexbuffers.Dumps({k: v for k, v in entries.items() if v is not None}))


@EACH
def test_round_trip(attributes: Attributes) -> None:
    assert read_attributes(attributes.op, attributes.to_custom_options()) == attributes


@EACH
def test_options_are_a_map_of_integers_in_alphabetical_order(attributes: Attributes) -> None:
    entries = flexbuffers.Loads(attributes.to_custom_options())
    assert entries == attributes.as_dict()
    assert list(entries) == sorted(entries)


@EACH
def test_signed_integers_are_read_as_well(attributes: Attributes) -> None:
    assert read_attributes(attributes.op, with_entries(attributes)) == attributes


@EACH
def test_crc_covers_the_name_and_all_other_attributes_in_alphabetical_order(
    attributes: Attributes,
) -> None:
    covered = {k: v for k, v in attributes.as_dict().items() if k != "checksum"}
    data = attributes.op.encode() + b"".join(struct.pack("<I", covered[k]) for k in sorted(covered))
    assert attributes.crc() == zlib.crc32(data)


@EVERY_KEY
def test_a_missing_key_is_named(attributes: Attributes, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{attributes.op}: .*{key}"):
        read_attributes(attributes.op, with_entries(attributes, **{key: None}))


@EVERY_KEY
@pytest.mark.parametrize("value", [1.5, "1", True, [1], {"a": 1}])
def test_a_value_that_is_no_integer_is_named(attributes: Attributes, key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{attributes.op}: .*{key}"):
        read_attributes(attributes.op, with_entries(attributes, **{key: value}))


@EVERY_KEY
@pytest.mark.parametrize("value", [-1, 2**32])
def test_a_value_out_of_range_is_named(attributes: Attributes, key: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"^{attributes.op}: .*{key}"):
        read_attributes(attributes.op, with_entries(attributes, **{key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("block_size", 0),
        ("block_size", 3),
        ("block_size", 32),
        ("in_channels", 0),
        ("in_channels", 2**24 + 1),
        ("out_channels", 0),
        ("out_channels", 2**24 + 1),
        ("num_blocks", 2**31),
        ("value_type", 3),
        ("activation", 4),
        ("kernel_h", 0),
        ("kernel_w", 4097),
        ("stride_h", 0),
        ("stride_w", 4097),
        ("dilation_h", 0),
        ("dilation_w", 4097),
        ("padding", 2),
    ],
)
def test_the_edges_of_each_range(key: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"'{key}' is {value}, expected"):
        read_attributes(CONV_2D, with_entries(CONV, **{key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kernel_h", 0),
        ("kernel_w", 4097),
        ("block_h", 0),
        ("block_w", 4097),
        *((f"{margin}_{side}", 4097) for margin in ("pad", "crop") for side in ("top", "bottom")),
        *((f"{margin}_{side}", 4097) for margin in ("pad", "crop") for side in ("left", "right")),
    ],
)
def test_the_edges_of_each_range_of_a_transposed_convolution(key: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"'{key}' is {value}, expected"):
        read_attributes(TRANSPOSE_CONV_2D, with_entries(TRANSPOSED, **{key: value}))


def test_the_pixels_of_a_block_share_the_channels_of_a_transposed_convolution() -> None:
    dataclasses.replace(TRANSPOSED, block_h=4).check()
    with pytest.raises(ValueError, match="'out_channels' is 12, expected a multiple of the 15"):
        dataclasses.replace(TRANSPOSED, block_h=5).check()


def test_lanes_of_a_transposed_convolution_are_its_taps() -> None:
    assert TRANSPOSED.lanes == 2 * 1 * 3


def test_keep_num_dims_is_0_or_1() -> None:
    with pytest.raises(ValueError, match="'keep_num_dims' is 2, expected 0 to 1"):
        read_attributes(FULLY_CONNECTED, with_entries(DENSE, keep_num_dims=2))


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ValueError, match="'groups' is unknown"):
        read_attributes(CONV_2D, with_entries(CONV, groups=1))


def test_a_newer_version_is_refused_before_its_unknown_keys() -> None:
    with pytest.raises(ValueError, match="version 3, this release of ubp reads versions 1 to 2"):
        read_attributes(CONV_2D, with_entries(CONV, version=3, groups=1))


def test_version_1_has_no_lanes_of_blocks() -> None:
    assert "block_lanes" not in CONV.as_dict()
    with pytest.raises(ValueError, match="'block_lanes' is unknown"):
        read_attributes(CONV_2D, with_entries(CONV, block_lanes=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 1}, "'value_type' is 3, expected 0 to 2 in version 1"),
        ({"value_type": 0}, "'value_type' is 0, expected 3 in version 2"),
        ({"block_lanes": 2}, "'block_lanes' is 2, expected one of 1, 4"),
        ({"block_lanes": 0}, "'block_lanes' is 0, expected one of 1, 4"),
        ({"in_channels": 10}, "'in_channels' is 10, expected a multiple of 4"),
        ({"block_size": 16, "out_channels": 16}, "'block_size' is 16, expected at most 8"),
        ({"num_blocks": 91}, "more than the 90 places"),
        ({"value_type": 0, "version": 1}, "blocks of 4 lanes hold int8 values only"),
    ],
)
def test_what_version_2_asks_for(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUADS, **changes).check()


def test_a_block_must_fit_into_the_output_channels() -> None:
    with pytest.raises(ValueError, match="'block_size' is 16, more than the 8 output channels"):
        dataclasses.replace(CONV, block_size=16).check()


def test_lanes_stay_below_2_to_the_31() -> None:
    with pytest.raises(ValueError, match="kernel_h \\* kernel_w \\* in_channels"):
        dataclasses.replace(CONV, kernel_h=4096, kernel_w=4096, in_channels=128).check()


def test_there_are_no_more_blocks_than_places() -> None:
    places = 3 * 5 * 3 * (8 - 4 + 1)
    dataclasses.replace(CONV, num_blocks=places).check()
    with pytest.raises(ValueError, match=f"more than the {places} places"):
        dataclasses.replace(CONV, num_blocks=places + 1).check()


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match=f"^{CONV_2D}: "):
        read_attributes(CONV_2D, data)


@given(st.data())
def test_a_flipped_bit_never_crashes_the_reader(data: st.DataObject) -> None:
    options = bytearray(CONV.to_custom_options())
    bit = data.draw(st.integers(0, 8 * len(options) - 1))
    options[bit // 8] ^= 1 << (bit % 8)
    try:
        found = read_attributes(CONV_2D, bytes(options))
    except ValueError:
        return
    # A bit that FlexBuffers does not use, or one that `unpack` finds by the checksum.
    assert found == CONV or found.crc() != CONV.crc() or found.checksum != CONV.checksum
