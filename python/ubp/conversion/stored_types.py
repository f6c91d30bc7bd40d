# SPDX-License-Identifier: Apache-2.0
"""Stored types: as what a layer's weights lie in the converted file, and weights made int8."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.conversion.candidates import Candidate
from ubp.format import ValueType

_LARGEST = 127  # of symmetric int8 weights


def stored_type(candidate: Candidate, asked: ValueType) -> ValueType:
    """How a layer's weights are stored.

    Args:
        candidate: the layer.
        asked: for all layers. F32 means "as exact as in the file", and is F16 for float16 weights;
            what the file has as int8 stays int8, which is smallest and exact.
    """
    if candidate.stored_as == ValueType.I8:
        return ValueType.I8
    return candidate.stored_as if asked == ValueType.F32 else asked


def quantize(
    weights: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Symmetric int8 weights, with a scale for each channel.

    A channel's scale is its largest magnitude over 127, so that weight = scale * number to within
    half a scale, and zeros stay zeros. Numbers round to nearest, ties to even.

    Args:
        weights: float32 [lanes, channels].

    Returns:
        int8 [lanes, channels], and float32 scales [channels]; 1 for a channel of zeros.

    Raises:
        ValueError: if a weight is not finite, or a channel's weights are too small for a scale.
    """
    if not np.isfinite(weights).all():
        raise ValueError("a weight is not finite, which int8 cannot hold; store it as float32.")
    largest = np.abs(weights).max(axis=0, initial=0)
    scales = (largest / np.float32(_LARGEST)).astype(np.float32)
    if np.any((largest > 0) & (scales < np.finfo(np.float32).tiny)):
        raise ValueError("a channel's weights are too small for int8; store them as float32.")
    scales[largest == 0] = 1
    numbers = np.clip(np.rint(weights / scales), -_LARGEST, _LARGEST).astype(np.int8)
    return numbers, scales
