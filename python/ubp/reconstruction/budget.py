# SPDX-License-Identifier: Apache-2.0
"""One budget for all layers, shared out by what each layer's error costs at the model's outputs.

    minimise  sum over layers of  weight_l * error_l(blocks_l)
    so that   sum of  cost_l * blocks_l  <=  budget

error_l is a layer's curve of relative error (curves.py), found on the dense model's own activations
and made convex. weight_l says how far a relative error of the layer shows: the relative error of
the outputs when this layer alone is rebuilt, as a share of the layer's own. Errors of different
layers are taken to add up. No labels are needed for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ubp.reconstruction.curves import ErrorCurve
from ubp.reconstruction.moments import Reals

_LEAST = 1e-9  # error of a layer, below which nothing is to be learnt of its weight


@dataclass(frozen=True, eq=False)
class LayerCost:
    """What a layer brings to the budget.

    Attributes:
        curve: of its error.
        weight: of its error at the outputs.
        cost: of a block.
        least, most: blocks that it may keep.
    """

    curve: ErrorCurve
    weight: float
    cost: float
    least: int
    most: int


def weight_of(output_errors: Sequence[float], error: float) -> float:
    """The weight of a layer's error.

    Args:
        output_errors: relative ones of the outputs with this layer rebuilt; NaN where an output
            does not vary.
        error: the layer's own.
    """
    known = [each for each in output_errors if np.isfinite(each)]
    return float(np.mean(known)) / max(error, _LEAST) if known else 1.0


def share_out(layers: Sequence[LayerCost], budget: float) -> list[int]:
    """The number of blocks of each layer; least wherever the budget is below what that needs."""
    counts = [layer.least for layer in layers]
    left = budget - sum(layer.cost * layer.least for layer in layers)
    pieces = [
        (gain / layer.cost, index, added)
        for index, layer in enumerate(layers)
        for added, gain in _pieces(layer)
    ]
    for _, index, added in sorted(pieces, key=lambda piece: -piece[0]):
        fitting = min(added, int(left // layers[index].cost)) if left > 0 else 0
        counts[index] += fitting
        left -= fitting * layers[index].cost
        if fitting < added:
            break
    return counts


def _pieces(layer: LayerCost) -> list[tuple[int, float]]:
    """Blocks that can be added, each lot with what one of them gains, falling."""
    inner = layer.curve.num_blocks
    inner = inner[(inner > layer.least) & (inner < layer.most)]
    counts = np.unique(np.concatenate([[layer.least], inner, [layer.most]]))
    errors = layer.weight * layer.curve.error(counts)
    kept = _lower_hull(counts, errors)
    counts, errors = counts[kept], errors[kept]
    gains = -np.diff(errors) / np.maximum(np.diff(counts), 1)
    return list(zip(np.diff(counts).tolist(), gains.tolist(), strict=True))


def _lower_hull(x: npt.NDArray[np.int64], y: Reals) -> list[int]:
    """The points of the convex function below all points, by rising x."""
    hull: list[int] = []
    for index in range(len(x)):
        while len(hull) > 1 and _is_above(x, y, hull[-2], hull[-1], index):
            hull.pop()
        hull.append(index)
    return hull


def _is_above(x: npt.NDArray[np.int64], y: Reals, first: int, middle: int, last: int) -> bool:
    """Whether the middle point is on or above the line between the others."""
    share = (x[middle] - x[first]) / (x[last] - x[first])
    return bool(y[middle] >= y[first] + share * (y[last] - y[first]))
