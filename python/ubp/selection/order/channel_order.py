# SPDX-License-Identifier: Apache-2.0
"""Channels in another order, so that blocks of neighbours keep more importance.

The function of a network does not depend on the order of a hidden layer's output channels, as long
as all that reads them follows. But a block is N *neighbouring* channels of a lane: if channels that
matter in the same lanes are neighbours, the same number of blocks keeps more. Layers whose outputs
are added have to share one order.

Where blocks have several lanes, the order also decides which input channels of the layers behind
share a block: readers.py.

    importances  one float32 or float64 [lanes, channels] per layer, the channels being shared;
                 where blocks have M lanes, [lanes / M, channels] (see ubp.lanes)
    order        int64 [channels]: order[i] is the channel that comes to place i

"chain" (chain.py) builds an order in one go, "hill_climb" (hill_climb.py, which needs SciPy)
improves on it. Either way the result is judged by the exact optimum, and the order that the
channels have is kept if it is better. The same input always gives the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_share, check_whole
from ubp.selection.layer.select import max_num_blocks, select_blocks
from ubp.selection.order.chain import chain_channels
from ubp.selection.order.readers import Reader

PERMUTATION_METHODS = ("chain", "hill_climb")
DEFAULT_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class ChannelOrder:
    """An order of channels, and what the optimal unaligned blocks keep in it.

    Attributes:
        order: int64 [channels], the channel that comes to each place; read-only.
        kept_before: importance that each layer keeps in the order that the channels have: those
            whose outputs the channels are, then the readers.
        kept_after: the same in the new order; the sum is at least as large.
    """

    order: npt.NDArray[np.int64]
    kept_before: tuple[float, ...]
    kept_after: tuple[float, ...]


def order_channels(
    importances: Sequence[npt.NDArray[np.floating]],
    block_size: int = 4,
    sparsity: float = 0.8,
    method: str = "hill_climb",
    *,
    readers: Sequence[Reader] = (),
    rounds: int = DEFAULT_ROUNDS,
    seed: int = 0,
    after_round: Callable[[], None] = lambda: None,
) -> ChannelOrder:
    """Find an order in which the layers together keep as much importance as possible.

    Finding the best order is a quadratic assignment problem, for which no exact method is known
    that is fast: both methods are heuristics.

    Args:
        importances: of each layer; see the module's description. Finite and >= 0.
        block_size: N, 1 to `channels`.
        sparsity: the share of weights to remove from each layer, 0 to 1; less than blocks of N can
            reach where N does not divide the channels means the smallest that they can.
        method: "chain" or "hill_climb".
        readers: layers that read the channels and count as well.
        rounds: of the hill climb.
        seed: of the hill climb.
        after_round: called after every round, for progress bars.

    Raises:
        ValueError: if an argument is not as described, or the layers' channels differ in number.
    """
    check_search(method, rounds, seed)
    widths = {importance.shape[1:] for importance in importances}
    widths |= {reader.lanes.shape[1:] for reader in readers}
    if len(widths) != 1:
        raise ValueError(
            f"the layers have {sorted(widths)} channels; expected at least one layer, and as many "
            "channels in all."
        )
    layers = _Layers(importances, readers, block_size, sparsity)
    kept_before = layers.kept(None)
    columns = [each.rows().reshape(-1, each.lanes.shape[1]) for each in readers]
    order = chain_channels([*importances, *columns], sparsity)
    if method == "hill_climb":
        from ubp.selection.order.hill_climb import HillClimb  # SciPy is optional

        climb = HillClimb(importances, readers, block_size, layers.counts, seed)
        order = climb.run(order, rounds, after_round)
    kept_after = layers.kept(order)
    if sum(kept_after) <= sum(kept_before):
        order, kept_after = np.arange(len(order)), kept_before
    order.setflags(write=False)
    return ChannelOrder(order, kept_before, kept_after)


@dataclass(frozen=True)
class _Layers:
    """What an order is judged by."""

    importances: Sequence[npt.NDArray[np.floating]]
    readers: Sequence[Reader]
    block_size: int
    sparsity: float

    @property
    def counts(self) -> list[int]:
        """How many blocks each keeps."""
        own = [block_count(each.shape, self.block_size, self.sparsity) for each in self.importances]
        return own + [
            block_count(each.importance.shape, self.block_size, self.sparsity, each.block_lanes)
            for each in self.readers
        ]

    def kept(self, order: npt.NDArray[np.int64] | None) -> tuple[float, ...]:
        """The importance that each layer keeps in an order; None: in the one that there is."""
        own = [each if order is None else each[:, order] for each in self.importances]
        read = [
            each.importance if order is None else each.reordered(order) for each in self.readers
        ]
        lanes = [1] * len(own) + [each.block_lanes for each in self.readers]
        return tuple(
            kept_importance(each, self.block_size, self.sparsity, block_lanes)
            for each, block_lanes in zip([*own, *read], lanes, strict=True)
        )


def check_search(method: str, rounds: int, seed: int) -> None:
    """Refuse methods that there are not, hill climbs of no rounds, and seeds that are none.

    Raises:
        ValueError: if one is wrong.
    """
    check_choice("method", method, PERMUTATION_METHODS)
    check_whole("rounds", rounds, 1)
    check_whole("seed", seed, 0)


def kept_importance(
    importance: npt.NDArray[np.floating], block_size: int, sparsity: float, block_lanes: int = 1
) -> float:
    """What the optimal unaligned blocks of a layer keep; see `select_blocks`."""
    count = block_count(importance.shape, block_size, sparsity, block_lanes)
    return select_blocks(importance, block_size, num_blocks=count, block_lanes=block_lanes).score


def block_count(
    shape: tuple[int, ...], block_size: int, sparsity: float, block_lanes: int = 1
) -> int:
    """The blocks of a layer [lanes, channels] at this sparsity, at most as many as can be packed.

    Raises:
        ValueError: if the sparsity is not from 0 to 1, or the blocks do not fit.
    """
    check_share("sparsity", sparsity)
    lanes, channels = shape
    most = max_num_blocks((lanes, channels), block_size, block_lanes)
    return min(round((1.0 - sparsity) * lanes * channels / (block_size * block_lanes)), most)
