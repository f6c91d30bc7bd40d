# SPDX-License-Identifier: Apache-2.0
"""Patterns: the shape of what is kept, as a mask bool [lanes, channels] (True: weight kept).

Which blocks are kept is decided by `ubp.selection`; a pattern says of what size they are and where
they may start. "UBP" and "ABP" are the names of unaligned and aligned blocks in arXiv 2407.19644.

A block is N consecutive output channels of one lane, or of M consecutive lanes: those of M input
channels of one tap, the first of which is a multiple of M. Instructions that multiply and add 4
int8 values at once need M = 4.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_share, check_whole
from ubp.deprecated import warn_renamed
from ubp.masking.saved_with_model import SavedWithModel
from ubp.selection import METHODS, Selection, max_num_blocks, select_blocks
from ubp.selection.layer.raised import select_balanced
from ubp.selection.layer.select import check_array

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

Mask = npt.NDArray[np.bool_]


class Pattern(SavedWithModel, ABC):
    """What masks of one layer look like. Immutable; compared by value; saved with the model.

    >>> import ubp
    >>> pattern = ubp.UnalignedBlock(2, lanes=4)
    >>> isinstance(pattern, ubp.Pattern), pattern.block_size, pattern.lanes
    (True, 2, 4)
    """

    @property
    @abstractmethod
    def block_size(self) -> int:
        """N, the consecutive output channels of a block."""

    @property
    def lanes(self) -> int:
        """M, the consecutive input channels of a block; they begin at a multiple of M."""
        return 1

    @property
    def max_per_start(self) -> int | None:
        """The most blocks of a layer that start at the same channel; None: any number."""
        return None

    @property
    def block_weights(self) -> int:
        """N * M, the weights of a block."""
        return self.block_size * self.lanes

    @abstractmethod
    def resolve_method(self, method: str) -> str:
        """The method of `select_blocks` that finds this pattern's blocks.

        Raises:
            ValueError: if `method` is unknown, or is not one of this pattern's.
        """

    def mask(
        self,
        importance: npt.NDArray[np.floating],
        sparsity: float,
        method: str,
        input_channels: int = 1,
    ) -> Mask:
        """The mask that keeps the most importance at this sparsity.

        Sparsity 0 keeps every weight. A small sparsity that blocks cannot reach, because N does
        not divide the channels, is raised to the smallest one that they can.

        Args:
            importance: float32 or float64 [lanes, channels], finite and >= 0.
            sparsity: share of the weights outside the mask, 0 to 1; rounded to whole blocks.
            method: see `ubp.select_blocks`.
            input_channels: the lanes of one tap; what is not made of kernels does not need it.

        Returns:
            bool [lanes, channels].

        Raises:
            ValueError: if the importance is not as described, N exceeds the channels, or M does
                not divide the lanes.
        """
        resolved = self.resolve_method(method)
        check_array(importance)
        check_share("sparsity", sparsity)
        if sparsity == 0.0:
            return np.ones(importance.shape, dtype=np.bool_)
        most = max_num_blocks(importance.shape, self.block_size, self.lanes)
        wanted = round((1.0 - sparsity) * importance.size / self.block_weights)
        return self._of_count(importance, min(wanted, most), resolved)

    def mask_of(
        self, selection: Selection, importance: npt.NDArray[np.floating], method: str
    ) -> Mask:
        """The mask of as many blocks as `select_blocks_global` has chosen for this layer.

        Args:
            selection: what it has chosen, which is the mask unless the pattern has other limits.
            importance: as `mask` takes it.
            method: by which that was chosen.
        """
        return selection.mask()

    def why_not_shared(self) -> str | None:
        """Why layers of this pattern cannot share a budget; None if they can."""
        return None

    def why_not_counted(self) -> str | None:
        """Why a number of blocks, placed anywhere, is not all that it asks for; None if it is."""
        return None

    def fault(self, mask: Mask, method: str, input_channels: int) -> str | None:
        """What there is in a mask that the pattern does not allow; None if nothing is.

        Args:
            mask: bool [lanes, channels], some of it False.
            method: resolved.
            input_channels: the lanes of one tap.
        """
        return fault_of_blocks(mask, (self.block_size, self.lanes), aligned=method == "aligned")

    def _of_count(self, importance: npt.NDArray[np.floating], num_blocks: int, method: str) -> Mask:
        return select_blocks(
            importance,
            self.block_size,
            num_blocks=num_blocks,
            method=method,
            block_lanes=self.lanes,
        ).mask()


@dataclass(frozen=True, init=False, repr=False)
class _Block(Pattern):
    block_size: int = 4
    lanes: int = 1

    def __init__(self, block_size: int = 4, lanes: int = 1, *, n: int | None = None) -> None:
        name = type(self).__name__
        block_size = size_by_old_name(name, block_size, 4, n)
        size = check_whole(f"{name}: block_size", block_size, 1)
        object.__setattr__(self, "block_size", size)
        object.__setattr__(self, "lanes", check_whole(f"{name}: lanes", lanes, 1))

    def __repr__(self) -> str:
        lanes = "" if self.lanes == 1 else f", lanes={self.lanes}"
        return f"{type(self).__name__}({self.block_size}{lanes})"

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


@dataclass(frozen=True, init=False, repr=False)
class UnalignedBlock(_Block):
    """Blocks of N output channels that start at any channel (UBP, arXiv 2407.19644).

        >>> import ubp
        >>> ubp.UnalignedBlock(2, lanes=4)  # 2 output channels x 4 input channels, for int8
        UnalignedBlock(2, lanes=4)

    Attributes:
        block_size: N, at least 1. The delegate runs blocks of 1, 2, 4, 8 and 16.
        lanes: M, the lanes of a block, at least 1: input channels of one tap, which begin at a
            multiple of M. Layers whose input channels M does not divide stay dense.
        max_per_start: the most blocks of a layer that start at the same channel, at least 1, which
            evens the work of threads and vector units; None: any number. Where a layer's blocks are
            too many for it, such as while the sparsity rises, it is raised to what they need. Masks
            that are given to `ubp.prune` are taken whatever their starts.

    Raises:
        ValueError: if `block_size`, `lanes` or `max_per_start` is no whole number of at least 1.
    """

    max_per_start: int | None = None

    def __init__(
        self,
        block_size: int = 4,
        lanes: int = 1,
        max_per_start: int | None = None,
        *,
        n: int | None = None,
    ) -> None:
        super().__init__(size_by_old_name("UnalignedBlock", block_size, 4, n), lanes)
        if max_per_start is not None:
            max_per_start = check_whole("UnalignedBlock: max_per_start", max_per_start, 1)
        object.__setattr__(self, "max_per_start", max_per_start)

    def __repr__(self) -> str:
        if self.max_per_start is None:
            return super().__repr__()
        return f"{super().__repr__()[:-1]}, max_per_start={self.max_per_start})"

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        return method

    def why_not_counted(self) -> str | None:
        return None if self.max_per_start is None else "it caps the blocks that start at a channel"

    def mask_of(
        self, selection: Selection, importance: npt.NDArray[np.floating], method: str
    ) -> Mask:
        if self.max_per_start is None:
            return selection.mask()
        return self._of_count(importance, len(selection), method)

    def _of_count(self, importance: npt.NDArray[np.floating], num_blocks: int, method: str) -> Mask:
        return select_balanced(
            importance,
            self.block_size,
            num_blocks=num_blocks,
            max_per_start=self.max_per_start,
            method=method,
            block_lanes=self.lanes,
        ).mask()


@dataclass(frozen=True, init=False, repr=False)
class AlignedBlock(_Block):
    """Blocks of N output channels that start at multiples of N (ABP).

    The best aligned blocks are found directly, so "optimal" and "aligned" mean the same here.

        >>> import numpy as np
        >>> import ubp
        >>> importance = np.array([[0, 3, 3, 0, 1, 1]], float)
        >>> ubp.AlignedBlock(2).mask(importance, 2 / 3, "optimal").astype(int).tolist()
        [[1, 1, 0, 0, 0, 0]]

    Attributes:
        block_size: N, at least 1; must divide the channels of every pruned layer.
        lanes: M, the lanes of a block, as of `UnalignedBlock`.

    Raises:
        ValueError: if `block_size` or `lanes` is no whole number of at least 1.
    """

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        if method not in ("optimal", "aligned"):
            raise ValueError(
                f"method is {method!r}, which chooses unaligned blocks, but the pattern is {self}; "
                f"use {UnalignedBlock(self.block_size, self.lanes)}, or method 'aligned'."
            )
        return "aligned"


@dataclass(frozen=True)
class Unstructured(Pattern):
    """Single weights: blocks of one channel. Every method gives the same mask.

    >>> import numpy as np
    >>> import ubp
    >>> importance = np.array([[0, 3, 2, 0, 1, 1]], float)
    >>> ubp.Unstructured().mask(importance, 2 / 3, "optimal").astype(int).tolist()
    [[0, 1, 1, 0, 0, 0]]
    """

    @property
    def block_size(self) -> int:
        return 1

    def resolve_method(self, method: str) -> str:
        _check_method(method)
        return method


def size_by_old_name(name: str, block_size: int, default: int, n: int | None) -> int:
    """The size of a block, by whichever of its names is given to the caller of the caller.

    Args:
        name: of the pattern's class.
        block_size: as given, or the default.
        default: the same.
        n: the old name's value; None: not given.

    Raises:
        ValueError: if both are, or n is no whole number of at least 1.
    """
    if n is None:
        return block_size
    if block_size != default:
        raise ValueError(f"{name}: n is the old name of block_size; both are given.")
    warn_renamed(f"{name}(n={n})", f"{name}(block_size={n})", stacklevel=4)
    return check_whole(f"{name}: n", n, 1)


def fault_of_blocks(mask: Mask, block: tuple[int, int], aligned: bool) -> str | None:
    """What there is in a mask beside whole blocks of (N, M); None if nothing is."""
    size, height = block
    groups = mask.reshape(-1, height, mask.shape[1])
    parted = np.argwhere(groups.any(axis=1) != groups.all(axis=1))
    if len(parted):
        group, channel = parted[0].tolist()
        return (
            f"of lanes {group * height} to {group * height + height - 1} it keeps some, but not "
            f"all, in channel {channel}"
        )
    edges = np.diff(np.pad(groups[:, 0], ((0, 0), (1, 1))).astype(np.int8), axis=1)
    found, starts = np.nonzero(edges == 1)
    lengths = np.nonzero(edges == -1)[1] - starts
    is_wrong = lengths % size != 0
    if aligned:
        is_wrong |= starts % size != 0
    if not is_wrong.any():
        return None
    first = int(np.argmax(is_wrong))
    start, length = int(starts[first]), int(lengths[first])
    return f"of lane {found[first] * height} it keeps {length} channels from {start} on"


def _check_method(method: str) -> None:
    check_choice("method", method, METHODS)
