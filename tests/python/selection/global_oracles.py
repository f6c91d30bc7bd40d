# SPDX-License-Identifier: Apache-2.0
"""The best selection over several layers by trying every distribution of blocks over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from selection_oracles import KINDS, assert_valid, best_scores, make_importance, quantised_score

from ubp.selection import GlobalSelection
from ubp.selection.layer.quantised import quantise

Importances = list[npt.NDArray]

FACTORS = {
    "none": lambda a: 1.0,
    "max": lambda a: 1 / a.max(),
    "mean": lambda a: 1 / a.mean(),
    "rms": lambda a: 1 / np.sqrt((a**2).mean()),
    "l1": lambda a: 1 / a.sum(),
    "l2": lambda a: 1 / np.sqrt((a**2).sum()),
}


@dataclass(frozen=True)
class Problem:
    """What `select_blocks_global` is given, in a plain form: limits as numbers of blocks."""

    importances: Importances
    block_sizes: list[int]
    normalize: str
    costs: list[float]
    at_least: list[int]
    at_most: list[int]

    def curves(self) -> list[npt.NDArray[np.int64]]:
        """f(0), f(1), ... of each layer, quantised."""
        layers = zip(self.importances, self.block_sizes, strict=True)
        return [best_scores(*layer) for layer in layers]

    def contributions(self) -> list[npt.NDArray[np.float64]]:
        """What each layer adds to the whole with 0, 1, ... blocks; -inf where it must not."""
        return [self._contribution(layer, curve) for layer, curve in enumerate(self.curves())]

    def _contribution(self, layer: int, curve: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        importance = self.importances[layer]
        quantised = quantise(importance, self.block_sizes[layer])
        kept = curve * (quantised.peak / quantised.quanta)
        if self.normalize != "lamp":
            kept = kept * (FACTORS[self.normalize](importance) if importance.any() else 0.0)
        elif importance.any() and self.at_most[layer] > 0:
            with np.errstate(divide="ignore"):
                kept = np.log(kept / importance.sum())
        else:
            kept = np.zeros(len(curve))
        allowed = np.arange(len(curve))
        allowed = (allowed >= self.at_least[layer]) & (allowed <= self.at_most[layer])
        return np.where(allowed, kept, -np.inf)

    def best(self, budget: float) -> float:
        """The largest whole of all distributions of blocks that cost at most the budget."""
        total, cost = np.zeros(1), np.zeros(1)
        for contribution, price in zip(self.contributions(), self.costs, strict=True):
            total = np.add.outer(total, contribution).ravel()
            cost = np.add.outer(cost, price * np.arange(len(contribution))).ravel()
        return float(total[cost <= budget * (1 + 1e-12)].max())

    def whole(self, selection: GlobalSelection) -> float:
        """That of a selection, from the numbers of blocks and the quantised curves."""
        chosen = zip(self.contributions(), selection, strict=True)
        return float(sum(contribution[len(blocks)] for contribution, blocks in chosen))

    def one_block(self) -> float:
        """The most that a single block contributes beyond the fewest that are allowed."""
        steps = [
            np.diff(contribution[np.isfinite(contribution)])
            for contribution in self.contributions()
        ]
        return max((float(step.max()) for step in steps if len(step)), default=0.0)

    def check(self, selection: GlobalSelection) -> None:
        """Each layer's blocks are the best ones for their number, which is within its limits."""
        assert len(selection) == len(self.importances)
        for layer, (blocks, curve) in enumerate(zip(selection, self.curves(), strict=True)):
            importance = self.importances[layer]
            assert self.at_least[layer] <= len(blocks) <= self.at_most[layer]
            assert blocks.block_size == self.block_sizes[layer]
            assert_valid(blocks, importance, len(blocks))
            assert quantised_score(blocks, importance) == curve[len(blocks)]
        counts = [len(blocks) for blocks in selection]
        assert np.isclose(selection.cost, np.dot(counts, self.costs), rtol=1e-12, atol=0)
        assert selection.num_blocks == sum(counts)


def random_importances(
    rng: np.random.Generator, block_sizes: Sequence[int], max_lanes: int = 3
) -> Importances:
    """Small layers of any kind, of scales that differ by up to 100."""
    importances = []
    for block_size in block_sizes:
        shape = (int(rng.integers(1, max_lanes + 1)), int(rng.integers(block_size, 4 * block_size)))
        kind = KINDS[rng.integers(len(KINDS))]
        importances.append(make_importance(kind, shape, rng) * 10.0 ** rng.uniform(-2, 0))
    return importances


def packable(importances: Importances, block_sizes: Sequence[int]) -> list[int]:
    layers = zip(importances, block_sizes, strict=True)
    return [importance.shape[0] * (importance.shape[1] // n) for importance, n in layers]
