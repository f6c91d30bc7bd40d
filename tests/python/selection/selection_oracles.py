# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious implementations of the selection methods, and the instances they are compared on.

Scores are the quantised ones, int [lanes, channels - N + 1]; a block is a tuple (lane, start).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ubp.selection import Selection
from ubp.selection.layer.quantised import quantise, sliding_sums

_IMPOSSIBLE = -(2**62)

KINDS = ("gaussian", "few_valued", "binary", "mostly_zero", "heavy_tailed", "all_zero", "all_equal")


def make_importance(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray:
    """Importance [lanes, channels] float64 of one of KINDS."""
    gaussian = np.abs(rng.standard_normal(shape))
    if kind == "few_valued":
        return rng.integers(0, 4, shape).astype(np.float64)
    if kind == "binary":
        return (rng.random(shape) < rng.uniform(0.1, 0.9)).astype(np.float64)
    if kind == "mostly_zero":
        return gaussian * (rng.random(shape) < 0.1)
    if kind == "heavy_tailed":
        return np.exp(6.0 * rng.standard_normal(shape))
    if kind == "all_zero":
        return np.zeros(shape)
    if kind == "all_equal":
        return np.full(shape, 0.3)
    return gaussian


def small_instances(block_size: int, per_kind: int) -> Iterator[npt.NDArray]:
    """Random importance of every kind: 1 to 6 lanes of N to 4N + 3 channels."""
    rng = np.random.default_rng(block_size)
    for kind in KINDS:
        for _ in range(per_kind):
            lanes = int(rng.integers(1, 7))
            channels = int(rng.integers(block_size, 4 * block_size + 4))
            yield make_importance(kind, (lanes, channels), rng)


def best_scores(importance: npt.NDArray, block_size: int) -> npt.NDArray[np.int64]:
    """f(0), f(1), ... f(max): the largest quantised score of exactly m blocks, by O(n m) programme.

    Lanes are joined without assuming anything about the shape of f.
    """
    return best_of_elements(quantise(importance, block_size).elements, block_size)


def best_of_elements(elements: npt.NDArray, block_size: int) -> npt.NDArray[np.int64]:
    """The same for integer elements [lanes, channels]."""
    total = np.zeros(1, dtype=np.int64)
    for scores in sliding_sums(elements, block_size).tolist():
        total = join(total, _best_scores_of_lane(scores, elements.shape[1], block_size))
    return total


def join(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """f of two independent parts together: their full (max, +) convolution."""
    shorter, longer = sorted((one, other), key=len)
    best = np.full(len(one) + len(other) - 1, _IMPOSSIBLE)
    for m, value in enumerate(shorter):
        part = best[m : m + len(longer)]
        np.maximum(part, value + longer, out=part)
    return best


def _best_scores_of_lane(scores: list[int], channels: int, block_size: int) -> npt.NDArray:
    most = channels // block_size
    best = [np.full(most + 1, _IMPOSSIBLE) for _ in range(channels + 1)]
    for end, row in enumerate(best):
        row[0] = 0
        if end >= block_size:
            row[1:] = best[end - block_size][:-1] + scores[end - block_size]
        if end:
            np.maximum(row, best[end - 1], out=row)
    return best[channels]


def greedy_blocks(importance: npt.NDArray, block_size: int) -> list[tuple[int, int]]:
    """Every block that the greedy method can take, in its order."""
    scores = quantise(importance, block_size).scores
    lanes, starts = np.indices(scores.shape)
    order = sorted(zip(-scores.ravel(), lanes.ravel(), starts.ravel(), strict=True))
    taken: list[tuple[int, int]] = []
    for _, lane, start in order:
        if all(lane != other or abs(start - s) >= block_size for other, s in taken):
            taken.append((int(lane), int(start)))
    return taken


def bed_blocks(importance: npt.NDArray, block_size: int, count: int) -> list[tuple[int, int]]:
    """BED by its definition: candidate scores are summed afresh from the lists that are left."""
    elements = quantise(importance, block_size).elements.tolist()
    lists = [list(range(len(lane))) for lane in elements]
    taken = np.zeros(importance.shape, dtype=bool)
    for _ in range(count):
        _, lane, place = min(
            (-sum(elements[lane][c] for c in rest[place : place + block_size]), lane, place)
            for lane, rest in enumerate(lists)
            for place in range(len(rest) - block_size + 1)
        )
        taken[lane, lists[lane][place : place + block_size]] = True
        del lists[lane][place : place + block_size]
    return [
        (lane, int(channel))
        for lane, row in enumerate(taken)
        for channel in np.flatnonzero(row)[::block_size]
    ]


def blocks_of(selection: Selection) -> list[tuple[int, int]]:
    return list(zip(selection.lanes.tolist(), selection.starts.tolist(), strict=True))


def quantised_score(selection: Selection, importance: npt.NDArray) -> int:
    scores = quantise(importance, selection.block_size).scores
    return int(scores[selection.lanes, selection.starts].sum(dtype=np.int64))


def assert_valid(selection: Selection, importance: npt.NDArray, count: int) -> None:
    """Exactly `count` blocks, sorted, in range, without overlap; mask and score agree with them."""
    lanes, starts, n = selection.lanes, selection.starts, selection.block_size
    assert len(selection) == len(lanes) == len(starts) == count
    assert selection.shape == importance.shape
    assert np.all((lanes >= 0) & (lanes < importance.shape[0]))
    assert np.all((starts >= 0) & (starts <= importance.shape[1] - n))
    same_lane = np.diff(lanes) == 0
    assert np.all(np.diff(lanes) >= 0)
    assert np.all(np.diff(starts)[same_lane] >= n)
    mask = selection.mask()
    assert mask.dtype == np.bool_
    assert mask.shape == importance.shape
    assert np.count_nonzero(mask) == count * n
    assert np.isclose(selection.score, importance[mask].sum(dtype=np.float64), rtol=1e-12, atol=0)
    assert selection.upper_bound >= selection.score
