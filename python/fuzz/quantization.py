# SPDX-License-Identifier: Apache-2.0
"""Numbers as int8: scales and zero points as the standard converter chooses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fuzz.session import Array

LOWEST, HIGHEST = -128, 127
_LEAST_RANGE = 1e-20  # products of two scales are still ordinary numbers


@dataclass(frozen=True)
class Quantization:
    """A number q stands for scale * (q - zero_point)."""

    scale: float
    zero_point: int


def activation_quantization(low: float, high: float, is_binary: bool = False) -> Quantization:
    """For a range, to which zero is added; one that is nothing or infinite counts as -1 to 1.

    is_binary: the scale is the next power of two.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if not _LEAST_RANGE < high - low < np.inf:
        low, high = -1.0, 1.0
    scale = float(np.float32((high - low) / (HIGHEST - LOWEST)))
    if is_binary:
        scale = float(_next_power_of_two(np.float64(scale)))
    zero_point = int(np.clip(np.rint(LOWEST - low / scale), LOWEST, HIGHEST))
    return Quantization(scale, zero_point)


def quantized_weights(
    weights: npt.NDArray[np.float32], axis: int | None, is_binary: bool = False
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """(weights of -127 to 127, scales of each channel of the axis, or one of all if it is None).

    is_binary: scales are the next powers of two.
    """
    others = tuple(i for i in range(weights.ndim) if i != axis)
    most = np.abs(weights).max(axis=others, keepdims=True, initial=0.0)
    most = np.where(most > 0, most, most.max() if most.max() > 0 else 1.0)
    scales = (most / HIGHEST).astype(np.float32)
    if is_binary:
        scales = _next_power_of_two(scales).astype(np.float32)
    return np.rint(weights / scales).astype(np.int8), scales.reshape(-1)


def _next_power_of_two(scales: Any) -> Any:
    return np.exp2(np.ceil(np.log2(scales)))


def quantized(values: Array, quantization: Quantization) -> npt.NDArray[np.int8]:
    """Numbers as int8; those beyond the range become its ends."""
    steps = np.rint(values.astype(np.float64) / quantization.scale) + quantization.zero_point
    clipped: npt.NDArray[np.int8] = np.clip(steps, LOWEST, HIGHEST).astype(np.int8)
    return clipped
