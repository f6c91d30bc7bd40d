"""`select_blocks`: checks what it is given, counts the blocks and runs the chosen method."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ubp.selection import aligned, bed, greedy, optimal
from ubp.selection.lane_program import LaneProgram
from ubp.selection.penalty import minimise_dual
from ubp.selection.quantised import QuantisedLayer, quantise
from ubp.selection.result import Selection

_Heuristic = Callable[[QuantisedLayer, int], npt.NDArray[np.int64]]
_HEURISTICS: dict[str, _Heuristic] = {
    "aligned": aligned.select,
    "greedy": greedy.select,
    "bed": bed.select,
}
METHODS = (*_HEURISTICS, "optimal")


def select_blocks(
    importance: npt.NDArray[np.floating],
    block_size: int = 4,
    *,
    sparsity: float | None = None,
    num_blocks: int | None = None,
    method: str = "optimal",
) -> Selection:
    """Choose which blocks of a layer to keep: exactly m, with the largest total importance.

    A block is `block_size` consecutive channels of one lane; blocks do not overlap. The same input
    always gives the same selection. With `block_size` 1 all methods are the same: the m most
    important weights.

    Args:
        importance: float32 or float64 [lanes, channels], finite and >= 0; usually the absolute
            values of the weights. See `ubp.lanes.to_lanes` for the order of lanes.
        block_size: N, at most `channels`.
        sparsity: the share of weights to remove, 0 to 1; m = round((1 - sparsity) * lanes *
            channels / N). Give either this or `num_blocks`.
        num_blocks: m itself, 0 to `max_num_blocks`.
        method: "optimal" (the exact maximum of the importance in 2^29 / N steps), "bed"
            (UBP, arXiv 2407.19644), "greedy" (CASES'19) or "aligned" (blocks start at multiples
            of N).

    Raises:
        ValueError: if an argument is not as described, or if m blocks cannot be packed.
        TypeError: if `block_size` or `num_blocks` is not an integer.
    """
    _check_importance(importance)
    _check_method(method)
    lanes, channels = importance.shape
    block_size = operator.index(block_size)
    count = _count_blocks((lanes, channels), block_size, sparsity, num_blocks)
    if count == 0:
        return _selection(importance, np.empty(0, dtype=np.int64), block_size, 0.0)

    layer = quantise(importance, block_size)
    program = LaneProgram.of(layer)
    dual = minimise_dual(program, count)
    if block_size == 1:
        positions = aligned.select(layer, count)
    elif method == "optimal":
        positions = optimal.select(program, count, dual)
    else:
        positions = _HEURISTICS[method](layer, count)
    return _selection(importance, positions, block_size, layer.importance_bound(dual.value, count))


def max_num_blocks(shape: tuple[int, int], block_size: int) -> int:
    """The most blocks that fit a layer of shape (lanes, channels), aligned or not.

    Raises:
        ValueError: if `block_size` is below 1 or above the number of channels.
    """
    lanes, channels = shape
    if block_size < 1:
        raise ValueError(f"block_size is {block_size}; expected at least 1.")
    if block_size > channels:
        raise ValueError(
            f"block_size is {block_size}, but the layer has only {channels} channels; "
            f"use a block size of at most {channels}."
        )
    return lanes * (channels // block_size)


def _check_importance(importance: npt.NDArray[np.floating]) -> None:
    if not isinstance(importance, np.ndarray) or importance.dtype not in (np.float32, np.float64):
        found = getattr(importance, "dtype", type(importance).__name__)
        raise ValueError(f"importance is {found}; expected a NumPy array of float32 or float64.")
    if importance.ndim != 2 or importance.size == 0:
        raise ValueError(
            f"importance has the shape {importance.shape}; expected [lanes, channels], both at "
            "least 1 (see ubp.lanes.to_lanes)."
        )
    invalid = ~((importance >= 0) & (importance < np.inf))
    if invalid.any():
        lane, channel = np.argwhere(invalid)[0]
        raise ValueError(
            f"importance contains {importance[lane, channel]} (lane {lane}, channel {channel}; "
            f"{np.count_nonzero(invalid)} such values in all); expected finite numbers >= 0, such "
            "as absolute weights."
        )


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(METHODS)}.")


def _count_blocks(
    shape: tuple[int, int], block_size: int, sparsity: float | None, num_blocks: int | None
) -> int:
    """m, from whichever of sparsity and num_blocks is given."""
    maximum = max_num_blocks(shape, block_size)
    if (sparsity is None) == (num_blocks is None):
        found = "neither" if sparsity is None else "both"
        raise ValueError(f"{found} of sparsity and num_blocks given; expected exactly one.")
    if sparsity is not None:
        if not 0.0 <= sparsity <= 1.0:
            raise ValueError(f"sparsity is {sparsity}; expected 0 to 1.")
        count = round((1.0 - sparsity) * shape[0] * shape[1] / block_size)
        asked = f"sparsity {sparsity} asks for {count}"
    else:
        count = operator.index(num_blocks)  # type: ignore[arg-type]  # exactly one is not None
        asked = f"num_blocks is {count}"
    if not 0 <= count <= maximum:
        raise ValueError(
            f"{asked} blocks of size {block_size}; expected 0 to {maximum}, the most that fit "
            f"{shape[0]} lanes of {shape[1]} channels (a sparsity of at least "
            f"{1.0 - maximum * block_size / (shape[0] * shape[1]):.4g})."
        )
    return count


def _selection(
    importance: npt.NDArray[np.floating],
    positions: npt.NDArray[np.int64],
    block_size: int,
    upper_bound: float,
) -> Selection:
    lanes, channels = importance.shape
    elements = positions[:, np.newaxis] + np.arange(block_size)
    score = float(importance.reshape(-1)[elements].sum(dtype=np.float64))
    lane, start = np.divmod(positions, channels)
    lane.setflags(write=False)
    start.setflags(write=False)
    return Selection(lane, start, block_size, (lanes, channels), score, upper_bound)
