# SPDX-License-Identifier: Apache-2.0
"""`select_blocks`: checks what it is given, counts the blocks and runs the chosen method."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_share, check_whole, is_whole, shown
from ubp.lanes import sum_lane_groups
from ubp.selection.layer.balanced import balance
from ubp.selection.layer.numpy_form import METHODS, choose, importance_of
from ubp.selection.layer.quantised import importance_bound, quanta_of, quantise
from ubp.selection.layer.result import Kept, Selection
from ubp.selection.native import binding
from ubp.selection.native.form import NUMPY, backend


def select_blocks(
    importance: npt.NDArray[np.floating],
    block_size: int = 4,
    *,
    sparsity: float | None = None,
    num_blocks: int | None = None,
    method: str = "optimal",
    block_lanes: int = 1,
    max_per_start: int | None = None,
    threads: int = 1,
) -> Selection:
    """Choose which blocks of a layer to keep: exactly m, with the largest total importance.

    A block is `block_size` consecutive channels of one lane, or of `block_lanes` consecutive ones;
    blocks do not overlap. The same input always gives the same selection, on every machine and for
    any number of threads. With `block_size` 1 all methods are the same: the m most important
    weights. `ubp.selection.backend()` says whether the native core or NumPy does the work.

        >>> import numpy as np
        >>> import ubp
        >>> weights = np.array([[0.1, 3.0, -2.0, 0.2], [1.0, 0.5, 0.3, 0.3]])
        >>> selection = ubp.select_blocks(np.abs(weights), block_size=2, sparsity=0.5)
        >>> selection.lanes.tolist(), selection.starts.tolist(), selection.score
        ([0, 1], [1, 0], 6.5)
        >>> selection.mask().astype(int).tolist()
        [[0, 1, 1, 0], [1, 1, 0, 0]]

    Args:
        importance: float32 or float64 [lanes, channels], finite and >= 0; usually the absolute
            values of the weights. See `ubp.lanes.to_lanes` for the order of lanes.
        block_size: N, at most `channels`.
        sparsity: the share of weights to remove, 0 to 1; m = round((1 - sparsity) * lanes *
            channels / (N * M)). Give either this or `num_blocks`.
        num_blocks: m itself, 0 to `max_num_blocks`.
        method: "optimal" (the exact maximum of the importance in 2^29 / N steps), "bed"
            (UBP, arXiv 2407.19644), "greedy" (CASES'19) or "aligned" (blocks start at multiples
            of N).
        block_lanes: M, a divisor of `lanes`; a block's first lane is a multiple of it. N x 4 blocks
            suit instructions that multiply and add 4 int8 values at once, and are what the CASES'19
            system runs on mobile GPUs. For a convolution M should divide the input channels, so
            that no block has lanes of two taps.
        max_per_start: the most blocks that may start at the same channel; see balanced.py. The
            method is then no longer exact; the upper bound still holds.
        threads: how many the native core uses, at most as many as there are processors.

    Returns:
        The m blocks, their mask and score, and a bound on the score of any other m.

    Raises:
        ValueError: if an argument is not as described, or if m blocks cannot be packed (with
            `max_per_start`: if it is not found how).
    """
    form = backend()
    check_array(importance)
    check_method(method)
    threads = min(check_whole("threads", threads, 1), os.cpu_count() or 1)
    if max_per_start is not None:
        check_whole("max_per_start", max_per_start, 1)
    maximum = max_num_blocks(importance.shape, block_size, block_lanes)
    count = _count_blocks(
        importance.shape, (block_size, block_lanes), maximum, sparsity, num_blocks
    )
    importance = np.ascontiguousarray(importance)
    peak = peak_of(importance, form)
    if block_lanes > 1:
        importance = sum_lane_groups(importance, block_lanes)
        peak = peak_of(importance, form)
    kept = _keep(importance, peak, block_size, count, method, form, threads)
    if max_per_start is not None:
        kept = _balance(importance, kept, block_size, max_per_start, method)
    return _selection(kept, (block_size, block_lanes), importance.shape)


def max_num_blocks(shape: tuple[int, ...], block_size: int, block_lanes: int = 1) -> int:
    """The most blocks that fit a layer of shape (lanes, channels), aligned or not.

    Raises:
        ValueError: if the shape is none, `block_size` is no whole number from 1 to the number of
            channels, or `block_lanes` does not divide the number of lanes.
    """
    if not isinstance(shape, Sequence) or len(shape) != 2 or not all(map(is_whole, shape)):
        raise ValueError(f"shape is {shown(shape)}; expected (lanes, channels).")
    lanes, channels = shape
    check_whole("block_size", block_size, 1)
    check_whole("block_lanes", block_lanes, 1)
    if block_size > channels:
        raise ValueError(
            f"block_size is {block_size}, but the layer has only {channels} channels; "
            f"use a block size of at most {channels}."
        )
    if lanes % block_lanes:
        raise ValueError(
            f"block_lanes is {block_lanes}; expected a divisor of the layer's {lanes} lanes."
        )
    return lanes // block_lanes * (channels // block_size)


def check_array(importance: npt.NDArray[np.floating]) -> None:
    """Raise the ValueError of `select_blocks` for what is no importance by type or shape."""
    if not isinstance(importance, np.ndarray) or importance.dtype not in (np.float32, np.float64):
        found = getattr(importance, "dtype", type(importance).__name__)
        raise ValueError(f"importance is {found}; expected a NumPy array of float32 or float64.")
    if importance.ndim != 2 or importance.size == 0:
        raise ValueError(
            f"importance has the shape {importance.shape}; expected [lanes, channels], both at "
            "least 1 (see ubp.lanes.to_lanes)."
        )


def check_method(method: str) -> None:
    """Raise the ValueError of `select_blocks` for an unknown method."""
    check_choice("method", method, METHODS)


def _count_blocks(
    shape: tuple[int, ...],
    block: tuple[int, int],
    maximum: int,
    sparsity: float | None,
    num_blocks: int | None,
) -> int:
    """m, from whichever of sparsity and num_blocks is given."""
    size, (lanes, channels), (block_size, block_lanes) = block[0] * block[1], shape, block
    if (sparsity is None) == (num_blocks is None):
        found = "neither" if sparsity is None else "both"
        raise ValueError(f"{found} of sparsity and num_blocks given; expected exactly one.")
    if sparsity is not None:
        check_share("sparsity", sparsity)
        count = round((1.0 - sparsity) * lanes * channels / size)
        asked = f"sparsity {sparsity} asks for {count}"
    else:
        count = check_whole("num_blocks", num_blocks)
        asked = f"num_blocks is {count}"
    if not 0 <= count <= maximum:
        sides = f"{block_size}" if block_lanes == 1 else f"{block_size}x{block_lanes}"
        raise ValueError(
            f"{asked} blocks of size {sides}; expected 0 to {maximum}, the most that fit "
            f"{lanes} lanes of {channels} channels (a sparsity of at least "
            f"{1.0 - maximum * size / (lanes * channels):.4g})."
        )
    return count


def peak_of(importance: npt.NDArray[np.floating], form: str) -> float:
    """The largest importance.

    Raises:
        ValueError: if a value is negative or not finite.
    """
    if form != NUMPY:
        peak = binding.peak_of(importance, form)
        if peak is not None:
            return peak
    invalid = ~((importance >= 0) & (importance < np.inf))
    if invalid.any():
        lane, channel = np.argwhere(invalid)[0]
        raise ValueError(
            f"importance contains {importance[lane, channel]} (lane {lane}, channel {channel}; "
            f"{np.count_nonzero(invalid)} such values in all); expected finite numbers >= 0, such "
            "as absolute weights."
        )
    return float(importance.max())


def _keep(
    importance: npt.NDArray[np.floating],
    peak: float,
    block_size: int,
    count: int,
    method: str,
    form: str,
    threads: int,
) -> Kept:
    """Run the method, which is the same for all when a block is one weight."""
    if count == 0:
        none = np.empty(0, dtype=np.int64)
        return Kept(none, none.copy(), 0.0, 0.0)
    if block_size == 1:
        method = "aligned"
    if form == NUMPY:
        return choose(importance, block_size, count, method)
    quanta = quanta_of(importance.shape[1], block_size)
    layer = binding.LayerScores(importance, block_size, peak or 1.0, quanta)
    with binding.PreparedLayers([layer], family=form, threads=threads) as prepared:
        chosen = prepared.select(count, method)
    bound = importance_bound(chosen.value, count * block_size, peak, quanta)
    return Kept(chosen.layers[0].lanes, chosen.layers[0].starts, chosen.sums[0], bound)


def _balance(
    importance: npt.NDArray[np.floating],
    kept: Kept,
    block_size: int,
    max_per_start: int,
    method: str,
) -> Kept:
    if not len(kept.lanes):
        return kept
    channels = importance.shape[1]
    positions = kept.lanes * channels + kept.starts
    layer = quantise(importance, block_size)
    positions = balance(layer, positions, max_per_start, aligned=method == "aligned")
    score = importance_of(importance, positions, block_size)
    return Kept(*np.divmod(positions, channels), score, kept.upper_bound)


def _selection(kept: Kept, block: tuple[int, int], merged_shape: tuple[int, ...]) -> Selection:
    """The caller's view of blocks of lanes that are M added together."""
    block_size, block_lanes = block
    lanes = kept.lanes if block_lanes == 1 else kept.lanes * block_lanes
    lanes.setflags(write=False)
    kept.starts.setflags(write=False)
    shape = (merged_shape[0] * block_lanes, merged_shape[1])
    return Selection(
        lanes, kept.starts, block_size, block_lanes, shape, kept.score, kept.upper_bound
    )
