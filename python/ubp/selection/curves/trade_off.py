# SPDX-License-Identifier: Apache-2.0
"""How much importance each layer keeps at which density: `tradeoff_curves` and what it returns.

f(m), the largest importance of m blocks, is concave (layer/dual.py). Solving a layer for a penalty
gives a point of f and a tangent there, so points enclose the whole of f:

    chord between neighbouring points <= f <= the lower of the tangents at them

The sandwich algorithm (Rote, "The convergence rate of the sandwich algorithm for approximating
convex functions", Computing 48, 1992) solves next for the penalty that is the chord's slope, which
finds the point farthest from the chord. The gap falls with the square of the number of points.

The curves are immutable, so that threads may share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_number, check_sequence, shown
from ubp.progress import ProgressBar
from ubp.selection.native.form import backend
from ubp.selection.network.layers import (
    Importances,
    Layer,
    LayerSolver,
    checked_layers,
    solver_of,
)
from ubp.selection.network.limits import Integers, Reals
from ubp.selection.network.select import GlobalSelection

_ROUNDING = 2**-40  # covers products and sums of float64, relatively


@dataclass(frozen=True, eq=False)
class TradeoffCurve:
    """One layer's largest kept importance for any number of blocks, between certain bounds.

    The arrays are of the points where it was solved, from no block to as many as fit.

    Attributes:
        name: of the layer.
        shape: (lanes, channels).
        block_size: N.
        num_blocks: int64 [points], rising.
        importance: float64 [points], the importance that these many blocks keep at most, in the
            caller's units and up to the rounding of quantised.py.
        penalties: float64 [points], a block's price, in units of importance, at which they are
            best, falling: the slope of the curve.
        total: all importance of the layer.
        hidden: how much importance rounding hides of a block at most.
        block_lanes: M.
    """

    name: str
    shape: tuple[int, int]
    block_size: int
    num_blocks: Integers
    importance: Reals
    penalties: Reals
    total: float
    hidden: float
    block_lanes: int = 1

    @property
    def density(self) -> Reals:
        """Float64 [points]: the share of weights kept."""
        lanes, channels = self.shape
        block = self.block_size * self.block_lanes
        return np.asarray(self.num_blocks * block / (lanes * channels), dtype=np.float64)

    @property
    def kept(self) -> Reals:
        """Float64 [points]: the share of importance kept; 1 in a layer that has none."""
        if self.total == 0.0:
            return np.ones(len(self.importance))
        return self.importance / self.total

    def bounds(self, num_blocks: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Certificates: what any numbers of blocks keep at least and at most at their best.

        Args:
            num_blocks: [...], 0 to the most that fit.

        Returns:
            (lower, upper), float64 [...], in the caller's units.

        Raises:
            ValueError: if they are other numbers, or none.
        """
        given = np.asarray(num_blocks)
        if given.dtype.kind not in "iuf":
            raise ValueError(f"num_blocks is {shown(num_blocks)}; expected numbers of blocks.")
        count = given.astype(np.float64)
        if not np.all((count >= 0) & (count <= self.num_blocks[-1])):
            raise ValueError(
                f"num_blocks has values from {count.min():.10g} to {count.max():.10g}; expected 0 "
                f"to {self.num_blocks[-1]}, the most that fit {self.name}."
            )
        chord = np.interp(count, self.num_blocks, self.importance)
        added = count[..., np.newaxis] - self.num_blocks
        tangents = (self.importance + added * self.penalties).min(axis=-1)
        lower = (chord - count * self.hidden) * (1 - _ROUNDING)
        upper = (tangents + count * self.hidden) * (1 + _ROUNDING)
        return np.maximum(lower, 0.0), upper


@dataclass(frozen=True, eq=False)
class TradeoffCurves(Sequence[TradeoffCurve]):
    """The curves of several layers: a sequence of `TradeoffCurve`, in the order of the layers.

        >>> import numpy as np
        >>> import ubp
        >>> curves = ubp.tradeoff_curves([np.arange(1.0, 17.0).reshape(2, 8)], 4)
        >>> lower, upper = curves[0].bounds(2)  # what two blocks keep at their best
        >>> bool(lower <= 42 + 58 <= upper)
        True

    Attributes:
        curves: of the layers; indexing and iterating give the same.
    """

    curves: tuple[TradeoffCurve, ...]

    @overload
    def __getitem__(self, index: int) -> TradeoffCurve: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[TradeoffCurve, ...]: ...

    def __getitem__(self, index: int | slice) -> TradeoffCurve | tuple[TradeoffCurve, ...]:
        """A layer's curve."""
        return self.curves[index]

    def __len__(self) -> int:
        """Number of layers."""
        return len(self.curves)

    def plot(self, axes: Any = None, *, selection: GlobalSelection | None = None) -> Any:
        """Draw the share of importance kept against density, a line for each layer.

        Args:
            axes: matplotlib's, to draw into; by default those of a new figure.
            selection: of the same layers, each of which is marked on its line.

        Returns:
            The axes.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if `axes` are none, or `selection` is none of as many layers.
        """
        from ubp.selection.curves.picture import plot  # matplotlib is optional

        return plot(self, axes, selection)


