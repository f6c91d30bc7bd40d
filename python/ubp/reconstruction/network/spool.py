# SPDX-License-Identifier: Apache-2.0
"""Values of a tensor for all samples, batch by batch, in a temporary file without a name.

It is read and written, not mapped: what is in it is no memory of the process. It goes when it is
closed, or with the process.
"""

from __future__ import annotations

import math
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

_LINE = 64  # bytes


class Spool:
    """Batches of a tensor, written once and in order, read in any order."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        self._batches: list[tuple[int, tuple[int, ...], np.dtype[Any]]] = []
        self._end = 0

    def __len__(self) -> int:
        """Batches written so far."""
        return len(self._batches)

    def append(self, batch: npt.NDArray[Any]) -> None:
        """Write the next batch."""
        self._batches.append((self._end, batch.shape, batch.dtype))
        view = _bytes_of(np.ascontiguousarray(batch))
        self._file.seek(self._end)
        self._end += len(view)
        while view:
            view = view[self._file.write(view) :]

    def read(self, number: int) -> npt.NDArray[Any]:
        """A batch, by its number."""
        start, shape, dtype = self._batches[number]
        batch = _aligned(shape, dtype)
        view = _bytes_of(batch)
        self._file.seek(start)
        while view:
            count = self._file.readinto(view)
            assert count, "a spool is read where it was written"
            view = view[count:]
        return batch

    def close(self) -> None:
        """Delete all."""
        self._file.close()


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array that TensorFlow can take as it is: it begins where a cache line does."""
    size = math.prod(shape) * dtype.itemsize
    space = np.empty(size + _LINE, np.uint8)
    start = -space.ctypes.data % _LINE
    return space[start : start + size].view(dtype).reshape(shape)


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """Those of a contiguous array, to be read or written."""
    return memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
