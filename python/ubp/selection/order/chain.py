# SPDX-License-Identifier: Apache-2.0
"""The chain: each channel is followed by the one, of those left, that is most like it.

A channel is the column of importances that its layers give it, lane by lane, and its readers output
by output. What would not survive pruning in the best case is set to zero first, in each layer what
lies below the quantile at the sparsity; likeness is the cosine of the angle between columns. This
is the nearest-neighbour heuristic of the travelling salesman.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_TAKEN = -2.0  # less than any cosine


def chain_channels(
    importances: Sequence[npt.NDArray[np.floating]], sparsity: float
) -> npt.NDArray[np.int64]:
    """An order int64 [channels] of channels; it begins with channel 0.

    Args:
        importances: float [any, channels] of each layer, finite and >= 0.
        sparsity: 0 to 1.
    """
    likeness = _cosines(np.concatenate([_survivors(layer, sparsity) for layer in importances]))
    order = np.zeros(len(likeness), dtype=np.int64)
    for place in range(1, len(order)):
        likeness[:, order[place - 1]] = _TAKEN
        order[place] = likeness[order[place - 1]].argmax()
    return order


def _survivors(importance: npt.NDArray[np.floating], sparsity: float) -> npt.NDArray[np.float32]:
    threshold = np.quantile(importance, sparsity)
    return np.where(importance >= threshold, importance, 0).astype(np.float32)


def _cosines(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Float32 [channels, channels]; 0 for a column of zeros."""
    lengths = np.linalg.norm(columns, axis=0)
    unit = (columns / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit.T @ unit
