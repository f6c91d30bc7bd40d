# SPDX-License-Identifier: Apache-2.0
"""Random layers for the tests of reconstruction, and brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ubp.reconstruction import MomentSum
from ubp.reconstruction.problem import problem_of


def layer(lanes, channels, samples=200, seed=0, mixed=True):
    """(moments, weights, inputs, targets) of a layer whose lanes know of each other."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(samples, lanes)) + rng.normal(size=lanes)
    if mixed:
        inputs = inputs @ (np.eye(lanes) + 0.4 * rng.normal(size=(lanes, lanes)))
    inputs = inputs.astype(np.float32)
    weights = rng.normal(size=(lanes, channels)).astype(np.float32)
    targets = inputs @ weights + rng.normal(size=channels).astype(np.float32)
    total = MomentSum(lanes, channels)
    for start in range(0, samples, 64):
        total.add(inputs[start : start + 64], targets[start : start + 64])
    return total.moments(), weights, inputs, targets


def problem(lanes, channels, seed=0, damping=0.01, **kwargs):
    moments, weights, _, _ = layer(lanes, channels, seed=seed, **kwargs)
    return problem_of(moments, weights, damping)


def fitted_by_hand(problem, mask):
    """Each channel by itself."""
    weights = np.zeros(mask.shape)
    for channel in range(mask.shape[1]):
        kept = np.flatnonzero(mask[:, channel])
        part = problem.a[np.ix_(kept, kept)]
        weights[kept, channel] = np.linalg.solve(part, problem.b[kept, channel])
    return weights


def packings(lanes, channels, block_size, count, aligned=False):
    """The masks of all ways to place so many blocks."""
    step = block_size if aligned else 1
    places = [(k, c) for k in range(lanes) for c in range(0, channels - block_size + 1, step)]
    for chosen in combinations(places, count):
        mask = np.zeros((lanes, channels), int)
        for lane, start in chosen:
            mask[lane, start : start + block_size] += 1
        if mask.max() <= 1:
            yield mask.astype(bool)
