# SPDX-License-Identifier: Apache-2.0
"""Kernel patterns: of each kernel the taps of one of a few patterns are kept, or nothing.

A *kernel* is here what one input channel has for N consecutive output channels, at all taps of the
window. *Patterns* are sets of taps; all kernels of a layer share a small library of them. Kernels
are also dropped as a whole, which is called connectivity pruning. What is kept are blocks of N
channels at multiples of N. Patterns with connectivity: Ma et al., PCONV, arXiv 1909.05073; Niu et
al., PatDNN, arXiv 2001.00138. There N is 1.

Which patterns: those that kernels would choose for themselves, the most frequent ones at most; of
these one after the other that adds most importance to what the kernels that are likely to be kept
have with those before. That sum is submodular in the set of patterns, so that it comes to 1 - 1/e
of that of the best such set at least (Nemhauser, Wolsey and Fisher 1978). Given the library, each
kernel's pattern and the kept kernels are the best there are. Of equals, first ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_whole
from ubp.selection.layer.select import check_array, peak_of
from ubp.selection.native.form import NUMPY

_CANDIDATES = 128  # all of 4 of 9 taps


@dataclass(frozen=True, eq=False)
class KernelSelection:
    """The kept part of a layer's weights; the arrays are read-only.

    Attributes:
        library: bool [patterns, taps].
        chosen: int64 [input channels, output channels / N], the pattern that each kernel keeps; -1
            where it keeps nothing.
        block_size: N.
        score: importance that is kept, summed in float64.
    """

    library: npt.NDArray[np.bool_]
    chosen: npt.NDArray[np.int64]
    block_size: int
    score: float

    def mask(self) -> npt.NDArray[np.bool_]:
        """Bool [lanes, channels]: True where a weight is kept."""
        with_none = np.vstack([self.library, np.zeros((1, self.library.shape[1]), np.bool_)])
        kept = np.moveaxis(with_none[self.chosen], -1, 0)  # [taps, inputs, channels / N]
        return np.repeat(kept.reshape(-1, kept.shape[-1]), self.block_size, axis=1)


def select_kernel_patterns(
    importance: npt.NDArray[np.floating],
    taps: int,
    *,
    num_kernels: int,
    entries: int = 4,
    library: int = 8,
    block_size: int = 1,
) -> KernelSelection:
    """Choose a library of patterns, the kernels to keep, and the pattern of each of these.

        >>> import numpy as np
        >>> from ubp.selection.layer.kernel_patterns import select_kernel_patterns
        >>> importance = np.array([[3.0, 0.0], [2.0, 5.0], [1.0, 5.0], [0.0, 0.0]])  # 4 taps
        >>> found = select_kernel_patterns(importance, 4, num_kernels=1, entries=2)
        >>> found.mask().astype(int).tolist(), found.score
        ([[0, 0], [0, 1], [0, 1], [0, 0]], 10.0)

    Args:
        importance: float32 or float64 [lanes, channels], finite and >= 0; see
            `ubp.lanes.to_lanes` for the order of lanes.
        taps: of the window, a divisor of the lanes.
        num_kernels: to keep, 0 to input channels * channels / N.
        entries: taps of a pattern; with as many as the window has, or more, it is whole.
        library: patterns of the layer, at most.
        block_size: N, a divisor of the channels.

    Raises:
        ValueError: if an argument is not as described.
    """
    check_array(importance)
    peak_of(np.ascontiguousarray(importance), NUMPY)  # finite, and >= 0
    lanes, channels = importance.shape
    for name, value in (("taps", taps), ("entries", entries), ("library", library)):
        check_whole(name, value, 1)
    for name, size, whole, of in (
        ("taps", taps, lanes, "lanes"),
        ("block_size", check_whole("block_size", block_size, 1), channels, "channels"),
    ):
        if whole % size:
            raise ValueError(f"{name} is {size}; expected a divisor of the layer's {whole} {of}.")
    shape = (lanes // taps, channels // block_size)
    most = shape[0] * shape[1]
    if not 0 <= check_whole("num_kernels", num_kernels) <= most:
        raise ValueError(f"num_kernels is {num_kernels}; expected 0 to {most}.")
    shared = importance.reshape(taps, *shape, block_size).sum(axis=-1, dtype=np.float64)
    values = shared.reshape(taps, most)
    patterns = _library(values, min(entries, taps), library, num_kernels)
    scores = np.stack([values[pattern].sum(axis=0) for pattern in patterns])
    best = scores.max(axis=0)
    chosen = np.full(most, -1, dtype=np.int64)
    kept = np.argsort(-best, kind="stable")[:num_kernels]
    chosen[kept] = scores.argmax(axis=0)[kept]
    chosen = chosen.reshape(shape)
    for array in (patterns, chosen):
        array.setflags(write=False)
    return KernelSelection(patterns, chosen, block_size, float(best[kept].sum()))


def _library(
    values: npt.NDArray[np.float64], entries: int, size: int, num_kernels: int
) -> npt.NDArray[np.bool_]:
    """Bool [patterns, taps]: at most `size` patterns of `entries` taps.

    Args:
        values: of each tap of each kernel, [taps, kernels].
        entries: taps of a pattern.
        size: patterns, at most.
        num_kernels: that will be kept.
    """
    taps, kernels = values.shape
    order = np.argsort(-values, axis=0, kind="stable")[:entries]
    natural = np.zeros((kernels, taps), dtype=np.bool_)
    natural[np.arange(kernels), order] = True
    best = np.take_along_axis(values, order, axis=0).sum(axis=0)
    likely = np.argsort(-best, kind="stable")[: max(num_kernels, 1)]
    candidates, counts = np.unique(natural[likely], axis=0, return_counts=True)
    candidates = candidates[np.argsort(-counts, kind="stable")[:_CANDIDATES]]
    values = values[:, likely]
    covered = np.zeros(len(likely))
    taken: list[int] = []
    for _ in range(min(size, len(candidates))):
        sums = [np.maximum(values[pattern].sum(axis=0), covered).sum() for pattern in candidates]
        taken.append(int(np.argmax(sums)))
        covered = np.maximum(values[candidates[taken[-1]]].sum(axis=0), covered)
    found: npt.NDArray[np.bool_] = candidates[sorted(set(taken))]
    return found
