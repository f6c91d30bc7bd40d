"""What is timed: this project's methods in all their forms, and the textbook algorithms."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.blocks.layers import Case
from bench.blocks.peers import Peers
from ubp.selection import native, select_blocks
from ubp.selection.layer.quantised import quanta_of, quantise
from ubp.selection.native.form import NUMPY, VARIABLE

Importance = Sequence[npt.NDArray[np.float32]]

OPTIMAL, NUMPY_OPTIMAL, GLOBAL = "optimal", "optimal, NumPy", "optimal, one m for all layers"
HEAP_BED, PROGRAMME = "BED with a heap", "dynamic programme"
BED, GREEDY, ALIGNED = "bed", "greedy", "aligned"


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
