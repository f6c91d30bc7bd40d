# SPDX-License-Identifier: Apache-2.0
"""Arrays as tensors and back, without a copy where that can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_SHARED = (tf.float16, tf.float32, tf.float64)


def as_tensor(array: npt.NDArray[Any]) -> Any:
    """The tensor of an array, which must not be changed any more and be aligned as of a `Spool`."""
    if array.dtype.kind in "fiu" and array.size:
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.convert_to_tensor(array)


def as_array(tensor: Any) -> npt.NDArray[Any]:
    """The array of a tensor, read-only."""
    if isinstance(tensor, tf.Tensor) and tensor.dtype in _SHARED and "CPU" in tensor.device:
        return np.from_dlpack(tensor)
    return np.asarray(tensor)
