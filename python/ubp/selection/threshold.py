"""The search for the threshold at which the budget is spent; see bracket.py for what it keeps.

Every pass evaluates a few penalties of each undecided layer, and ends the search if no layer has
blocks of different worth between its two points any more. Which penalties: those that belong to
thresholds around the one where a straight line through the costs meets the budget, which is close
if there are no ties, and the one where the tangents of f at the two points meet, which is exact if
f has one slope between them, as with few-valued importance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ubp.selection.bracket import Bracket, Limits
from ubp.selection.evaluator import Layer, LayerEvaluator, evaluator_of
from ubp.selection.worth import Points, Reals, Worth

_ZOOM = 32  # a pass looks 1 / _ZOOM of the bracket to both sides of its best guess


def search(
    layers: Sequence[Layer], worth: Worth, limits: Limits, start: Reals, core: str
) -> Bracket:
    """Tighten the widest bracket until no layer has blocks of different worth in it.

    Args:
        layers: [layers].
        worth: of their blocks.
        limits: with a budget below what `at_most` costs.
        start: float64 [guesses, layers], penalties to try first.
        core: the form of selection in use, see backend.py.
    """
    evaluators = [evaluator_of(layer, core) for layer in layers]
    before = Bracket.widest(layers, evaluators)
    bracket = _narrow(evaluators, before, worth, limits, start)
    while _undecided(bracket, worth, limits).any():
        stalled = 2 * (bracket.ceiling - bracket.floor) > before.ceiling - before.floor
        guesses = _guesses(bracket, worth, _next_thresholds(bracket, limits, stalled))
        before, bracket = bracket, _narrow(evaluators, bracket, worth, limits, guesses)
        if bracket.has_points_of(before):  # float64 does not tell the worth of the rest apart
            break
    return bracket


def _narrow(
    evaluators: Sequence[LayerEvaluator],
    bracket: Bracket,
    worth: Worth,
    limits: Limits,
    guesses: Reals,
) -> Bracket:
    """One pass: tighten the bracket by evaluating penalties [guesses, layers]."""
    undecided = _undecided(bracket, worth, limits)
    bracket = bracket.tighten(_evaluate(evaluators, bracket, undecided, guesses), worth, limits)
    for index in np.flatnonzero(undecided).tolist():
        evaluators[index].narrow(int(bracket.lo.last[index]), int(bracket.hi.last[index]))
    return bracket


def _undecided(bracket: Bracket, worth: Worth, limits: Limits) -> npt.NDArray[np.bool_]:
    """Bool [layers]: layers with blocks of different worth between lo and hi."""
    lo, hi = bracket.lo, bracket.hi
    between = limits.clip(lo.counts) > limits.clip(hi.counts)
    best, worst = worth.thresholds(hi)[0], worth.thresholds(lo)[1]
    undecided: npt.NDArray[np.bool_] = between & ~(bracket.tied & (best <= worst))
    return undecided


def _next_thresholds(bracket: Bracket, limits: Limits, stalled: bool) -> list[float]:
    """Thresholds to try, from floor to ceiling."""
    floor, ceiling = bracket.floor, bracket.ceiling
    if ceiling == np.inf:
        return [1.25 * floor, 16 * floor]
    if floor == 0.0:  # perhaps blocks worth nothing are needed to spend the budget
        return [0.0, ceiling / 16, ceiling / 1.25]
    width = ceiling - floor
    if stalled:
        return [floor + width * part / 4 for part in (1, 2, 3)]
    most = limits.spent(limits.clip(bracket.lo.counts))
    fewest = limits.spent(limits.clip(bracket.hi.counts))
    secant = floor + width * (most - limits.budget) / (most - fewest)
    return [secant - width / _ZOOM, secant + width / _ZOOM]


def _guesses(bracket: Bracket, worth: Worth, thresholds: Sequence[float]) -> Reals:
    """Penalties [guesses, layers] to try; see the module's description."""
    lo, hi = bracket.lo, bracket.hi
    guesses = [worth.penalties(threshold, lo, hi) for threshold in thresholds]
    guesses.append((lo.values - hi.values) // np.maximum(lo.counts - hi.counts, 1))
    return np.stack(guesses)


def _evaluate(
    evaluators: Sequence[LayerEvaluator],
    bracket: Bracket,
    undecided: npt.NDArray[np.bool_],
    guesses: Reals,
) -> Points:
    """Points [guesses, layers] between lo and hi of undecided layers; of the others, lo again."""
    rows = Points(*(np.tile(array, (len(guesses), 1)) for array in bracket.lo))
    lo, hi = bracket.lo.last, bracket.hi.last
    for index in np.flatnonzero(undecided & ~bracket.tied).tolist():
        penalties = np.unique(np.clip(guesses[:, index], lo[index] + 1, hi[index] - 1))
        found = np.arange(len(penalties))
        rows.last[found, index] = penalties
        rows.next_[found, index] = penalties - 1
        rows.counts[found, index], rows.values[found, index] = evaluators[index].evaluate(
            penalties.astype(np.int64).tolist()
        )
    for index in np.flatnonzero(undecided & bracket.tied).tolist():
        _divide_tie(rows, bracket, index)
    return rows


def _divide_tie(rows: Points, bracket: Bracket, index: int) -> None:
    """Set points in equal distances between lo and hi, each block between which brings the same."""
    fewest, brings = bracket.hi.counts[index], bracket.lo.last[index]
    parts = len(rows.counts) + 1
    added = (bracket.lo.counts[index] - fewest) * np.arange(1, parts) // parts
    rows.last[:, index] = rows.next_[:, index] = brings
    rows.counts[:, index] = fewest + added
    rows.values[:, index] = bracket.hi.values[index] + added * brings
