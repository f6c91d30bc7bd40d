# SPDX-License-Identifier: Apache-2.0
"""LEB128: unsigned integers below 2^32 in one to five bytes, seven bits a byte, lowest first.

The top bit is set on all but a number's last byte. Vectorised: both functions loop over the at most
five bytes of a number, never over the numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.constants import FORMAT

MAX_BYTES: int = FORMAT["max_leb128_bytes"]


def encode(numbers: npt.NDArray[np.integer]) -> bytes:
    """Encode numbers [n], each 0 .. 2^32 - 1, one after the other."""
    rest = np.asarray(numbers, np.uint64)
    lengths = np.ones(rest.size, np.int64)
    for k in range(1, MAX_BYTES):
        lengths += rest >= np.uint64(1 << (7 * k))
    first = np.cumsum(lengths) - lengths  # each number's first byte
    out = np.empty(int(lengths.sum()), np.uint8)
    for k in range(MAX_BYTES):
        has_byte = np.flatnonzero(lengths > k)
        low = (rest[has_byte] >> np.uint64(7 * k)).astype(np.uint8) & 0x7F
        more = (lengths[has_byte] > k + 1).astype(np.uint8) << 7
        out[first[has_byte] + k] = low | more
    return out.tobytes()


def decode(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Decode bytes [m] that hold nothing but LEB128 numbers.

    Returns:
        The numbers, int64 [n].

    Raises:
        ValueError: if the last number does not end, or a number is 2^32 or more or longer than
            needed.
    """
    ends = np.flatnonzero(data < 0x80)
    if data.size and (ends.size == 0 or ends[-1] != data.size - 1):
        raise ValueError("the last number does not end")
    lengths = np.diff(ends, prepend=-1)
    if ends.size and lengths.max() > MAX_BYTES:
        raise ValueError(f"a number has more than {MAX_BYTES} bytes")
    if np.any((lengths > 1) & (data[ends] == 0)):
        raise ValueError("a number has a superfluous zero byte")
    first = ends - lengths + 1
    numbers = np.zeros(ends.size, np.int64)
    for k in range(MAX_BYTES):
        has_byte = np.flatnonzero(lengths > k)
        numbers[has_byte] |= (data[first[has_byte] + k].astype(np.int64) & 0x7F) << (7 * k)
    if ends.size and numbers.max() >= 2**32:
        raise ValueError("a number is 2^32 or more")
    return numbers
