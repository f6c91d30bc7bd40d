# SPDX-License-Identifier: Apache-2.0
"""KernelPattern: kernels that keep the taps of one of a few patterns, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_share, check_whole
from ubp.masking.patterns import Mask, Pattern, fault_of_blocks, size_by_old_name
from ubp.selection import METHODS
from ubp.selection.layer.kernel_patterns import select_kernel_patterns
from ubp.selection.layer.select import check_array

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


@dataclass(frozen=True, init=False)
class KernelPattern(Pattern):
    """Of each kernel some taps, by one of a few patterns per layer, or nothing.

    A kernel is what one input channel has for N consecutive output channels, at all taps. Kernels
    without weights are "connectivity pruning": the sparsity says how many are left. Patterns and
    connectivity: arXiv 1909.05073 and 2001.00138; how both are chosen here is told in
    `ubp.selection.layer.kernel_patterns`. For the delegate the result is blocks of N at multiples
    of N. At the same N and sparsity `UnalignedBlock(N)` keeps at least as much; this pattern is for
    comparison.

    A layer of one tap, or of no more than `entries`, has whole kernels only. With 4 of 9 taps a
    kernel is 5/9 sparse: a smaller sparsity above 0 is raised to that.

        >>> import ubp
        >>> ubp.KernelPattern(entries=4, library=8)
        KernelPattern(entries=4, library=8, block_size=1)

    Attributes:
        entries: taps of a pattern, at least 1.
        library: patterns of a layer, at most; at least 1.
        block_size: N, output channels that share a kernel's pattern; must divide the channels of
            every pruned layer.

    Raises:
        ValueError: if one of these is no whole number of at least 1.
    """

    entries: int = 4
    library: int = 8
    block_size: int = 1

    def __init__(
        self, entries: int = 4, library: int = 8, block_size: int = 1, *, n: int | None = None
    ) -> None:
        size = size_by_old_name("KernelPattern", block_size, 1, n)
        for name, value in (("entries", entries), ("library", library), ("block_size", size)):
            object.__setattr__(self, name, check_whole(f"KernelPattern: {name}", value, 1))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**config)

    def resolve_method(self, method: str) -> str:
        check_choice("method", method, METHODS)
        if method not in ("optimal", "aligned"):
            raise ValueError(
                f"method is {method!r}, which chooses unaligned blocks, but the pattern is {self}; "
                "use method 'optimal'."
            )
        return "aligned"

    def mask(
        self,
        importance: npt.NDArray[np.floating],
        sparsity: float,
        method: str,
        input_channels: int = 1,
    ) -> Mask:
        self.resolve_method(method)
        check_array(importance)
        check_share("sparsity", sparsity)
        lanes, channels = importance.shape
        if lanes % check_whole("input_channels", input_channels, 1):
            raise ValueError(
                f"input_channels is {input_channels}; expected a divisor of the layer's {lanes} "
                "lanes."
            )
        if sparsity == 0.0:
            return np.ones(importance.shape, dtype=np.bool_)
        taps = lanes // input_channels
        weights = min(self.entries, taps) * self.block_size
        wanted = round((1.0 - sparsity) * importance.size / weights)
        return select_kernel_patterns(
            importance,
            taps,
            num_kernels=min(wanted, input_channels * (channels // self.block_size)),
            entries=self.entries,
            library=self.library,
            block_size=self.block_size,
        ).mask()

    def why_not_shared(self) -> str | None:
        return f"{self} is not made of blocks that a budget could count"

    def why_not_counted(self) -> str | None:
        return "it is not made of blocks"

    def fault(self, mask: Mask, method: str, input_channels: int) -> str | None:
        fault = fault_of_blocks(mask, (self.block_size, 1), aligned=True)
        if fault is not None:
            return fault
        taps = len(mask) // input_channels
        kernels = mask[:, :: self.block_size].reshape(taps, -1)
        kept = kernels[:, kernels.any(axis=0)]
        wrong = np.flatnonzero(kept.sum(axis=0) != min(self.entries, taps))
        if len(wrong):
            return f"a kernel keeps {int(kept[:, wrong[0]].sum())} taps"
        patterns = len(np.unique(kept, axis=1).T)
        return f"there are {patterns} patterns" if patterns > self.library else None
