"""The textbook algorithms of libselection_peers.so, which `./run bench selection` builds."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

LIBRARY = Path(__file__).resolve().parents[3] / ".deps" / "lib" / "libselection_peers.so"


class Peers:
    """The loaded library; elements are int32 [lanes, channels], as `quantise` makes them.

    Raises:
        FileNotFoundError: if it is missing.
        OSError: if it cannot be loaded.
    """

    def __init__(self, library: Path = LIBRARY) -> None:
        if not library.is_file():
            raise FileNotFoundError(f"{library}: no such file; `./run bench selection` builds it.")
        self._library = ctypes.CDLL(os.fspath(library))
        pointer, int64 = ctypes.c_void_p, ctypes.c_int64
        self._library.ubp_heap_bed.argtypes = [pointer, int64, int64, int64, int64, pointer]
        self._library.ubp_heap_bed.restype = None
        self._library.ubp_best_score.argtypes = [pointer, int64, int64, int64, int64]
        self._library.ubp_best_score.restype = int64

    def heap_bed(
        self, elements: npt.NDArray[np.int32], block_size: int, num_blocks: int
    ) -> npt.NDArray[np.bool_]:
        """Block expansion and division with one heap: bool [lanes, channels], what is kept."""
        taken = np.empty(elements.shape, dtype=np.bool_)
        self._library.ubp_heap_bed(
            elements.ctypes.data, *elements.shape, block_size, num_blocks, taken.ctypes.data
        )
        return taken

    def best_score(self, elements: npt.NDArray[np.int32], block_size: int, num_blocks: int) -> int:
        """The largest score of exactly m blocks, by the O(n m) dynamic programme."""
        score: int = self._library.ubp_best_score(
            elements.ctypes.data, *elements.shape, block_size, num_blocks
        )
        return score
