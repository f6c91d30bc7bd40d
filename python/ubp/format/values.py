# SPDX-License-Identifier: Apache-2.0
"""Storage of the section `values`: float32, float16, bfloat16 or int8, little-endian.

Both 16-bit types round to nearest, ties to even; every NaN becomes the quiet one. Int8 is stored as
it is: what it stands for is said by the section `scales`.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ubp.format.attributes import ValueType

# What rounds and widens, and how its bits are stored.
_ARITHMETIC: dict[ValueType, np.dtype[Any]] = {
    ValueType.F32: np.dtype(np.float32),
    ValueType.F16: np.dtype(np.float16),
    ValueType.BF16: np.dtype(ml_dtypes.bfloat16),
}
_STORED: dict[ValueType, np.dtype[Any]] = {
    ValueType.F32: np.dtype("<f4"),
    ValueType.F16: np.dtype("<f2"),
    ValueType.BF16: np.dtype("<u2"),
    ValueType.I8: np.dtype(np.int8),
}
_NAMES = {ValueType.F32: "float32", ValueType.F16: "float16", ValueType.BF16: "bfloat16"}


def bytes_per_value(value_type: ValueType) -> int:
    """Bytes one stored weight takes."""
    return _STORED[value_type].itemsize


def array_type(value_type: ValueType) -> np.dtype[Any]:
    """Of the arrays that are stored so: int8 for I8, else float32."""
    return np.dtype(np.int8 if value_type == ValueType.I8 else np.float32)


def narrow(values: npt.NDArray[Any], value_type: ValueType) -> bytes:
    """Store values of any shape, in C order; of the type that `array_type` says.

    Raises:
        ValueError: if a finite value is too large for the type.
    """
    if value_type == ValueType.I8:
        return values.tobytes()
    with np.errstate(over="ignore", invalid="ignore"):  # reported below; NaN
        stored = values.astype(_ARITHMETIC[value_type])
    data = stored.view(_STORED[value_type].newbyteorder("=")).astype(_STORED[value_type]).tobytes()
    lost = np.isfinite(values) & ~np.isfinite(widen(data, value_type).reshape(values.shape))
    if np.any(lost):
        largest = float(np.abs(values[lost]).max())
        raise ValueError(
            f"a weight of magnitude {largest:g} does not fit into {_NAMES[value_type]}; "
            "store the weights as float32."
        )
    return data


def widen(data: bytes | memoryview, value_type: ValueType) -> npt.NDArray[Any]:
    """Read stored values back, [n], as `array_type` says; exact."""
    stored = np.frombuffer(data, _STORED[value_type])
    if value_type == ValueType.I8:
        return stored
    native = stored.astype(_STORED[value_type].newbyteorder("="), copy=False)
    return native.view(_ARITHMETIC[value_type]).astype(np.float32, copy=False)
