"""Where the search for the threshold starts: where it ends on a sample of each layer's lanes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ubp.selection.bracket import Limits
from ubp.selection.evaluator import Layer, evaluator_of
from ubp.selection.worth import Points, Reals, Worth

_LANES = 64
_OCTAVES = 16  # below the best block's score, within which penalties are tried
_PER_OCTAVE = 2
_MARGIN = 1 / 64


def likely_penalties(layers: Sequence[Layer], worth: Worth, limits: Limits, core: str) -> Reals:
    """Penalties [2, layers] likely to enclose those at the threshold where the budget is spent."""
    points = _stack([_sampled_curve(layer, core) for layer in layers])
    _, upper = worth.thresholds(points)
    logs = np.log(np.clip(upper, 1e-300, 1e300))  # infinite is that of no block
    spent = limits.costs * limits.clip(points.counts)
    thresholds = np.unique(logs)
    total = np.zeros(len(thresholds))
    for layer in range(len(layers)):
        total += np.interp(thresholds, logs[:, layer], spent[:, layer])
    best = float(np.exp(np.interp(-limits.budget, -total, thresholds)))
    above = np.clip((upper < best).sum(axis=0), 1, len(upper) - 1)
    lo, hi = points.take(above - 1), points.take(above)
    return np.stack([worth.penalties(best * near, lo, hi) for near in (1 - _MARGIN, 1 + _MARGIN)])


def _stack(curves: list[Points]) -> Points:
    """Points [points, layers] of curves [points]."""
    return Points(*(np.stack(arrays, axis=1) for arrays in zip(*curves, strict=True)))


def _sampled_curve(layer: Layer, core: str) -> Points:
    """Points [points] of a layer's curve, by rising penalty, as some of its lanes suggest."""
    sample = layer.sample(_LANES)
    evaluator = evaluator_of(sample, core)
    steps: Reals = np.arange(-_OCTAVES * _PER_OCTAVE, 1) / _PER_OCTAVE
    penalties = np.maximum(np.rint(evaluator.max_score * 2.0**steps), 1).astype(np.int64)
    counts, values = evaluator.evaluate(penalties.tolist())
    share = layer.shape[0] / sample.shape[0]
    counts = np.rint(counts * share).astype(np.int64)
    values = np.rint(values * share).astype(np.int64)
    return Points(penalties, penalties - 1, counts, values)
