"""Storage of the section `values`: float32 <-> float32, float16 or bfloat16, little-endian.

Both 16-bit types round to nearest, ties to even; every NaN becomes the quiet one.
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
}
_NAMES = {ValueType.F32: "float32", ValueType.F16: "float16", ValueType.BF16: "bfloat16"}


def bytes_per_value(value_type: ValueType) -> int:
    """Bytes one stored weight takes."""
    return _STORED[value_type].itemsize


def narrow(values: npt.NDArray[np.float32], value_type: ValueType) -> bytes:
    """Store float32 values of any shape, in C order.

    Raises:
        ValueError: if a finite value is too large for the type.
    """
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


def widen(data: bytes | memoryview, value_type: ValueType) -> npt.NDArray[np.float32]:
    """Read stored values back as float32 [n]; exact."""
    stored = np.frombuffer(data, _STORED[value_type])
    native = stored.astype(_STORED[value_type].newbyteorder("="), copy=False)
    return native.view(_ARITHMETIC[value_type]).astype(np.float32, copy=False)
