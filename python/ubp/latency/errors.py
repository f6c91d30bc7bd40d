# SPDX-License-Identifier: Apache-2.0
"""How far predictions are from what was measured, on points that nothing was fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ErrorSummary:
    """Relative errors, |predicted / measured - 1|.

    count: of points.
    median, p90, worst: of the errors.
    bias: the median of predicted / measured - 1, with its sign.
    rank_correlation: Spearman's, of predicted and measured; None for fewer than 3 points.
    """

    count: int
    median: float
    p90: float
    worst: float
    bias: float
    rank_correlation: float | None

    def __str__(self) -> str:
        rank = "" if self.rank_correlation is None else f", Spearman {self.rank_correlation:.3f}"
        return (
            f"{self.count} held-out points: median error {self.median:.1%}, 90th percentile "
            f"{self.p90:.1%}, worst {self.worst:.1%}{rank}"
        )


@dataclass(frozen=True)
class LatencyErrors:
    """Of held-out layers alone, and of held-out settings of the whole network; None without any."""

    layers: ErrorSummary | None
    network: ErrorSummary | None

    def __str__(self) -> str:
        lines = [
            f"{name}: {summary}"
            for name, summary in (("layers", self.layers), ("network", self.network))
            if summary is not None
        ]
        return "\n".join(lines) or "nothing was held out"


def summarise(predicted: Sequence[float], measured: Sequence[float]) -> ErrorSummary | None:
    """The errors of some predictions; None if there are none."""
    if not len(predicted):
        return None
    relative = np.asarray(predicted, np.float64) / np.asarray(measured, np.float64) - 1.0
    size = np.abs(relative)
    return ErrorSummary(
        len(size),
        float(np.median(size)),
        float(np.percentile(size, 90)),
        float(size.max()),
        float(np.median(relative)),
        rank_correlation(predicted, measured) if len(size) >= 3 else None,
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's, equal values sharing their rank; None without spread."""
    ranks = [_ranks(np.asarray(each, np.float64)) for each in (first, second)]
    if min(float(each.std()) for each in ranks) == 0.0:
        return None
    return float(np.corrcoef(ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], np.float64)
