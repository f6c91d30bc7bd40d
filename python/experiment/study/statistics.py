"""Paired comparisons: what differs between two methods, over the seeds that both were run with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_CONFIDENCE = 0.95
_RESAMPLES = 10_000
_SEED = 0  # of the resampling


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95% confidence interval; the ends are NaN where there is one seed."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the estimate is certain at this confidence."""
        return self.low > 0 or self.high < 0


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """The mean of ours - theirs, with Student's t interval.

    Args:
        ours, theirs: one number of each seed, in the same order.
    """
    differences = np.subtract(ours, theirs)
    count, mean = len(differences), float(np.mean(differences))
    if count < 2:
        return Interval(mean, math.nan, math.nan)
    error = float(np.std(differences, ddof=1)) / math.sqrt(count)
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, count - 1)) * error
    return Interval(mean, mean - half, mean + half)


def share_of_gap(ours: Sequence[float], lower: Sequence[float], upper: Sequence[float]) -> Interval:
    """How much of the way from lower to upper ours has come: 0 none of it, 1 all.

    The ratio of the mean differences, with a percentile bootstrap interval over the seeds. There is
    none (NaN) where upper is not above lower in the mean, or in any of the resamples.

    Args:
        ours, lower, upper: one number of each seed, in the same order.
    """
    gains, gaps = np.subtract(ours, lower), np.subtract(upper, lower)
    if gaps.mean() <= 0:
        return Interval(math.nan, math.nan, math.nan)
    estimate = float(gains.mean() / gaps.mean())
    drawn = np.random.default_rng(_SEED).integers(0, len(gains), (_RESAMPLES, len(gains)))
    sampled_gaps = gaps[drawn].mean(axis=1)
    if len(gains) < 2 or sampled_gaps.min() <= 0:
        return Interval(estimate, math.nan, math.nan)
    tail = 100 * (1 - _CONFIDENCE) / 2
    low, high = np.percentile(gains[drawn].mean(axis=1) / sampled_gaps, [tail, 100 - tail])
    return Interval(estimate, float(low), float(high))
