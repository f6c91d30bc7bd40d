# SPDX-License-Identifier: Apache-2.0
"""`select_blocks_global`: one budget for the blocks of several layers, and what it returns.

Its steps: check (layers.py, limits.py) and normalise (score.py), find the number of blocks of each
layer (allocation.py), then choose each layer's blocks as `select_blocks` does for that number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from ubp.arguments import check_choice
from ubp.selection.layer.result import Selection
from ubp.selection.layer.select import check_method, select_blocks
from ubp.selection.native.form import backend
from ubp.selection.network.allocation import allocate
from ubp.selection.network.layers import Importances, checked_densities, checked_layers
from ubp.selection.network.limits import LayerSizes, Request, density_limits
from ubp.selection.network.score import LAMP, NORMALIZATIONS, make_score


def select_blocks_global(
    importances: Importances,
    block_size: int | Sequence[int] = 4,
    *,
    sparsity: float | None = None,
    num_blocks: int | None = None,
    budget: float | None = None,
    costs: Sequence[float] | None = None,
    normalize: str = "rms",
    min_density: float | Sequence[float] = 0.0,
    max_density: float | Sequence[float] = 1.0,
    method: str = "optimal",
    block_lanes: int | Sequence[int] = 1,
) -> GlobalSelection:
    """Choose which blocks of several layers to keep under one budget for all of them.

    How many blocks each layer keeps follows from the importance alone: the result has the largest
    sum of normalised importance over all layers that the budget allows. It is found by a price for
    each unit of the budget (Everett 1963).

    What is exact (to importance in 2^29 / N steps per layer, and float64 between layers): with
    `num_blocks`, with `sparsity` if all layers' blocks are of one size and there are no `costs`,
    and wherever all costs are equal, exactly as many blocks as asked for with the largest sum, with
    or without density limits. With unequal costs, the blocks never cost more than the budget; the
    sum is the largest if the budget is spent to the end, and otherwise lacks at most the
    contribution of one block. In every case `upper_bound` says how much may be lacking.

        >>> import numpy as np
        >>> import ubp
        >>> importances = [np.full((4, 8), 1.0), np.full((2, 8), 3.0)]
        >>> chosen = ubp.select_blocks_global(importances, 4, num_blocks=6, normalize="none")
        >>> [len(selection) for selection in chosen], chosen.score
        ([2, 4], 56.0)

    Args:
        importances: of each layer float32 or float64 [lanes, channels], finite and >= 0; see
            `select_blocks`.
        block_size: N, one for all layers or one for each.
        sparsity: the share of all weights to remove, 0 to 1; with `costs`, the share of the cost of
            all weights. Give one of this, `num_blocks` and `budget`.
        num_blocks: the number of blocks to keep in all layers together, of whatever size.
        budget: what the kept blocks may cost together, in the unit of `costs`: milliseconds,
            multiplications, bytes.
        costs: what one block costs, above 0, for each layer.
        normalize: how importance is made comparable between layers: "none", "max", "mean", "rms",
            "l1", "l2" or "lamp"; see `ubp.selection.network.score` for their sources. "lamp"
            keeps at least one block of each layer that has any importance.
        min_density, max_density: limits of the share of weights that a layer keeps, 0 to 1, rounded
            to the nearest whole block; one for all layers or one for each. A layer that ends at a
            limit is solved on its own for that number of blocks.
        method: how the blocks within a layer are chosen, see `select_blocks`. The numbers of blocks
            and the bound are those of "optimal" for every method.
        block_lanes: M, one for all layers or one for each; see `select_blocks`.

    Returns:
        A sequence of `Selection`, one for each layer, with the whole score, bound and cost.

    Raises:
        ValueError: if an argument is not as described, or if budget and limits exclude each other.
    """
    form = backend()
    layers = checked_layers(importances, block_size, block_lanes, form)
    check_method(method)
    check_choice("normalize", normalize, NORMALIZATIONS)
    sizes = LayerSizes(
        [layer.shape for layer in layers],
        [layer.block_size for layer in layers],
        [layer.block_lanes for layer in layers],
    )
    at_least, at_most = density_limits(
        sizes,
        checked_densities(min_density, "min_density", len(layers)),
        checked_densities(max_density, "max_density", len(layers)),
    )
    if normalize == LAMP:
        important = np.array([layer.peak > 0.0 for layer in layers])
        at_least = np.maximum(at_least, np.minimum(important, at_most))
    limits = Request(sparsity, num_blocks, budget, costs).limits(sizes, at_least, at_most)

    whole = make_score(normalize, layers, limits)
    allocation = allocate(layers, whole.gain, limits, form)
    selections = tuple(
        select_blocks(
            layer.importance,
            layer.block_size,
            num_blocks=count,
            method=method,
            block_lanes=layer.block_lanes,
        )
        for layer, count in zip(layers, allocation.counts.tolist(), strict=True)
    )
    scores = np.array([selection.score for selection in selections])
    bounds = np.array([selection.upper_bound for selection in selections])
    return GlobalSelection(
        selections,
        whole.value(scores),
        whole.upper_bound(bounds, allocation.slack),
        limits.spent(allocation.counts),
    )


@dataclass(frozen=True, eq=False)
class GlobalSelection(Sequence[Selection]):
    """The kept blocks of several layers: a sequence of `Selection`, in the order of the layers.

        >>> import numpy as np
        >>> import ubp
        >>> layers = [np.full((4, 8), 1.0), np.full((2, 8), 3.0)]
        >>> chosen = ubp.select_blocks_global(layers, 4, num_blocks=6, normalize="none")
        >>> len(chosen), chosen.num_blocks, chosen[0].mask().sum().item()
        (2, 6, 8)

    Attributes:
        selections: one of each layer.
        score: the normalised importance that is kept: the sum over layers of factor * importance
            (see score.py), for "lamp" of log(kept importance / all importance of the
            layer), over the layers that may and can keep any.
        upper_bound: no selection of (unaligned) blocks within the same limits has a larger score.
        cost: what the kept blocks cost together, in the unit of the budget.
    """

    selections: tuple[Selection, ...]
    score: float
    upper_bound: float
    cost: float

    @overload
    def __getitem__(self, index: int) -> Selection: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Selection, ...]: ...

    def __getitem__(self, index: int | slice) -> Selection | tuple[Selection, ...]:
        """A layer's selection."""
        return self.selections[index]

    def __len__(self) -> int:
        """Number of layers."""
        return len(self.selections)

    def __iter__(self) -> Iterator[Selection]:
        """The layers' selections."""
        return iter(self.selections)

    @property
    def num_blocks(self) -> int:
        """Number of blocks of all layers."""
        return sum(len(selection) for selection in self.selections)
