# SPDX-License-Identifier: Apache-2.0
"""Checks of samples: what would make a result worthless is refused, what weakens it is said."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ubp.data.inputs import Array
    from ubp.data.samples import Samples

LEAST_SAMPLES = 8
_FEW = 64  # of which the strokes' networks lost 2 points at 80% zeros and 8 at 90%

_logger = logging.getLogger(__name__)


def check_samples(samples: Samples) -> None:
    """Go through samples once.

    Warns, through `logging`, of few samples.

    Raises:
        ValueError: if there are too few samples, values that are not finite, or samples that do not
            differ.
    """
    count = len(samples)
    if count < LEAST_SAMPLES:
        raise ValueError(
            f"data has {count} sample{'s' * (count != 1)}; expected at least {LEAST_SAMPLES}, and "
            "some hundred for a good result."
        )
    names = [each.name for each in samples.inputs]
    spread = _Spread(samples)
    for batch in samples:
        spread.add(batch)
    if not any(spread.between):
        raise ValueError(
            f"data has {count} samples that are all the same; expected what the model will be used "
            "on."
        )
    pictures = [
        name
        for name, each, varies in zip(names, samples.inputs, spread.within, strict=True)
        if len(each.shape) > 1 and not varies
    ]
    if pictures and len(pictures) == len(names):
        raise ValueError(
            f"data: input '{pictures[0]}' has one value all over in every sample; expected "
            "pictures of something."
        )
    if count < _FEW:
        _logger.warning(
            "data has %d samples, which is few; some hundred give a better result.", count
        )


class _Spread:
    """Whether samples differ, from each other and in themselves, by input."""

    def __init__(self, samples: Samples) -> None:
        self._names = [each.name for each in samples.inputs]
        self._numbers = samples.numbers
        self._seen = 0
        self._first: list[Array] | None = None
        self.between = [False] * len(self._names)
        self.within = [False] * len(self._names)

    def add(self, batch: Sequence[Array]) -> None:
        if self._first is None:
            self._first = [array[:1] for array in batch]
        for place, (array, first) in enumerate(zip(batch, self._first, strict=True)):
            self._check_finite(array, self._names[place])
            rows = array.reshape(len(array), -1)
            if rows.shape[1]:
                self.between[place] |= bool((array != first).any())
                self.within[place] |= bool((rows != rows[:, :1]).any())
        self._seen += len(batch[0])

    def _check_finite(self, array: Array, name: str) -> None:
        if array.dtype.kind != "f":
            return
        finite = np.isfinite(array.reshape(len(array), -1)).all(1)
        if not finite.all():
            number = self._numbers[self._seen + int(np.argmin(finite))]
            raise ValueError(
                f"data: sample {number} of input '{name}' has values that are not finite; leave it "
                "out, or repair it."
            )


def relative_errors(
    wanted: Iterable[Sequence[Array]], found: Iterable[Sequence[Array]]
) -> list[float]:
    """Of each output, |found - wanted|^2 / |wanted - its mean|^2 over all samples.

    0: the same; 1: as bad as a constant. NaN where an output does not vary.

    Args:
        wanted, found: outputs of a model, batch after batch.
    """
    sums: list[OutputError] = []
    for one, other in zip(wanted, found, strict=True):
        sums = sums or [OutputError() for _ in one]
        for total, right, left in zip(sums, one, other, strict=True):
            total.add(right, left)
    return [total.value for total in sums]


class OutputError:
    """Adds up one output's error relative to its variance; see `relative_errors`."""

    def __init__(self) -> None:
        self._error = self._power = 0.0
        self._sum: Array | None = None
        self._count = 0

    def add(self, wanted: Array, found: Array) -> None:
        """Add samples [samples, ...]."""
        right = wanted.astype(np.float64).reshape(len(wanted), -1)
        left = found.astype(np.float64).reshape(len(found), -1)
        self._error += float(np.sum((left - right) ** 2))
        self._power += float(np.sum(right**2))
        total = right.sum(0)
        self._sum = total if self._sum is None else self._sum + total
        self._count += len(right)

    @property
    def value(self) -> float:
        """The relative error so far; NaN where the output is the same for all samples."""
        if self._sum is None:
            return float("nan")
        variance = self._power - float(np.sum(self._sum**2)) / self._count
        return self._error / variance if variance > 1e-12 * self._power else float("nan")
