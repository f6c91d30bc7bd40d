"""Recipes: everything that says how a dense network becomes a pruned one, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

UNSTRUCTURED, ALIGNED, UNALIGNED = "unstructured", "aligned", "unaligned"
GRADUAL, REWEIGHTED, ADMM = "gradual", "reweighted", "ADMM"
METHODS = (
    "unstructured",
    "aligned",
    "greedy",
    "bed",
    "optimal",
    "aligned+permutation",
    "optimal+permutation",
    "optimal+global",
)
GRADUAL_SPARSITY = 0.95
REFERENCE = "aligned"  # the name of the recipe that a cell's others are compared with


@dataclass(frozen=True)
class Recipe:
    """One way to prune. Two recipes that are equal give equal results, whatever they are called.

    pattern: UNSTRUCTURED, ALIGNED or UNALIGNED.
    block_size: N, output channels of a block; 1 for UNSTRUCTURED.
    sparsity: share of zeros in the pruned layers, 0 to 1.
    method: how blocks are chosen, see `ubp.prune`.
    permute: whether `ubp.permute_channels` comes first.
    scope: whose sparsity it is, see `ubp.prune`: "layer", "global" or "latency".
    normalize: how importance is compared between layers, with the other scopes than "layer"; see
        `ubp.GlobalBudget`.
    min_density: the share of its weights that each layer keeps at least, with these.
    steps: training steps while and after pruning; 0: pruned at once, without training, then the
        statistics of batch normalisation are measured anew.
    importance: of the weights, see `ubp.prune`.
    schedule: GRADUAL, REWEIGHTED or ADMM.
    rising_share: of the steps, in which the sparsity rises from 0, or the penalty acts.
    frequency: steps between two updates of the masks, or the penalty.
    learning_rate: at the first step; it falls to 0 along a cosine.
    gradients: of pruned weights, see `ubp.prune`.
    distillation: share of the dense network's outputs in the targets, 0 to 1.
    """

    pattern: str
    block_size: int
    sparsity: float
    method: str = "optimal"
    permute: bool = False
    scope: str = "layer"
    normalize: str = "rms"
    min_density: float = 0.01
    steps: int = 0
    importance: str = "magnitude"
    schedule: str = GRADUAL
    rising_share: float = 0.6
    frequency: int = 10
    learning_rate: float = 1e-3
    gradients: str = "masked"
    distillation: float = 0.0

    def but(self, **changes: Any) -> Recipe:
        """A copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Cell:
    """Recipes that are compared with each other on one network.

    name: for the command line and in files.
    title: for people.
    network: see `experiment.study.networks`.
    recipes: by the name of what they differ in; REFERENCE is among them.
    """

    name: str
    title: str
    network: str
    recipes: Mapping[str, Recipe]


def recipe_of(method: str, block_size: int, sparsity: float, steps: int = 0) -> Recipe:
    """What one of METHODS does; steps as `Recipe` has them."""
    unaligned = Recipe(UNALIGNED, block_size, sparsity, steps=steps)
    aligned = unaligned.but(pattern=ALIGNED, method="aligned")
    return {
        "unstructured": unaligned.but(pattern=UNSTRUCTURED, block_size=1),
        "aligned": aligned,
        "greedy": unaligned.but(method="greedy"),
        "bed": unaligned.but(method="bed"),
        "optimal": unaligned,
        "aligned+permutation": aligned.but(permute=True),
        "optimal+permutation": unaligned.but(permute=True),
        "optimal+global": unaligned.but(scope="global"),
    }[method]
