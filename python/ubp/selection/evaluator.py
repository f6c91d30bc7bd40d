"""One layer as the search over several layers sees it: how much is kept at which penalty.

`LayerEvaluator` is all that the search (allocation.py) and the trade-off curves (tradeoff.py) ask
of a layer; it is the NumPy form's or the native core's, which report the same.

Penalties and values are in the layer's own quantised scores (quantised.py). At a penalty p >= 0
the evaluator reports

    count   the most blocks of an optimum at p: the k-th best block brings p or more as long as
            k <= count, and less than p after that
    value   f(count), the summed score of these blocks, penalties not subtracted

f is concave (penalty.py), so that counts and values fall as p rises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ubp.selection import native
from ubp.selection.backend import NUMPY
from ubp.selection.lane_program import LaneProgram
from ubp.selection.quantised import quanta_of, quantise
from ubp.selection.worth import Integers


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that has been checked.

    Attributes:
        importance: float32 or float64 [lanes, channels], C-contiguous, finite and >= 0.
        block_size: N, 1 to `channels`.
        peak: the layer's largest importance.
    """

    importance: npt.NDArray[np.floating]
    block_size: int
    peak: float

    @property
    def shape(self) -> tuple[int, int]:
        """(lanes, channels)."""
        lanes, channels = self.importance.shape
        return lanes, channels

    @property
    def max_blocks(self) -> int:
        """The most blocks that can be packed, which is the count at penalty 0."""
        lanes, channels = self.shape
        return lanes * (channels // self.block_size)

    @property
    def quanta(self) -> float:
        """The number that stands for the peak in scores, before rounding."""
        return quanta_of(self.shape[1], self.block_size)

    def sample(self, lanes: int) -> Layer:
        """About as many of its lanes, evenly spaced, in the same units."""
        every = max(1, self.shape[0] // lanes)
        return replace(self, importance=np.ascontiguousarray(self.importance[::every]))


class LayerEvaluator(Protocol):
    """A layer that can be solved for any penalty; see the module's description."""

    @property
    def max_score(self) -> int:
        """The best block's score: no block pays at a larger penalty."""

    def evaluate(self, penalties: Sequence[int]) -> tuple[Integers, Integers]:
        """Counts and values, int64 [penalties] each."""

    def narrow(self, lo: int, hi: int) -> None:
        """Promise that all penalties from now on lie strictly between lo and hi.

        An evaluator that has solved both may leave out what is the same at both.
        """


class NumpyEvaluator:
    """The evaluator that LaneProgram is, less the lanes that `narrow` has shown to be settled.

    A lane with as many blocks at lo as at hi has the same best blocks everywhere in between.
    """

    def __init__(self, layer: Layer) -> None:
        quantised = quantise(layer.importance, layer.block_size, layer.peak)
        self._program = LaneProgram.of(quantised)
        self._max_score = self._program.max_score
        self._settled_count = 0
        self._settled_value = 0
        self._solved: dict[int, tuple[Integers, Integers]] = {}  # penalty: counts, values [lanes]

    @property
    def max_score(self) -> int:
        """See `LayerEvaluator`."""
        return self._max_score

    def evaluate(self, penalties: Sequence[int]) -> tuple[Integers, Integers]:
        """See `LayerEvaluator`."""
        solved = self._program.solve(list(penalties))
        self._solved.update(
            zip(penalties, zip(solved.counts, solved.values, strict=True), strict=True)
        )
        return (
            solved.counts.sum(axis=1) + self._settled_count,
            solved.values.sum(axis=1) + self._settled_value,
        )

    def narrow(self, lo: int, hi: int) -> None:
        """See `LayerEvaluator`."""
        self._solved = {p: self._solved[p] for p in (lo, hi) if p in self._solved}
        if len(self._solved) < 2:
            return
        counts, values = self._solved[lo]
        unsettled = counts != self._solved[hi][0]
        if unsettled.all():
            return
        self._settled_count += int(counts[~unsettled].sum())
        self._settled_value += int(values[~unsettled].sum())
        self._program = self._program.subset(unsettled)
        self._solved = {p: (c[unsettled], v[unsettled]) for p, (c, v) in self._solved.items()}


class NativeEvaluator:
    """The native core's evaluator of one layer, which evaluates all lanes every time."""

    def __init__(self, layer: Layer, family: str) -> None:
        scores = native.LayerScores(
            layer.importance, layer.block_size, layer.peak or 1.0, layer.quanta
        )
        self._prepared = native.PreparedLayers([scores], family=family)
        self._max_score = int(self._prepared.max_scores()[0])

    @property
    def max_score(self) -> int:
        """See `LayerEvaluator`."""
        return self._max_score

    def evaluate(self, penalties: Sequence[int]) -> tuple[Integers, Integers]:
        """See `LayerEvaluator`."""
        counts, values = self._prepared.evaluate(penalties)
        return counts[:, 0], values[:, 0]

    def narrow(self, lo: int, hi: int) -> None:
        """See `LayerEvaluator`."""


def evaluator_of(layer: Layer, core: str) -> LayerEvaluator:
    """The evaluator of the form of selection that is in use; see backend.py."""
    return NumpyEvaluator(layer) if core == NUMPY else NativeEvaluator(layer, core)
