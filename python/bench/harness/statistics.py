# SPDX-License-Identifier: Apache-2.0
"""Measuring in turns, and what repeated measurements say."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import stats

_CONFIDENCE = 0.95
_RESAMPLES = 10_000
_SEED = 0  # of the resampling

_T = TypeVar("_T")


def take_turns(measurements: Mapping[str, Callable[[], _T]], rounds: int) -> dict[str, list[_T]]:
    """The results of measurements that run one after the other in each round.

    From round to round the order is reversed, so that none is always the first.
    """
    results: dict[str, list[_T]] = {name: [] for name in measurements}
    for index in range(rounds):
        for name in list(measurements)[:: 1 if index % 2 else -1]:
            results[name].append(measurements[name]())
    return results


@dataclass(frozen=True)
class Spread:
    """Median and the 10th and 90th percentile."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float] | npt.NDArray[np.float64]) -> Spread:
        p10, median, p90 = np.percentile(values, [10, 50, 90])
        return cls(float(median), float(p10), float(p90))

    @classmethod
    def of_ratios(cls, numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
        """Of the ratios of two measurements taken in the same rounds."""
        return cls.of(np.divide(numerators, denominators))


@dataclass(frozen=True)
class Rounds:
    """XNNPACK and UBP in the same rounds: the median of each round's block of inferences."""

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("xnnpack_ms", "ubp_ms", "speedup")

    xnnpack_rounds_ms: list[float]
    ubp_rounds_ms: list[float]

    @property
    def xnnpack_ms(self) -> Spread:
        return Spread.of(self.xnnpack_rounds_ms)

    @property
    def ubp_ms(self) -> Spread:
        return Spread.of(self.ubp_rounds_ms)

    @property
    def speedup(self) -> Spread:
        """UBP over XNNPACK: of the ratios of the rounds."""
        return Spread.of_ratios(self.xnnpack_rounds_ms, self.ubp_rounds_ms)


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
    mean = float(np.mean(np.subtract(ours, theirs)))
    if len(ours) < 2:
        return Interval(mean, math.nan, math.nan)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(_CONFIDENCE)
    return Interval(mean, float(interval.low), float(interval.high))


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
    if len(gains) < 2:
        return Interval(estimate, math.nan, math.nan)

    def share(gains: npt.NDArray[np.float64], gaps: npt.NDArray[np.float64], axis: int) -> object:
        means = gaps.mean(axis=axis)
        return np.divide(
            gains.mean(axis=axis), means, out=np.full_like(means, np.nan), where=means > 0
        )

    with warnings.catch_warnings():
        # The share of a gap that is not positive is NaN, and so are then the ends of the interval.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (gains, gaps),
            share,
            n_resamples=_RESAMPLES,
            paired=True,
            confidence_level=_CONFIDENCE,
            method="percentile",
            random_state=np.random.default_rng(_SEED),
        ).confidence_interval
    return Interval(estimate, float(found.low), float(found.high))
