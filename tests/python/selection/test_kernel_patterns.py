# SPDX-License-Identifier: Apache-2.0
"""Kernel patterns against brute force, and what is given for them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from ubp.selection.layer.kernel_patterns import select_kernel_patterns


def shared(importance: np.ndarray, taps: int, size: int) -> np.ndarray:
    """[taps, kernels], by loops."""
    lanes, channels = importance.shape
    inputs = lanes // taps
    found = np.zeros((taps, inputs * (channels // size)))
    for tap in range(taps):
        for channel in range(inputs):
            for block in range(channels // size):
                run = importance[tap * inputs + channel, block * size : (block + 1) * size]
                found[tap, channel * (channels // size) + block] = run.sum()
    return found


def best_with(values: np.ndarray, library: Any, count: int) -> float:
    """What the best `count` kernels keep, each by its best pattern of the library."""
    sums = [
        max(values[list(pattern), k].sum() for pattern in library) for k in range(len(values.T))
    ]
    return float(sum(sorted(sums, reverse=True)[:count]))


@pytest.mark.parametrize("seed", range(20))
def test_kept_kernels_and_their_patterns_are_the_best_of_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taps, inputs, blocks = rng.integers(2, 7), rng.integers(1, 4), rng.integers(1, 5)
    size, entries = int(rng.integers(1, 4)), int(rng.integers(1, taps + 2))
    importance = rng.random((taps * inputs, blocks * size))
    count, library = int(rng.integers(0, inputs * blocks + 1)), int(rng.integers(1, 4))
    found = select_kernel_patterns(
        importance, taps, num_kernels=count, entries=entries, library=library, block_size=size
    )
    mask, entries = found.mask(), min(entries, int(taps))
    kernels = mask.reshape(taps, inputs, blocks, size)
    assert (kernels == kernels[..., :1]).all()
    kept = kernels[..., 0].reshape(taps, -1)
    assert set(kept.sum(axis=0)) <= {0, entries} and (kept.any(axis=0)).sum() == count
    assert len(np.unique(kept[:, kept.any(axis=0)], axis=1).T) <= len(found.library) <= library
    assert importance[mask].sum() == pytest.approx(found.score)
    patterns = [np.flatnonzero(pattern) for pattern in found.library]
    assert found.score == pytest.approx(best_with(shared(importance, taps, size), patterns, count))


@pytest.mark.parametrize("seed", range(10))
def test_the_library_is_nearly_as_good_as_the_best(seed: int) -> None:
    """Of all sets of patterns, for all kernels: greedy is within 1 - 1/e."""
    rng = np.random.default_rng(seed)
    importance = rng.exponential(size=(4 * 3, 3)) ** 2
    found = select_kernel_patterns(importance, 4, num_kernels=9, entries=2, library=2)
    values = shared(importance, 4, 1)
    every = list(itertools.combinations(range(4), 2))
    best = max(best_with(values, pair, 9) for pair in itertools.combinations(every, 2))
    assert (1 - 1 / np.e) * best <= found.score <= best + 1e-9
    whole = select_kernel_patterns(importance, 4, num_kernels=9, entries=2, library=6)
    assert whole.score == pytest.approx(best_with(values, every, 9))


def test_patterns_that_were_hidden_in_the_weights_are_found() -> None:
    rng = np.random.default_rng(3)
    hidden = np.array([[1, 1, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0, 1, 1]], dtype=bool)
    kernels = hidden[rng.integers(0, 2, (16, 32))]
    importance = np.moveaxis(kernels, -1, 0).reshape(9 * 16, 32) + 0.1 * rng.random((9 * 16, 32))
    found = select_kernel_patterns(importance, 9, num_kernels=16 * 32, library=2)
    np.testing.assert_array_equal(
        found.library[np.lexsort(found.library.T)], hidden[::-1][np.lexsort(hidden[::-1].T)]
    )
    np.testing.assert_array_equal(found.mask(), importance >= 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"taps": 5}, "taps is 5; expected a divisor of the layer's 12 lanes"),
        ({"taps": 0}, "taps is 0; expected a whole number"),
        ({"block_size": 5}, "block_size is 5; expected a divisor of the layer's 8 channels"),
        ({"entries": 0}, "entries is 0; expected a whole number"),
        ({"library": 1.5}, "library is 1.5; expected a whole number"),
        ({"num_kernels": 33}, "num_kernels is 33; expected 0 to 32"),
        ({"num_kernels": -1}, "num_kernels is -1; expected 0 to 32"),
        ({"importance": -np.ones((12, 8))}, "importance contains -1"),
        ({"importance": np.ones(12)}, r"the shape \(12,\)"),
    ],
)
def test_impossible_arguments(options: dict[str, Any], message: str) -> None:
    given = {"importance": np.ones((12, 8)), "taps": 3, "num_kernels": 2} | options
    with pytest.raises(ValueError, match=message):
        select_kernel_patterns(given.pop("importance"), given.pop("taps"), **given)
