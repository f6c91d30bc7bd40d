# SPDX-License-Identifier: Apache-2.0
"""Recipes: everything that says how a dense network becomes a pruned one, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

UNSTRUCTURED, ALIGNED, UNALIGNED = "unstructured", "aligned", "unaligned"
KERNELS, REMOVED = "kernels", "removed"
GRADUAL, REWEIGHTED, ADMM = "gradual", "reweighted", "ADMM"
DENSE, ONE_SHOT, REBUILT = "dense", "one-shot", "rebuilt"
FLOAT, POST_TRAINING, AWARE = "float", "post-training", "aware"
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

    pattern: UNSTRUCTURED, ALIGNED, UNALIGNED, KERNELS (`ubp.KernelPattern`: 4 taps, 8 patterns), or
        REMOVED: no zeros, but fewer channels, by `ubp.remove_channels`.
    block_size: N, output channels of a block; 1 for UNSTRUCTURED.
    sparsity: share of zeros in the pruned layers, 0 to 1; 0: nothing is pruned. For REMOVED, the
        share of weights that layers lose which lose the same share of inputs and outputs.
    start: what training begins with: DENSE, the dense network, whose masks come with the schedule;
        ONE_SHOT, pruned at once; REBUILT, pruned by `ubp.prune_without_training`. The masks of the
        latter two stay, unless `start_sparsity` says otherwise.
    start_sparsity: of such a start, from which the sparsity then rises; None: `sparsity`.
    dense_weights: whether such a start leaves its masks only, and the weights are the dense ones.
    pictures: that REBUILT sees.
    method: how blocks are chosen, see `ubp.prune`.
    permute: whether `ubp.permute_channels` comes first.
    scope: whose sparsity it is, see `ubp.prune`: "layer", "global" or "latency".
    normalize: how importance is compared between layers, with the other scopes than "layer"; see
        `ubp.GlobalBudget`.
    min_density: the share of its weights that each layer keeps at least, with these.
    steps: training steps while and after pruning; 0: pruned without training; but for REBUILT the
        statistics of batch normalisation are then measured anew.
    importance: of the weights, see `ubp.prune`.
    schedule: GRADUAL, REWEIGHTED or ADMM.
    rising_share: of the steps, in which the sparsity rises from 0, or the penalty acts.
    frequency: steps between two updates of the masks, or the penalty.
    learning_rate: at the first step; it falls to 0 along a cosine.
    gradients: of pruned weights, see `ubp.prune`.
    distillation: share of the dense network's outputs in the targets, 0 to 1.
    lanes: of a block, see `ubp.UnalignedBlock`; 1 for UNSTRUCTURED.
    quantization: what is tested: FLOAT, the network; POST_TRAINING, its int8 file; AWARE, the int8
        file of a network that was trained for it (`ubp.QuantizeAware`), in all its steps.
    """

    pattern: str
    block_size: int
    sparsity: float
    start: str = DENSE
    start_sparsity: float | None = None
    dense_weights: bool = False
    pictures: int = 512
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
    lanes: int = 1
    quantization: str = FLOAT

    @property
    def untrained(self) -> Recipe:
        """Its start, which recipes that differ in their training share."""
        sparsity = self.sparsity if self.start_sparsity is None else self.start_sparsity
        return Recipe(
            self.pattern,
            self.block_size,
            sparsity,
            start=self.start,
            pictures=self.pictures,
            method=self.method,
            permute=self.permute,
            scope=self.scope,
            normalize=self.normalize,
            min_density=self.min_density,
            lanes=self.lanes,
        )

    def but(self, **changes: Any) -> Recipe:
        """A copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Cell:
    """Recipes that are compared with each other on one network.

    name: for the command line and in files.
    title: for people.
    network: see `experiment.study.networks`.
    recipes: by the name of what they differ in; the experiment's reference is among them.
    milliseconds: of an inference, by the name of the recipe, where that was measured.
    """

    name: str
    title: str
    network: str
    recipes: Mapping[str, Recipe]
    milliseconds: Mapping[str, float] = field(default_factory=dict)


def recipe_of(
    method: str, block_size: int, sparsity: float, steps: int = 0, lanes: int = 1
) -> Recipe:
    """What one of METHODS does; steps and lanes as `Recipe` has them."""
    unaligned = Recipe(UNALIGNED, block_size, sparsity, steps=steps, lanes=lanes)
    aligned = unaligned.but(pattern=ALIGNED, method="aligned")
    return {
        "unstructured": unaligned.but(pattern=UNSTRUCTURED, block_size=1, lanes=1),
        "aligned": aligned,
        "greedy": unaligned.but(method="greedy"),
        "bed": unaligned.but(method="bed"),
        "optimal": unaligned,
        "aligned+permutation": aligned.but(permute=True),
        "optimal+permutation": unaligned.but(permute=True),
        "optimal+global": unaligned.but(scope="global"),
    }[method]
