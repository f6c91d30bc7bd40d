# SPDX-License-Identifier: Apache-2.0
"""ubp.format.values: rounding of 16-bit weights, special values, overflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubp.format import ValueType
from ubp.format.values import array_type, bytes_per_value, narrow, widen

F32_MAX = float(np.finfo(np.float32).max)
any_bits = st.lists(st.integers(0, 2**32 - 1), min_size=1).map(
    lambda bits: np.array(bits, np.uint32).view(np.float32)
)


def round_trip(values: np.ndarray, value_type: ValueType) -> np.ndarray:
    return widen(narrow(values, value_type), value_type)


@given(any_bits)
def test_f32_keeps_every_bit(values: np.ndarray) -> None:
    assert narrow(values, ValueType.F32) == values.tobytes()
    assert round_trip(values, ValueType.F32).tobytes() == values.tobytes()


def upper_half(values: np.ndarray) -> np.ndarray:
    """Rounded to the upper 16 bits, to nearest, ties to even; NaN apart."""
    bits = values.view(np.uint32).astype(np.int64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    return rounded.astype(np.uint32).view(np.float32)


@given(any_bits)
def test_bf16_rounds_to_nearest_even(values: np.ndarray) -> None:
    numbers = values[~np.isnan(values)]
    expected = upper_half(numbers)
    fits = np.isfinite(expected) | np.isinf(numbers)
    np.testing.assert_array_equal(round_trip(numbers[fits], ValueType.BF16), expected[fits])


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF])
def test_bf16_keeps_every_nan_one(bits: int) -> None:
    values = np.array([bits], np.uint32).view(np.float32)
    assert np.isnan(round_trip(values, ValueType.BF16)).all()


def test_bf16_is_the_upper_half_of_a_float32_lowest_byte_first() -> None:
    assert narrow(np.array([1.0], np.float32), ValueType.BF16) == b"\x80\x3f"
    assert widen(b"\x80\xbf", ValueType.BF16).tolist() == [-1.0]


@given(st.lists(st.floats(-65504, 65504, width=32), min_size=1))
def test_f16_rounds_as_numpy_does(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    expected = values.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(round_trip(values, ValueType.F16), expected)


@pytest.mark.parametrize("value_type", [ValueType.F32, ValueType.F16, ValueType.BF16])
def test_special_values_survive(value_type: ValueType) -> None:
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    back = round_trip(values, value_type)
    np.testing.assert_array_equal(back, values)
    np.testing.assert_array_equal(np.signbit(back[:4]), np.signbit(values[:4]))


@pytest.mark.parametrize(
    ("value_type", "value", "name"),
    [
        (ValueType.F16, 65520.0, "float16"),
        (ValueType.F16, -1e6, "float16"),
        (ValueType.BF16, F32_MAX, "bfloat16"),
    ],
)
def test_overflow_is_an_error(value_type: ValueType, value: float, name: str) -> None:
    with pytest.raises(ValueError, match=f"does not fit into {name}"):
        narrow(np.array([1.0, value], np.float32), value_type)


@pytest.mark.parametrize(("value_type", "size"), [("F32", 4), ("F16", 2), ("BF16", 2)])
def test_bytes_per_value(value_type: str, size: int) -> None:
    assert bytes_per_value(ValueType[value_type]) == size
    assert len(narrow(np.ones((3, 5), np.float32), ValueType[value_type])) == 15 * size


def test_int8_is_stored_as_it_is() -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    assert bytes_per_value(ValueType.I8) == 1
    assert narrow(values.reshape(16, 16), ValueType.I8) == values.tobytes()
    back = round_trip(values, ValueType.I8)
    assert back.dtype == array_type(ValueType.I8) == np.int8
    np.testing.assert_array_equal(back, values)
