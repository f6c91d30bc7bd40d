"""Storage of the section `values`: float32 <-> float32, float16 or bfloat16, little-endian.

bfloat16 is the upper half of a float32. Both 16-bit types round to nearest, ties to even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.format.attributes import ValueType

_DTYPES: dict[ValueType, np.dtype[Any]] = {
    ValueType.F32: np.dtype("<f4"),
    ValueType.F16: np.dtype("<f2"),
    ValueType.BF16: np.dtype("<u2"),
}
_NAMES = {ValueType.F32: "float32", ValueType.F16: "float16", ValueType.BF16: "bfloat16"}


def bytes_per_value(value_type: ValueType) -> int:
    """Bytes one stored weight takes."""
    return _DTYPES[value_type].itemsize


def narrow(values: npt.NDArray[np.float32], value_type: ValueType) -> bytes:
    """Store float32 values of any shape, in C order.

    Raises:
        ValueError: if a finite value is too large for the type.
    """
    if value_type == ValueType.BF16:
        stored = _to_bfloat16(values)
    else:
        with np.errstate(over="ignore"):  # reported below
            stored = values.astype(_DTYPES[value_type])
    data = stored.tobytes()
    lost = np.isfinite(values) & ~np.isfinite(widen(data, value_type).reshape(values.shape))
    if np.any(lost):
        largest = float(np.abs(values[lost]).max())
        raise ValueError(
            f"a weight of magnitude {largest:g} does not fit into {_NAMES[value_type]}; "
            "store the weights as float32."
        )
    return data


def widen(data: bytes | memoryview, value_type: ValueType) -> npt.NDArray[np.float32]:
    """Read stored values back as float32 [n]; exact."""
    stored = np.frombuffer(data, _DTYPES[value_type])
    if value_type == ValueType.BF16:
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32, copy=False)


def _to_bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    bits = np.ascontiguousarray(values).view(np.uint32)
    half = np.uint32(0x7FFF) + ((bits >> 16) & 1)  # a tie rounds up only if the kept part is odd
    rounded = ((bits + half) >> 16).astype(np.uint16)
    quiet_nan = ((bits >> 16) | 0x40).astype(
        np.uint16
    )  # rounding could turn a NaN into an infinity
    return np.where(np.isnan(values), quiet_nan, rounded)
