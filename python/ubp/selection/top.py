"""The m largest of many numbers, ties resolved in favour of the first ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def top_indices(values: npt.NDArray[np.integer[Any]], count: int) -> npt.NDArray[np.int64]:
    """Sorted int64 indices of the `count` largest of values [n], 1 <= count <= n."""
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = values > threshold
    ties = np.flatnonzero(values == threshold)
    above[ties[: count - np.count_nonzero(above)]] = True
    return np.flatnonzero(above).astype(np.int64)
