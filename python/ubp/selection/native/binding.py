# SPDX-License-Identifier: Apache-2.0
"""The native core: `libubp_selection.so`, the same methods as in NumPy, faster and with threads.

    with PreparedLayers([LayerScores(importance, 4, peak, quanta)]) as layers:
        counts, values = layers.evaluate(penalties)  # what layers keep at a penalty per block
        chosen = layers.select(num_blocks)  # exactly m blocks of all layers together

The library is built by Bazel from the sources beside this file and needs no compiler to load. It
gives the same blocks as the NumPy form, whatever the instruction set and the number of threads.
form.py decides which of the two is used.

Scores and penalties here are integers, in units of 1 / quanta of the layer's peak (see
layer/quantised.py). Layers that share peak / quanta have comparable scores; only for them does
`select` make sense over several layers. `evaluate` and `trace` take a penalty per layer, and so
serve layers of any scale and cost: for a real penalty x of a layer, ceil(x) has the same best
blocks (layer/lane_program.py).
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

LIBRARY = Path(__file__).parents[2] / "lib" / "libubp_selection.so"
_INTERFACE = 1  # UBP_SELECTION_INTERFACE of api.h
_METHODS = {"optimal": 0, "aligned": 1, "greedy": 2, "bed": 3}

_Int64s = npt.NDArray[np.int64]


class _Layer(ctypes.Structure):
    _fields_ = (
        ("importance", ctypes.c_void_p),
        ("value_bytes", ctypes.c_int64),
        ("lanes", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("block_size", ctypes.c_int64),
        ("peak", ctypes.c_double),
        ("quanta", ctypes.c_double),
    )


class _Dual(ctypes.Structure):
    _fields_ = (("penalty", ctypes.c_int64), ("value", ctypes.c_int64))


@dataclass(frozen=True, eq=False)
class LayerScores:
    """One layer for the native core.

    Attributes:
        importance: float32 or float64 [lanes, channels], finite and >= 0.
        block_size: N, 1 to `channels`.
        peak: the importance, > 0, that becomes `quanta` before rounding.
        quanta: such that a block's score is at most 2^29 - 1 before rounding; see `quanta_of`.
    """

    importance: npt.NDArray[np.floating]
    block_size: int
    peak: float
    quanta: float


@dataclass(frozen=True, eq=False)
class LayerBlocks:
    """Kept blocks of one layer, sorted by (lane, start).

    Attributes:
        lanes: int64 [blocks].
        starts: int64 [blocks].
    """

    lanes: _Int64s
    starts: _Int64s


@dataclass(frozen=True, eq=False)
class Chosen:
    """Exactly m blocks of all layers together.

    Attributes:
        layers: the blocks of each layer.
        sums: the importance inside them, per layer, in the caller's units.
        penalty: the integer penalty lambda that minimises the Lagrangian dual.
        value: the dual's minimum: the largest score of m blocks that start anywhere.
    """

    layers: list[LayerBlocks]
    sums: list[float]
    penalty: int
    value: int


def families() -> tuple[str, ...]:
    """Kernel families that this processor can run, fastest first; empty without a library.

    Raises:
        OSError: if there is a library, but it cannot be loaded here or is of another version.
    """
    if not LIBRARY.is_file():
        return ()
    names: list[str] = []
    while name := _library().ubp_selection_family(len(names)):
        names.append(name.decode())
    return tuple(names)


def peak_of(importance: npt.NDArray[np.floating], family: str) -> float | None:
    """The largest value of a C-contiguous array; None if any is negative or not finite."""
    peak = ctypes.c_double()
    valid = _library().ubp_selection_peak(
        family.encode(),
        importance.ctypes.data,
        importance.itemsize,
        importance.size,
        ctypes.byref(peak),
    )
    return peak.value if valid else None


class PreparedLayers:
    """Layers quantised and laid out for the kernels; freed with the `with` block, or the object.

    Preparing costs a copy of the scores (4 bytes per weight) and about as much time as three calls
    of `evaluate`. The importance must not change meanwhile. Not for use by several threads at once.

    Args:
        layers: at least one.
        family: of kernels, one of `families()`; by default the fastest.
        threads: including the caller's; the results do not depend on it.

    Raises:
        MemoryError: if memory does not suffice.
        OSError: if the threads cannot be started.
    """

    def __init__(
        self, layers: Sequence[LayerScores], *, family: str | None = None, threads: int = 1
    ) -> None:
        library = _library()
        self._importance = [np.ascontiguousarray(layer.importance) for layer in layers]
        described = (_Layer * len(layers))(*map(_describe, layers, self._importance))
        handle = ctypes.c_void_p()
        name = (family or families()[0]).encode()
        _check(
            library.ubp_selection_open(name, threads, len(layers), described, ctypes.byref(handle))
        )
        self._handle = handle
        self._close = weakref.finalize(self, library.ubp_selection_close, handle)

    def max_scores(self) -> _Int64s:
        """The best block's score of each layer: int64 [layers]."""
        scores = np.empty(len(self._importance), dtype=np.int64)
        _library().ubp_selection_max_scores(self._handle, scores.ctypes.data)
        return scores

    def evaluate(self, penalties: npt.ArrayLike) -> tuple[_Int64s, _Int64s]:
        """What every layer keeps when each of its blocks costs a penalty.

        Of solutions that are equally good, those with the most blocks count. One pass over the
        scores serves two points. A penalty of 0 or less packs a layer full, one above its best
        score leaves it empty.

        Args:
            penalties: int64 [points, layers].

        Returns:
            counts, int64 [points, layers], number of blocks; values, int64 [points, layers], their
            total score, from which no penalties are subtracted.
        """
        points = np.ascontiguousarray(penalties, dtype=np.int64)
        points = points.reshape(-1, len(self._importance))
        counts, values = np.empty_like(points), np.empty_like(points)
        arrays = (points.ctypes.data, counts.ctypes.data, values.ctypes.data)
        _check(_library().ubp_selection_evaluate(self._handle, len(points), *arrays))
        return counts, values

    def trace(self, penalties: npt.ArrayLike) -> list[LayerBlocks]:
        """The blocks that `evaluate` counts, for one vector of penalties, int64 [layers]."""
        point = np.ascontiguousarray(penalties, dtype=np.int64).reshape(len(self._importance))
        counts, _ = self.evaluate(point)
        lanes, starts = _empty_blocks(int(counts.sum()))
        _check(
            _library().ubp_selection_trace(
                self._handle, point.ctypes.data, lanes.ctypes.data, starts.ctypes.data
            )
        )
        return _split(lanes, starts, counts[0])

    def select(self, num_blocks: int, method: str = "optimal") -> Chosen:
        """Choose exactly m blocks of all layers together; layers may have different N.

        Args:
            num_blocks: m, from 1 to the most that can be packed.
            method: "optimal", or for a single layer also "aligned", "greedy" or "bed".
        """
        lanes, starts = _empty_blocks(num_blocks)
        counts = np.empty(len(self._importance), dtype=np.int64)
        sums = np.empty(len(self._importance), dtype=np.float64)
        dual = _Dual()
        arrays = (array.ctypes.data for array in (lanes, starts, counts, sums))
        _check(
            _library().ubp_selection_select(
                self._handle, _METHODS[method], num_blocks, *arrays, ctypes.byref(dual)
            )
        )
        return Chosen(_split(lanes, starts, counts), sums.tolist(), dual.penalty, dual.value)

    def close(self) -> None:
        """Free the memory; the object is of no use afterwards."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _describe(layer: LayerScores, importance: npt.NDArray[np.floating]) -> _Layer:
    lanes, channels = importance.shape
    return _Layer(
        importance.ctypes.data,
        importance.itemsize,
        lanes,
        channels,
        layer.block_size,
        layer.peak,
        layer.quanta,
    )


def _empty_blocks(count: int) -> tuple[_Int64s, _Int64s]:
    return np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)


def _split(lanes: _Int64s, starts: _Int64s, counts: _Int64s) -> list[LayerBlocks]:
    ends = np.cumsum(counts)[:-1]
    pairs = zip(np.split(lanes, ends), np.split(starts, ends), strict=True)
    return [LayerBlocks(*pair) for pair in pairs]


def _check(status: int) -> None:
    if status == 1:
        raise MemoryError("the memory does not suffice for the scores of the blocks.")
    if status == 2:
        raise OSError("the threads for the selection of blocks cannot be started; ask for fewer.")


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL(os.fspath(LIBRARY))
        interface = library.ubp_selection_interface()
    except (OSError, AttributeError) as error:
        raise OSError(
            f"{LIBRARY} cannot be loaded as the core of block selection: {error}; run './run "
            "build' in a checkout, reinstall the package, or set UBP_SELECTION=numpy."
        ) from error
    if interface != _INTERFACE:
        raise OSError(
            f"{LIBRARY} has the interface {interface}, but this package needs {_INTERFACE}; run "
            "'./run build' in a checkout, or reinstall the package."
        )
    pointer, int64 = ctypes.c_void_p, ctypes.c_int64
    library.ubp_selection_family.restype = ctypes.c_char_p
    library.ubp_selection_peak.argtypes = [ctypes.c_char_p, pointer, int64, int64, pointer]
    library.ubp_selection_open.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int,
        int64,
        ctypes.POINTER(_Layer),
        pointer,
    ]
    library.ubp_selection_close.argtypes = [pointer]
    library.ubp_selection_close.restype = None
    library.ubp_selection_max_scores.argtypes = [pointer, pointer]
    library.ubp_selection_max_scores.restype = None
    library.ubp_selection_evaluate.argtypes = [pointer, int64, pointer, pointer, pointer]
    library.ubp_selection_trace.argtypes = [pointer] * 4
    library.ubp_selection_select.argtypes = [pointer, ctypes.c_int, int64, *[pointer] * 5]
    return library
