# SPDX-License-Identifier: Apache-2.0
"""The penalty at which exactly m blocks pay: the Lagrangian dual of the selection.

Let f(m) be the largest score of m blocks. Ordered by lane and position, the rows "this element is
covered at most once" and "m blocks in all" are intervals of ones, such a matrix is totally
unimodular, so the linear programme has integral optima for every m, and f is concave. Hence

    f(m) = min over lambda of D(lambda),   D(lambda) = sum over lanes of V_lane(lambda) + lambda * m

and, scores being integers, the minimum is reached at an integer lambda, which is never negative
(see lane_program.py). With count(lambda) the most blocks of an optimum at lambda, which never
increases with lambda, it is the lambda with

    count(lambda) >= m >= count(lambda + 1)

The search keeps an interval lo < hi with count(lo) >= m > count(hi). A lane whose count is the same
at both ends is served by the same solution everywhere in between, and is left out from then on:
after the first two or three passes few lanes remain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.lane_program import LaneProgram

_SAMPLE_LANES = 64
_WORTH_DROPPING = 0.75  # share of lanes still open below which the others are left out
_ROW_LENGTH = 4096  # values of one row of the programme that still fit the first-level cache
_ZOOMS = (5, 2, 8, 11, 14)  # a pass looks 2^-zoom of the interval to both sides of its best guess


@dataclass(frozen=True)
class Dual:
    """The optimum of the dual problem.

    Attributes:
        penalty: lambda, with count(penalty) >= m >= count(penalty + 1).
        value: D(penalty) = f(m), the exact optimum in quantised scores.
    """

    penalty: int
    value: int


@dataclass(frozen=True)
class _Point:
    """The lanes' best blocks at one penalty: counts and values are int64 [lanes]."""

    penalty: int
    counts: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    @property
    def value(self) -> int:
        return int(self.values.sum())

    def subset(self, lanes: npt.NDArray[np.bool_]) -> _Point:
        return _Point(self.penalty, self.counts[lanes], self.values[lanes])


def minimise_dual(program: LaneProgram, num_blocks: int) -> Dual:
    """Find the best penalty for m = num_blocks, from 1 to the most that can be packed."""
    missing = num_blocks  # blocks that the lanes still in the search have to provide
    settled_value = 0
    lo, hi = _interval(program, num_blocks)
    stalled = False
    while lo.count > missing and hi.penalty - lo.penalty > 1:
        open_lanes = lo.counts != hi.counts
        if open_lanes.mean() < _WORTH_DROPPING:
            settled = lo.subset(~open_lanes)
            missing -= settled.count
            settled_value += settled.value
            program = program.subset(open_lanes)
            lo, hi = lo.subset(open_lanes), hi.subset(open_lanes)
        width = hi.penalty - lo.penalty
        for point in _evaluate(program, _guesses(lo, hi, missing, stalled)):
            if point.count >= missing:
                lo = max(lo, point, key=lambda p: p.penalty)
            else:
                hi = min(hi, point, key=lambda p: p.penalty)
        stalled = 2 * (hi.penalty - lo.penalty) > width
    value = settled_value + lo.value + lo.penalty * (missing - lo.count)
    return Dual(lo.penalty, value)


def _evaluate(program: LaneProgram, penalties: list[int]) -> list[_Point]:
    solved = program.solve(penalties)
    return [_Point(*point) for point in zip(penalties, solved.counts, solved.values, strict=True)]


def _interval(program: LaneProgram, num_blocks: int) -> tuple[_Point, _Point]:
    """Two points with count(lo) >= num_blocks > count(hi), found outward from an estimate."""
    lo, hi = _evaluate(program, _estimate(program, num_blocks))
    step = hi.penalty - lo.penalty
    while lo.count < num_blocks:  # ends at 0 at the latest, where every lane is packed full
        step *= 4
        hi, (lo,) = lo, _evaluate(program, [max(lo.penalty - step, 0)])
    while hi.count >= num_blocks:  # ends above the best score at the latest, where no block pays
        step *= 4
        lo, (hi,) = hi, _evaluate(program, [min(hi.penalty + step, program.max_score + 1)])
    return lo, hi


def _estimate(program: LaneProgram, num_blocks: int) -> list[int]:
    """Two penalties likely to enclose the best one: its value on a sample of lanes, +- 1/64."""
    highest = program.max_score + 1
    lanes = program.num_lanes
    if lanes < 4 * _SAMPLE_LANES:
        return [0, highest]
    sample = program.subset(slice(None, None, lanes // _SAMPLE_LANES))
    share = max(1, num_blocks * sample.num_lanes // lanes)
    penalty = minimise_dual(sample, share).penalty
    margin = penalty // 64 + 1
    return [max(penalty - margin, 0), min(penalty + margin, highest)]


def _guesses(lo: _Point, hi: _Point, num_blocks: int, stalled: bool) -> list[int]:
    """Penalties strictly between lo and hi to try next, the more the fewer lanes are left."""
    width = hi.penalty - lo.penalty
    zooms = _ZOOMS[: max(1, _ROW_LENGTH // len(lo.counts))]
    if stalled:
        parts = 2 * len(zooms) + 2
        guesses = {lo.penalty + width * part // parts for part in range(1, parts)}
    else:
        # Where the tangents of D at lo and at hi meet: exact if D has one kink between them (ties).
        kink = (lo.value - hi.value) // (lo.count - hi.count)
        # Where a straight line through the counts meets m: close if D is smooth (no ties).
        secant = lo.penalty + width * (lo.count - num_blocks) // (lo.count - hi.count)
        guesses = {kink}.union(*({secant - (width >> z), secant + (width >> z)} for z in zooms))
    return sorted({min(max(guess, lo.penalty + 1), hi.penalty - 1) for guess in guesses})
