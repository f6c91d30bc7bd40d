# SPDX-License-Identifier: Apache-2.0
"""ubp.format.leb128 against a plain one-number-at-a-time implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubp.format import leb128

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))


def encode_one(number: int) -> bytes:
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def as_bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@given(st.lists(numbers))
def test_matches_the_plain_encoder_and_round_trips(values: list[int]) -> None:
    encoded = leb128.encode(np.array(values, np.int64))
    assert encoded == b"".join(map(encode_one, values))
    np.testing.assert_array_equal(leb128.decode(as_bytes(encoded)), values)


@pytest.mark.parametrize("number", [0, 127, 128, 2**14 - 1, 2**14, 2**21, 2**28, 2**32 - 1])
def test_edges_of_every_length(number: int) -> None:
    encoded = leb128.encode(np.array([number]))
    assert encoded == encode_one(number)
    assert leb128.decode(as_bytes(encoded)).tolist() == [number]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80", "does not end"),
        (b"\x01\xff\xff", "does not end"),
        (b"\x80\x80\x80\x80\x80\x01", "more than 5 bytes"),
        (b"\x81\x00", "superfluous zero byte"),
        (b"\x80\x80\x80\x80\x10", "2\\^32 or more"),
    ],
)
def test_refuses_malformed_numbers(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        leb128.decode(as_bytes(data))


def test_decodes_nothing_to_nothing() -> None:
    assert leb128.decode(as_bytes(b"")).size == 0