def tradeoff_curves(
    importances: Importances,
    block_size: int | Sequence[int] = 4,
    *,
    block_lanes: int | Sequence[int] = 1,
    tolerance: float = 0.001,
    names: Sequence[str] | None = None,
    progress: bool = False,
) -> TradeoffCurves:
    """Find every layer's trade-off between density and the importance that is kept.

        >>> import numpy as np
        >>> import ubp
        >>> importance = np.arange(1.0, 17.0).reshape(2, 8)
        >>> (curve,) = ubp.tradeoff_curves([importance], 4, names=["hidden"])
        >>> curve.name, curve.density.tolist(), curve.kept.round(2).tolist()
        ('hidden', [0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.43, 0.74, 0.93, 1.0])

    Args:
        importances: of each layer float32 or float64 [lanes, channels], finite and >= 0.
        block_size: N, one for all layers or one for each.
        block_lanes: M, one for all layers or one for each; see `select_blocks`.
        tolerance: how far the bounds of a curve may be apart at any density, as a share of the
            layer's importance, above 0. A curve takes about 40 points at 0.001, a third at 0.01.
        names: of the layers, for the plot; by default their numbers.
        progress: whether to show a progress bar.

    Returns:
        A sequence of curves, one for each layer: shares of weights and of importance that are kept.

    Raises:
        ValueError: if an argument is not as described.
    """
    form = backend()
    layers = checked_layers(importances, block_size, block_lanes, form)
    check_number("tolerance", tolerance, "a number above 0", lambda number: 0.0 < number < np.inf)
    if names is None:
        names = [f"layer {index}" for index in range(len(importances))]
    check_sequence("names", names, "a list of the layers' names")
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"names holds {shown(name)}; expected the name of a layer.")
    if len(names) != len(importances):
        raise ValueError(
            f"names has {len(names)} values for {len(importances)} layers; expected one for each."
        )
    pairs = zip(names, layers, strict=True)
    progressing = ProgressBar(
        pairs, "trade-off curves", len(layers), unit="layer", disable=not progress
    )
    curves = [_curve(name, layer, tolerance, form) for name, layer in progressing]
    return TradeoffCurves(tuple(curves))


class _Points(NamedTuple):
    """Points of f, by falling penalty; int64 [points] each."""

    penalties: Integers
    counts: Integers
    values: Integers


def _curve(name: str, layer: Layer, tolerance: float, form: str) -> TradeoffCurve:
    total = float(layer.importance.sum(dtype=np.float64))
    relative = total / layer.peak if layer.peak > 0.0 else 0.0
    points = _enclose(solver_of(layer, form), tolerance * relative * layer.quanta)
    quantum = np.float64(layer.peak / layer.quanta)
    curve = TradeoffCurve(
        name,
        layer.shape,
        layer.block_size,
        num_blocks=points.counts,
        importance=points.values * quantum,
        penalties=points.penalties * quantum,
        total=total,
        hidden=layer.block_size / 2 * quantum,
        block_lanes=layer.block_lanes,
    )
    for array in (curve.num_blocks, curve.importance, curve.penalties):
        array.setflags(write=False)
    return curve


def _enclose(solver: LayerSolver, gap: float) -> _Points:
    """Points of f whose chords and tangents are nowhere farther apart than the gap."""
    counts, values = solver.solve([0])
    points = _Points(
        penalties=np.array([solver.max_score, 0]),
        counts=np.concatenate([[0], counts]),
        values=np.concatenate([[0], values]),
    )
    while True:
        penalties = _between(points, gap)
        if not len(penalties):
            return points
        found = _Points(penalties, *solver.solve(penalties.tolist()))
        order = np.argsort(-np.concatenate([points.penalties, penalties]), kind="stable")
        points = _Points(
            *(np.concatenate(arrays)[order] for arrays in zip(points, found, strict=True))
        )


def _between(points: _Points, gap: float) -> Integers:
    """The slopes of the chords that are too far from where the tangents at their ends meet."""
    added, gained = np.diff(points.counts), np.diff(points.values)
    slopes = gained // np.maximum(added, 1)
    steep, flat = points.penalties[:-1], points.penalties[1:]
    # From the chord's left end to where the tangents meet, and how far these are above it there.
    meeting = (gained - flat * added) / np.maximum(steep - flat, 1)
    height = meeting * (steep - gained / np.maximum(added, 1))
    new: Integers = slopes[(added > 1) & (height > gap) & (slopes > flat) & (slopes < steep)]
    return new
