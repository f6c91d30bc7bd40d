# SPDX-License-Identifier: Apache-2.0
"""Block expansion and division (BED), the greedy method of the UBP paper, arXiv 2407.19644.

Each lane is a list of its elements. A block is N neighbours *on the list*, S[k] the score of the
one that starts at list position k. The best block is taken again and again, and its elements leave
the list, so that elements to its left and right become neighbours. A later block may thus have a
taken one in its middle: together they are one region of 2N channels (the *expansion*), and so on.
In the end, each region is cut into blocks of N from its left (the *division*). When the block at k
leaves,

    S[k-n] := S[k-n] + S[k-n+N] - S[k]    for n = 1 .. N-1

(the n elements before it and the N - n after it) if both terms exist; the candidates k-n for which
they do not, and k .. k+N-1, disappear.

All lanes at once: both terms are at most S[k], the best of its lane, hence so is the new S[k-n],
and the gains of a lane's successive blocks never increase. The m blocks that the method takes from
a whole layer are therefore the m largest gains of the lanes' own sequences.

A list loses N neighbours at a time, so BED packs any number of blocks that can be packed.

Arrays: the lists are doubly linked over *slots*; lane l owns slots l*W .. l*W + W-1 with
W = channels + 2, the first and last of which are its list's ends. An absent candidate has score -1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.quantised import QuantisedLayer, largest_indices, sliding_sums

_ABSENT = -1


def select(layer: QuantisedLayer, num_blocks: int) -> npt.NDArray[np.int64]:
    """num_blocks blocks as sorted positions; of equal gains, first lanes and channels first."""
    lanes, channels = layer.shape
    taken = expand(layer.elements, np.full(lanes, channels), layer.block_size, num_blocks)
    return divide(taken, layer.block_size)


def divide(taken: npt.NDArray[np.bool_], block_size: int) -> npt.NDArray[np.int64]:
    """Cut regions [lanes, channels], each a multiple of N channels long, into sorted positions."""
    return np.flatnonzero(taken)[::block_size].astype(np.int64)


def expand(
    elements: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int64],
    block_size: int,
    num_blocks: int,
) -> npt.NDArray[np.bool_]:
    """Take the num_blocks >= 1 best blocks off lists of elements, in the order of their gains.

    Args:
        elements: int32 [lanes, channels]; lane l's list is its first lengths[l] elements.
        lengths: int64 [lanes].
        block_size: N.
        num_blocks: at most the sum of lengths // N.

    Returns:
        Bool [lanes, channels]: the elements taken.
    """
    lists = _Lists.of(elements, lengths, block_size)
    rounds: list[_Blocks] = []  # in each, the best block left of every lane that may still matter
    best_gains = np.empty(0, dtype=np.int32)  # the num_blocks largest so far
    threshold = 0
    lanes = np.arange(len(elements))
    while True:
        blocks = lists.best_blocks(lanes, threshold)
        if not len(blocks.lanes):
            break
        rounds.append(blocks)
        lists.remove(blocks)
        lanes = blocks.lanes
        best_gains = np.concatenate([best_gains, blocks.gains])
        if len(best_gains) >= num_blocks:
            excess = len(best_gains) - num_blocks
            best_gains = np.partition(best_gains, excess)[excess:]
            threshold = int(best_gains[0])
    return lists.taken(_best_of(rounds, num_blocks))


def _best_of(rounds: list[_Blocks], num_blocks: int) -> npt.NDArray[np.int64]:
    """Slots [N, num_blocks] of the blocks with the largest gains; of equals, first lanes first."""
    by_lane = np.argsort(np.concatenate([blocks.lanes for blocks in rounds]), kind="stable")
    gains = np.concatenate([blocks.gains for blocks in rounds])[by_lane]
    slots = np.concatenate([blocks.slots for blocks in rounds], axis=1)[:, by_lane]
    return slots[:, largest_indices(gains, num_blocks)]


@dataclass(frozen=True)
class _Blocks:
    """One block each of some lanes.

    Attributes:
        lanes: int64 [blocks].
        gains: int32 [blocks], the blocks' scores.
        slots: int64 [N, blocks], their elements in list order.
    """

    lanes: npt.NDArray[np.int64]
    gains: npt.NDArray[np.int32]
    slots: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Lists:
    """Every lane's list of elements that are not taken yet, and the score of each candidate block.

    Attributes:
        score: int32 [lanes * W], of the block that starts at a slot, _ABSENT if there is none.
        following, preceding: int64 [lanes * W], the neighbours on the list; an end is its own.
        width: W.
        block_size: N.
    """

    score: npt.NDArray[np.int32]
    following: npt.NDArray[np.int64]
    preceding: npt.NDArray[np.int64]
    width: int
    block_size: int

    @classmethod
    def of(
        cls, elements: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64], block_size: int
    ) -> _Lists:
        lanes, channels = elements.shape
        score = np.full((lanes, channels + 2), _ABSENT, dtype=np.int32)
        sums = sliding_sums(elements, block_size)
        exists = np.arange(sums.shape[1]) <= lengths[:, np.newaxis] - block_size
        score[:, 1 : 1 + sums.shape[1]] = np.where(exists, sums, _ABSENT)
        slots = np.arange(score.size).reshape(score.shape)
        following, preceding = slots + 1, slots - 1
        following[:, -1], preceding[:, 0] = slots[:, -1], slots[:, 0]
        return cls(score.ravel(), following.ravel(), preceding.ravel(), channels + 2, block_size)

    def best_blocks(self, lanes: npt.NDArray[np.int64], at_least: int) -> _Blocks:
        """The best block, the first of equals, of each of the lanes that has one as good."""
        table = self.score.reshape(-1, self.width)[lanes]
        column = table.argmax(axis=1)
        gains = table[np.arange(len(lanes)), column]
        enough = gains >= at_least
        slots = [(lanes * self.width + column)[enough]]
        for _ in range(self.block_size - 1):
            slots.append(self.following[slots[-1]])
        return _Blocks(lanes[enough], gains[enough], np.stack(slots))

    def remove(self, blocks: _Blocks) -> None:
        """Take the blocks off their lists; see the module's description for the new scores."""
        first, last = blocks.slots[0], blocks.slots[-1]
        before = first
        for inside in blocks.slots[:0:-1]:
            before = self.preceding[before]
            left, right = self.score[before], self.score[inside]
            exists = (left != _ABSENT) & (right != _ABSENT)
            self.score[before] = np.where(exists, left + right - blocks.gains, _ABSENT)
        self.score[blocks.slots] = _ABSENT
        left_end, right_end = self.preceding[first], self.following[last]
        self.following[left_end] = right_end
        self.preceding[right_end] = left_end

    def taken(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Bool [lanes, channels]: True for the elements in the given slots."""
        taken = np.zeros(len(self.score), dtype=np.bool_)
        taken[slots] = True
        return taken.reshape(-1, self.width)[:, 1:-1]
