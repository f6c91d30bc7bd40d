# SPDX-License-Identifier: Apache-2.0
"""Columns: all samples of one input, of which some at a time become an array.

A column is in memory, mapped from a file, or a list of pictures whose files are read once: their
pixels are then kept as bytes in a temporary file without a name, which goes with the process.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.data.inputs import Array
from ubp.data.pictures import read_picture
from ubp.data.preprocessing import Preprocessing
from ubp.progress import ProgressBar

_FEW = 100  # pictures that are read without a bar


class Column:
    """Samples [samples, ...] of one input.

    Args:
        array: of all of them, as they were given.
        dtype: what the model takes.
        convert: from what was given to what the model takes; a cast where it is None.
    """

    def __init__(
        self,
        array: Array,
        dtype: np.dtype[Any],
        convert: Callable[[Any], Array] | None = None,
    ) -> None:
        self._array, self._dtype, self._convert = array, dtype, convert

    def __len__(self) -> int:
        return len(self._array)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        return tuple(self._array.shape[1:])

    def rows(self, numbers: npt.NDArray[np.intp]) -> Array:
        """Some of the samples, contiguous, of the model's type."""
        chosen = np.asarray(self._array[numbers])
        values = chosen if self._convert is None else self._convert(chosen)
        return np.ascontiguousarray(values.astype(self._dtype, copy=False))


class Spool:
    """Arrays of one shape and type, one after the other, in a temporary file without a name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as this is
        self._shape: tuple[int, ...] = ()
        self._dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._rows = 0

    def append(self, rows: Array, what: str) -> None:
        """Add rows [any, ...].

        Raises:
            ValueError: if they have another shape or type than those before.
        """
        if not self._rows:
            self._shape, self._dtype = rows.shape[1:], rows.dtype
        if rows.shape[1:] != self._shape:
            raise ValueError(
                f"{what}: a sample of shape {rows.shape[1:]} behind one of {self._shape}; expected "
                "one size for all."
            )
        if rows.dtype != self._dtype:
            raise ValueError(
                f"{what}: a sample of type {rows.dtype} behind one of {self._dtype}; expected one "
                "type for all."
            )
        data = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        while data:
            data = data[self._file.write(data) :]
        self._rows += len(rows)

    def __getitem__(self, row: int) -> Array:
        """One row, read from the file."""
        size = self._dtype.itemsize * math.prod(self._shape)
        values = np.empty(self._shape, self._dtype)
        view, at = values.reshape(-1).view(np.uint8).data, row * size
        while view:
            count = os.preadv(self._file.fileno(), [view], at)
            view, at = view[count:], at + count
        return values

    def array(self) -> Array:
        """All rows, mapped."""
        if not self._rows or 0 in self._shape:
            return np.zeros((self._rows, *self._shape), self._dtype)
        mapped: Array = np.memmap(self._file, self._dtype, "r", 0, (self._rows, *self._shape))
        return mapped


def picture_column(
    paths: Sequence[Path],
    size: tuple[int, int],
    channels: int,
    preprocess: Preprocessing,
    progress: bool,
) -> Column:
    """A column of pictures.

    Args:
        paths: of their files.
        size: height and width.
        channels: 1 or 3.
        preprocess: from pixels to values.
        progress: show a bar if there are many.

    Raises:
        ValueError: if one of them is no picture.
        ImportError: if Pillow is not installed.
    """
    spool = Spool()
    with ProgressBar(paths, desc="pictures", disable=not progress or len(paths) < _FEW) as bar:
        for path in bar:
            spool.append(read_picture(path, size, channels, preprocess.fit)[None], str(path))
    return Column(spool.array(), np.dtype(np.float32), preprocess.apply)
