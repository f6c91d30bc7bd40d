# SPDX-License-Identifier: Apache-2.0
"""Arrays of .npy and .npz files, of which no more is read than is asked for where that can be."""

from __future__ import annotations

import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.data.damaged import DAMAGED

# NumPy reads a header as Python.
_DAMAGED = (*DAMAGED, tokenize.TokenError, zipfile.BadZipFile)


def read_npy(path: Path) -> npt.NDArray[Any]:
    """The array of a .npy file, in memory.

    Raises:
        ValueError: if it is none, or a damaged one.
    """
    try:
        with path.open("rb") as file:
            array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    return array


def map_npy(path: Path) -> npt.NDArray[Any]:
    """As `read_npy`, but left on the disk until it is used."""
    try:
        array: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    return array


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a .npz file by name, in memory.

    Raises:
        ValueError: if it is none, or a damaged one.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except _DAMAGED as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ValueError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(f"{path}: not a NumPy file ({reason}).")
