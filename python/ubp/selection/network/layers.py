# SPDX-License-Identifier: Apache-2.0
"""The layers of one budget: the checks of what is given for each, and how much a layer keeps.

`LayerSolver` is all that the search over several layers (allocation.py) and the trade-off curves
(curves/) ask of a layer; it is the NumPy form's or the native core's, which report the same.

Penalties and values are in the layer's own quantised scores (layer/quantised.py). At a penalty
p >= 0 a layer's optimum has

    count   the most blocks of an optimum at p: the k-th best block brings p or more as long as
            k <= count, and less than p after that
    value   f(count), the summed score of these blocks, penalties not subtracted

f is concave (layer/dual.py), so that counts and values fall as p rises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_sequence, check_share
from ubp.lanes import sum_lane_groups
from ubp.selection.layer.lane_program import LaneProgram
from ubp.selection.layer.quantised import quanta_of, quantise
from ubp.selection.layer.select import check_array, max_num_blocks, peak_of
from ubp.selection.native import binding
from ubp.selection.native.form import NUMPY
from ubp.selection.network.limits import Integers, Reals

Importances = Sequence[npt.NDArray[np.floating]]
_Value = TypeVar("_Value", int, float)


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that has been checked.

    Attributes:
        importance: float32 or float64 [lanes, channels], C-contiguous, finite and >= 0.
        block_size: N, 1 to `channels`.
        block_lanes: M, a divisor of `lanes`.
        groups: float [lanes / M, channels], the importance of each M lanes together; C-contiguous.
        peak: the largest of these.
    """

    importance: npt.NDArray[np.floating]
    block_size: int
    block_lanes: int
    groups: npt.NDArray[np.floating]
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
        return lanes // self.block_lanes * (channels // self.block_size)

    @property
    def quanta(self) -> float:
        """The number that stands for the peak in scores, before rounding."""
        return quanta_of(self.shape[1], self.block_size)

    def sample(self, groups: int) -> Layer:
        """About as many of its groups of lanes, evenly spaced, in the same units, as lanes."""
        some = np.ascontiguousarray(self.groups[:: max(1, len(self.groups) // groups)])
        return replace(self, importance=some, block_lanes=1, groups=some)


class LayerSolver(Protocol):
    """A layer that can be solved for any penalty; see the module's description."""

    @property
    def max_score(self) -> int:
        """The best block's score: no block pays at a larger penalty."""

    def solve(self, penalties: Sequence[int]) -> tuple[Integers, Integers]:
        """Counts and values, int64 [penalties] each."""

    def narrow(self, lo: int, hi: int) -> None:
        """Promise that all penalties from now on lie strictly between lo and hi.

        An solver that has solved both may leave out what is the same at both.
        """


class NumpySolver:
    """The solver that LaneProgram is, less the lanes that `narrow` has shown to be settled.

    A lane with as many blocks at lo as at hi has the same best blocks everywhere in between.
    """

    def __init__(self, layer: Layer) -> None:
        quantised = quantise(layer.groups, layer.block_size, layer.peak)
        self._program = LaneProgram.of(quantised)
        self._max_score = self._program.max_score
        self._settled_count = 0
        self._settled_value = 0
        self._solved: dict[int, tuple[Integers, Integers]] = {}  # penalty: counts, values [lanes]

    @property
    def max_score(self) -> int:
        """See `LayerSolver`."""
        return self._max_score

    def solve(self, penalties: Sequence[int]) -> tuple[Integers, Integers]:
        """See `LayerSolver`."""
        solved = self._program.solve(list(penalties))
        self._solved.update(
            zip(penalties, zip(solved.counts, solved.values, strict=True), strict=True)
        )
        return (
            solved.counts.sum(axis=1) + self._settled_count,
            solved.values.sum(axis=1) + self._settled_value,
        )

    def narrow(self, lo: int, hi: int) -> None:
        """See `LayerSolver`."""
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


class NativeSolver:
    """The native core's solver of one layer, which evaluates all lanes every time."""

    def __init__(self, layer: Layer, family: str) -> None:
        scores = binding.LayerScores(
            layer.groups, layer.block_size, layer.peak or 1.0, layer.quanta
        )
        self._prepared = binding.PreparedLayers([scores], family=family)
        self._max_score = int(self._prepared.max_scores()[0])

    @property
    def max_score(self) -> int:
        """See `LayerSolver`."""
        return self._max_score

    def solve(self, penalties: Sequence[int]) -> tuple[Integers, Integers]:
        """See `LayerSolver`."""
        counts, values = self._prepared.evaluate(penalties)
        return counts[:, 0], values[:, 0]

    def narrow(self, lo: int, hi: int) -> None:
        """See `LayerSolver`."""


def solver_of(layer: Layer, form: str) -> LayerSolver:
    """The solver of the form of selection that is in use; see native/form.py."""
    return NumpySolver(layer) if form == NUMPY else NativeSolver(layer, form)


def checked_layers(
    importances: Importances,
    block_size: int | Sequence[int],
    block_lanes: int | Sequence[int],
    form: str,
) -> list[Layer]:
    """The layers, with one block size and number of lanes per block for all, or one for each.

    Raises:
        ValueError: if importance or a block cannot be used; the message names the layer.
    """
    check_sequence("importances", importances, "a list of arrays, one for each layer")
    if len(importances) == 0:
        raise ValueError("importances is empty; expected one array for each layer.")
    sizes = _for_each(block_size, "block_size", len(importances))
    heights = _for_each(block_lanes, "block_lanes", len(importances))
    layers = []
    for index, given in enumerate(zip(importances, sizes, heights, strict=True)):
        try:
            layers.append(_checked_layer(*given, form))
        except ValueError as error:
            raise ValueError(f"layer {index}: {error}") from None
    return layers


def _checked_layer(
    importance: npt.NDArray[np.floating], block_size: int, block_lanes: int, form: str
) -> Layer:
    check_array(importance)
    max_num_blocks(importance.shape, block_size, block_lanes)
    importance = np.ascontiguousarray(importance)
    peak = peak_of(importance, form)
    groups = sum_lane_groups(importance, block_lanes)
    if block_lanes > 1:
        peak = peak_of(groups, form)
    return Layer(importance, block_size, block_lanes, groups, peak)


def checked_densities(density: float | Sequence[float], name: str, num_layers: int) -> Reals:
    """Float64 [layers], one given for all or one for each.

    Raises:
        ValueError: if there are others than that, or what is given is no share.
    """
    densities = _for_each(density, name, num_layers)
    for index, each in enumerate(densities):
        check_share(f"layer {index}: {name}", each)
    return np.array(densities, dtype=np.float64)


def _for_each(value: _Value | Sequence[_Value], name: str, num_layers: int) -> list[_Value]:
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        return [value] * num_layers  # text is refused with the values
    if len(value) != num_layers:
        raise ValueError(
            f"{name} has {len(value)} values for {num_layers} layers; expected one for all or one "
            "for each."
        )
    return list(value)
