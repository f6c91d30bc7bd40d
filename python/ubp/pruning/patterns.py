"""Patterns: the shape of what is kept, as a mask bool [lanes, channels] (True: weight kept).

Which blocks are kept is decided by `ubp.selection`; a pattern says of what size they are and where
they may start. "UBP" and "ABP" are the names of unaligned and aligned blocks in arXiv 2407.19644.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_share, check_whole
from ubp.pruning.configured import Configured
from ubp.selection import METHODS, max_num_blocks, select_blocks
from ubp.selection.layer.select import check_array


class Pattern(Configured, ABC):
    """What masks of one layer look like. Immutable; compared by value; saved with the model."""

    @property
    @abstractmethod
    def block_size(self) -> int:
        """N, the consecutive output channels of a block."""

    @abstractmethod
    def resolve_method(self, method: str) -> str:
        """The method of `select_blocks` that finds this pattern's blocks.

        Raises:
            ValueError: if `method` is unknown, or is not one of this pattern's.
        """

    def mask(
        self, importance: npt.NDArray[np.floating], sparsity: float, method: str
    ) -> npt.NDArray[np.bool_]:
        """The mask that keeps the most importance at this sparsity.

        Sparsity 0 keeps every weight. A small sparsity that blocks cannot reach, because N does
        not divide the channels, is raised to the smallest one that they can.

        Args:
            importance: float32 or float64 [lanes, channels], finite and >= 0.
            sparsity: share of the weights outside the mask, 0 to 1; rounded to whole blocks.
            method: see `ubp.select_blocks`.

        Returns:
            bool [lanes, channels].

        Raises:
            ValueError: if the importance is not as described, or N exceeds the channels.
        """
        resolved = self.resolve_method(method)
        check_array(importance)
        check_share("sparsity", sparsity)
        if sparsity == 0.0:
            return np.ones(importance.shape, dtype=np.bool_)
        packable = max_num_blocks(importance.shape, self.block_size) * self.block_size
        reachable = max(sparsity, 1.0 - packable / importance.size)
        return select_blocks(
            importance, self.block_size, sparsity=reachable, method=resolved
        ).mask()


@dataclass(frozen=True)
class _Block(Pattern):
    n: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", check_whole(f"{type(self).__name__}: n", self.n, 1))

    @property
    def block_size(self) -> int:
        return self.n


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True)
class UnalignedBlock(_Block):
    """Blocks of n output channels of one lane that start at any channel (UBP, arXiv 2407.19644).

    Attributes:
        n: channels of a block, at least 1. The delegate runs blocks of 1, 2, 4, 8 and 16.

    Raises:
        ValueError: if `n` is no whole number of at least 1.
    """

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        return method


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True)
class AlignedBlock(_Block):
    """Blocks of n output channels of one lane that start at multiples of n (ABP).

    The best aligned blocks are found directly, so "optimal" and "aligned" mean the same here.

    Attributes:
        n: channels of a block, at least 1; must divide the channels of every pruned layer.

    Raises:
        ValueError: if `n` is no whole number of at least 1.
    """

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        if method not in ("optimal", "aligned"):
            raise ValueError(
                f"method is {method!r}, which chooses unaligned blocks, but the pattern is {self}; "
                f"use UnalignedBlock({self.n}), or method 'aligned'."
            )
        return "aligned"


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True)
class Unstructured(Pattern):
    """Single weights: blocks of one channel. Every method gives the same mask."""

    @property
    def block_size(self) -> int:
        return 1

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        return method


def _check_method(method: str) -> None:
    check_choice("method", method, METHODS)
