"""Patterns: the shape of what is kept, as a mask bool [lanes, channels] (True: weight kept).

Which blocks are kept is decided by `ubp.selection`; a pattern says of what size they are and where
they may start. "UBP" and "ABP" are the names of unaligned and aligned blocks in arXiv 2407.19644.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_share, check_whole
from ubp.deprecated import warn_renamed
from ubp.pruning.settings.saved_with_model import SavedWithModel
from ubp.selection import METHODS, max_num_blocks, select_blocks
from ubp.selection.layer.select import check_array

Mask = npt.NDArray[np.bool_]


class Pattern(SavedWithModel, ABC):
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

    def mask(self, importance: npt.NDArray[np.floating], sparsity: float, method: str) -> Mask:
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


@dataclass(frozen=True, init=False, repr=False)
class _Block(Pattern):
    block_size: int = 4

    def __init__(self, block_size: int = 4, *, n: int | None = None) -> None:
        name = type(self).__name__
        if n is not None:
            if block_size != type(self).block_size:
                raise ValueError(f"{name}: n is the old name of block_size; both are given.")
            block_size = check_whole(f"{name}: n", n, 1)
            warn_renamed(f"{name}(n={n})", f"{name}(block_size={n})")
        size = check_whole(f"{name}: block_size", block_size, 1)
        object.__setattr__(self, "block_size", size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.block_size})"

    @property
    def n(self) -> int:
        """The old name of `block_size`."""
        name = type(self).__name__
        warn_renamed(f"{name}.n", f"{name}.block_size")
        return self.block_size

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`; files of the version before say `n`."""
        return super().from_config({"block_size": config["n"]} if "n" in config else config)


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True, init=False, repr=False)
class UnalignedBlock(_Block):
    """Blocks of N output channels of one lane that start at any channel (UBP, arXiv 2407.19644).

    Attributes:
        block_size: N, at least 1. The delegate runs blocks of 1, 2, 4, 8 and 16.

    Raises:
        ValueError: if `block_size` is no whole number of at least 1.
    """

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        return method


@keras.saving.register_keras_serializable(package="ubp")
@dataclass(frozen=True, init=False, repr=False)
class AlignedBlock(_Block):
    """Blocks of N output channels of one lane that start at multiples of N (ABP).

    The best aligned blocks are found directly, so "optimal" and "aligned" mean the same here.

    Attributes:
        block_size: N, at least 1; must divide the channels of every pruned layer.

    Raises:
        ValueError: if `block_size` is no whole number of at least 1.
    """

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        if method not in ("optimal", "aligned"):
            raise ValueError(
                f"method is {method!r}, which chooses unaligned blocks, but the pattern is {self}; "
                f"use UnalignedBlock({self.block_size}), or method 'aligned'."
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
