# SPDX-License-Identifier: Apache-2.0
"""The weights that blocks are selected from, and everything that is timed on them, taking turns.

That is this project's methods in all their forms, and the textbook algorithms of peers.h.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt

from bench.selection.report import (
    ALIGNED,
    BED,
    GLOBAL,
    GREEDY,
    HEAP_BED,
    NUMPY_OPTIMAL,
    OPTIMAL,
    PROGRAMME,
    Result,
)
from ubp.selection import native, select_blocks
from ubp.selection.layer.quantised import quanta_of, quantise
from ubp.selection.native.form import NUMPY, VARIABLE
from ubp.timing.interleaved import interleave

LIBRARY = Path(__file__).resolve().parents[3] / ".deps" / "lib" / "libselection_peers.so"
FULL = ("512x512", "4608x512", "ResNet50")
QUICK = ("64x256",)
_SEED = 0

Shape = tuple[int, int]
Importance = Sequence[npt.NDArray[np.float32]]


def measure(case: Case, block_size: int, sparsity: int, rounds: int, peers: Peers) -> list[Result]:
    """Time every contender of a case, and compare what they keep.

    Raises:
        RuntimeError: if two forms of the optimum do not keep the same importance.
    """
    entrants = list(contenders(case, case.importance(), block_size, sparsity, peers))
    kept = [entrant.run() for entrant in entrants]
    _check(case, entrants, kept)
    # By number: a contender may enter on several instruction sets.
    timers = {str(i): partial(_time, entrant) for i, entrant in enumerate(entrants)}
    times = interleave(timers, rounds, 1).block_medians_ms
    reference = times["0"]
    return [
        Result(
            case.name,
            entrant.name,
            entrant.family,
            times[str(i)].tolist(),
            median(times[str(i)] / reference),
            kept[i] / kept[0],
        )
        for i, entrant in enumerate(entrants)
    ]


def _time(entrant: Contender, block: int) -> Sequence[float]:
    times = []
    for _ in range(block):
        begin = perf_counter()
        entrant.run()
        times.append(1e3 * (perf_counter() - begin))
    return times


def _check(case: Case, entrants: Sequence[Contender], kept: Sequence[float]) -> None:
    """The forms of the optimum are equal; the programme's is without the last rounding."""
    for entrant, importance in zip(entrants, kept, strict=True):
        exact = entrant.name == entrants[0].name or entrant.family == "numpy"
        if (exact and importance != kept[0]) or (
            entrant.name == PROGRAMME and abs(importance / kept[0] - 1) > 1e-6
        ):
            raise RuntimeError(
                f"{case.name}: {entrant.name} on {entrant.family} keeps {importance!r}, but "
                f"{entrants[0].name} on {entrants[0].family} {kept[0]!r}."
            )


# ---- weights -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Layers that one selection, or one after the other, is timed on.

    shapes: (lanes, channels) of each layer.
    dynamic_programme: whether the O(n m) programme is feasible.
    """

    name: str
    shapes: tuple[Shape, ...]
    dynamic_programme: bool = False

    @property
    def num_weights(self) -> int:
        """Of all layers."""
        return sum(lanes * channels for lanes, channels in self.shapes)

    def importance(self) -> list[npt.NDArray[np.float32]]:
        """Absolute values of weights as training leaves them, float32 [lanes, channels] per layer.

        Gaussian, with a spread of their own for each lane and each channel.
        """
        rng = np.random.default_rng(_SEED)
        return [_weights(shape, rng) for shape in self.shapes]


def cases() -> dict[str, Case]:
    """All cases, by name."""
    resnet = tuple(_resnet50())
    every = (
        Case("64x256", ((64, 256),), dynamic_programme=True),
        Case("512x512", ((512, 512),), dynamic_programme=True),
        Case("4608x512", ((4608, 512),)),
        Case("ResNet50", resnet),
    )
    return {case.name: case for case in every}


def _weights(shape: Shape, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    spread = np.exp(0.3 * rng.standard_normal((shape[0], 1)))
    spread = spread * np.exp(0.3 * rng.standard_normal((1, shape[1])))
    return np.abs(spread * rng.standard_normal(shape)).astype(np.float32)


def _resnet50() -> Iterator[Shape]:
    """The 53 convolutions of ResNet50 (arXiv 1512.03385, table 1)."""
    yield 7 * 7 * 3, 64
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            if block == 0:
                yield inputs, 4 * width
            yield inputs, width
            yield 3 * 3 * width, width
            yield width, 4 * width
            inputs = 4 * width


# ---- contenders ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contender:
    """One way to select blocks from all layers of a case.

    family: the instruction set it is compiled for or picks; "numpy", or "-" for the peers.
    run: does the work, and returns the importance inside the blocks.
    """

    name: str
    family: str
    run: Callable[[], float]


def contenders(
    case: Case, importance: Importance, block_size: int, sparsity: int, peers: Peers
) -> Iterator[Contender]:
    """Everything that can run the case; the first is the reference of all ratios."""
    density = 1 - sparsity / 100
    counts = [round(density * layer.size / block_size) for layer in importance]
    families = native.families()

    def select(family: str, method: str) -> Callable[[], float]:
        def run() -> float:
            with _forced(family):
                return sum(
                    select_blocks(layer, block_size, num_blocks=count, method=method).score
                    for layer, count in zip(importance, counts, strict=True)
                )

        return run

    for family in families:
        yield Contender(OPTIMAL, family, select(family, "optimal"))
    yield Contender(NUMPY_OPTIMAL, NUMPY, select(NUMPY, "optimal"))
    for method in (BED, GREEDY, ALIGNED):
        yield Contender(method, families[0], select(families[0], method))
    if len(importance) > 1:
        yield Contender(
            GLOBAL, families[0], lambda: _select_global(importance, block_size, sum(counts))
        )
    layers = [quantise(layer, block_size) for layer in importance]

    def heap_bed() -> float:
        masks = [
            peers.heap_bed(layer.elements, block_size, count)
            for layer, count in zip(layers, counts, strict=True)
        ]
        return sum(
            float(values[mask].sum(dtype=np.float64))
            for values, mask in zip(importance, masks, strict=True)
        )

    def programme() -> float:
        return sum(
            peers.best_score(layer.elements, block_size, count) / layer.quanta * layer.peak
            for layer, count in zip(layers, counts, strict=True)
        )

    yield Contender(HEAP_BED, "-", heap_bed)
    if case.dynamic_programme:
        yield Contender(PROGRAMME, "-", programme)


def _select_global(importance: Importance, block_size: int, num_blocks: int) -> float:
    peak = max(float(layer.max()) for layer in importance)
    quanta = min(quanta_of(layer.shape[1], block_size) for layer in importance)
    layers = [native.LayerScores(layer, block_size, peak, quanta) for layer in importance]
    with native.PreparedLayers(layers) as prepared:
        return sum(prepared.select(num_blocks).sums)


@contextmanager
def _forced(backend: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = backend
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


# ---- textbook algorithms -------------------------------------------------------------------------


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
