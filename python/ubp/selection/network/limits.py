# SPDX-License-Identifier: Apache-2.0
"""From the arguments of `select_blocks_global` to limits on the layers' numbers of blocks.

All kinds of budget become one: a block of layer l costs c_l, and at most `budget` is spent.

    num_blocks = m       c_l = 1, budget = m
    sparsity = s         c_l = 1, budget = round((1 - s) * weights / (N * M)), as in
                         `select_blocks`; if N * M, the weights of a block, differs between layers,
                         c_l = N_l * M_l, budget = (1 - s) * weights
    sparsity and costs   c_l as given, budget = (1 - s) * what all weights cost
    budget and costs     as given
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_number, check_sequence, check_share, check_whole
from ubp.selection.layer.select import max_num_blocks

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_ROUNDING = 1 + 2**-40  # by how much costs may exceed a budget that they are meant to meet


@dataclass(frozen=True)
class Limits:
    """What the numbers of blocks must satisfy.

    Attributes:
        costs: float64 [layers], of a block, above 0.
        at_least, at_most: int64 [layers], limits of each layer's number of blocks.
        budget: what the blocks of all layers may cost; enough for `at_least`.
    """

    costs: Reals
    at_least: Integers
    at_most: Integers
    budget: float

    def clip(self, counts: Integers) -> Integers:
        """Counts [..., layers] within each layer's limits."""
        return np.clip(counts, self.at_least, self.at_most)

    def spent(self, counts: Integers) -> float:
        """What counts [layers] of blocks cost."""
        return float(counts @ self.costs)


@dataclass(frozen=True)
class LayerSizes:
    """What limits depend on: the layers' shapes (lanes, channels) and blocks.

    block_sizes: N of each.
    block_lanes: M of each; None: 1.
    """

    shapes: list[tuple[int, int]]
    block_sizes: list[int]
    block_lanes: list[int] | None = None

    @property
    def weights(self) -> Integers:
        """Int64 [layers]: number of weights."""
        return np.array([lanes * channels for lanes, channels in self.shapes], dtype=np.int64)

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """(N, M) of each layer."""
        lanes = self.block_lanes or [1] * len(self.block_sizes)
        return list(zip(self.block_sizes, lanes, strict=True))

    @property
    def block_weights(self) -> Integers:
        """Int64 [layers]: N * M, the weights of a block."""
        return np.array([channels * lanes for channels, lanes in self.blocks], dtype=np.int64)

    @property
    def are_equal(self) -> bool:
        """Whether a block has as many weights in every layer."""
        return len(set(self.block_weights.tolist())) == 1

    @property
    def full(self) -> Reals:
        """Float64 [layers]: the blocks of all weights, as if N divided the channels."""
        full: Reals = self.weights / self.block_weights
        return full

    @property
    def packable(self) -> Integers:
        """Int64 [layers]: the most blocks that fit."""
        sizes = zip(self.shapes, self.blocks, strict=True)
        return np.array([max_num_blocks(shape, *block) for shape, block in sizes], dtype=np.int64)


@dataclass(frozen=True)
class Request:
    """The budget as the caller gave it; see `select_blocks_global`."""

    sparsity: float | None
    num_blocks: int | None
    budget: float | None
    costs: Sequence[float] | None

    def limits(self, sizes: LayerSizes, at_least: Integers, at_most: Integers) -> Limits:
        """What it means for layers of these sizes, within limits of each.

        Raises:
            ValueError: if arguments are not as `select_blocks_global` describes.
        """
        self._check_which()
        costs = self._block_costs(sizes)
        budget, asked = self._whole(sizes, costs)
        limits = Limits(costs, at_least, at_most, budget)
        fewest, most = limits.spent(at_least), limits.spent(at_most)
        too_much = self.budget is None and budget > most * _ROUNDING
        if budget < fewest or too_much:
            raise ValueError(
                f"{asked}; expected {fewest:.10g} to {most:.10g}, what the fewest and the most "
                "blocks cost that the layers may keep."
            )
        return limits

    def _check_which(self) -> None:
        given = {"sparsity": self.sparsity, "num_blocks": self.num_blocks, "budget": self.budget}
        names = [name for name, value in given.items() if value is not None]
        if len(names) != 1:
            raise ValueError(
                f"{' and '.join(names) or 'none'} of sparsity, num_blocks and budget given; "
                "expected exactly one."
            )
        if self.budget is not None and self.costs is None:
            raise ValueError(
                "budget is given without costs; give the cost of a block of each layer."
            )
        if self.num_blocks is not None and self.costs is not None:
            raise ValueError(
                "costs are given with num_blocks, for which all blocks count the same; give a "
                "budget, or as sparsity the share of the costs to remove."
            )

    def _block_costs(self, sizes: LayerSizes) -> Reals:
        """Float64 [layers]: c_l of the module's description."""
        layers = len(sizes.shapes)
        if self.costs is not None:
            return _checked_costs(self.costs, layers)
        if self.num_blocks is not None or sizes.are_equal:
            return np.ones(layers)
        return sizes.block_weights.astype(np.float64)

    def _whole(self, sizes: LayerSizes, costs: Reals) -> tuple[float, str]:
        """The budget and, for messages, the argument that asks for it."""
        if self.num_blocks is not None:
            count = check_whole("num_blocks", self.num_blocks)
            return float(count), f"num_blocks is {count}"
        if self.budget is not None:
            expected = "a finite number of at least 0"
            check_number("budget", self.budget, expected, lambda budget: 0.0 <= budget < np.inf)
            return self.budget * _ROUNDING, f"budget is {self.budget}"
        assert self.sparsity is not None
        check_share("sparsity", self.sparsity)
        if self.costs is None and sizes.are_equal:
            block = int(sizes.block_weights[0])
            count = round((1.0 - self.sparsity) * int(sizes.weights.sum()) / block)
            return float(count), f"sparsity {self.sparsity} asks for {count} blocks"
        whole = (1.0 - self.sparsity) * float(sizes.full @ costs)
        return whole * _ROUNDING, f"sparsity {self.sparsity} asks for {whole:.10g}"


def density_limits(
    sizes: LayerSizes, min_density: Reals, max_density: Reals
) -> tuple[Integers, Integers]:
    """(at_least, at_most) blocks of each layer, densities rounded to the nearest whole block.

    Args:
        sizes: of the layers.
        min_density, max_density: float64 [layers], shares of a layer's weights.

    Raises:
        ValueError: if they are not 0 <= min_density <= max_density <= 1, or if a layer cannot hold
            its min_density.
    """
    valid = (min_density >= 0.0) & (min_density <= max_density) & (max_density <= 1.0)
    if not valid.all():
        layer = int(np.argmin(valid))
        raise ValueError(
            f"layer {layer}: min_density is {min_density[layer]} and max_density "
            f"{max_density[layer]}; expected 0 <= min_density <= max_density <= 1."
        )
    at_least = np.rint(min_density * sizes.full).astype(np.int64)
    at_most = np.minimum(np.rint(max_density * sizes.full).astype(np.int64), sizes.packable)
    if np.any(at_least > sizes.packable):
        layer = int(np.argmax(at_least > sizes.packable))
        (lanes, channels), (size, block_lanes) = sizes.shapes[layer], sizes.blocks[layer]
        block = f"{size}" if block_lanes == 1 else f"{size}x{block_lanes}"
        raise ValueError(
            f"layer {layer}: min_density {min_density[layer]} asks for {at_least[layer]} blocks of "
            f"size {block}; expected at most {sizes.packable[layer]}, which is all that fit "
            f"{lanes} lanes of {channels} channels."
        )
    return at_least, at_most


def _checked_costs(costs: Sequence[float], num_layers: int) -> Reals:
    expected = f"the cost of a block of each of the {num_layers} layers"
    if not isinstance(costs, np.ndarray):
        check_sequence("costs", costs, expected)
    if np.shape(costs) != (num_layers,):
        raise ValueError(f"costs has the shape {np.shape(costs)}; expected {expected}.")
    for layer, cost in enumerate(costs):
        check_number(
            f"layer {layer}: the cost of a block",
            cost,
            "a finite number above 0",
            lambda number: 0.0 < number < np.inf,
        )
    return np.array(costs, dtype=np.float64)
