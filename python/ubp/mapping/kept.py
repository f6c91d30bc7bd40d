# SPDX-License-Identifier: Apache-2.0
"""What layers keep with blocks of each N, over their number.

By importance: the share of its sum, on the chords of the layer's exact trade-off curve
(ubp.tradeoff_curves); no less is kept.

By reconstruction: exp(-e), where e is what the layer's relative error, its weights re-fitted, adds
to that of the model's outputs (ubp.reconstruction.budget). Errors of layers are taken to add up, so
that the product over layers is exp(-e) of the whole model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ubp.mapping.kernels import MappedKernel, MappedModel
from ubp.masking.importance import Importance
from ubp.progress import ProgressBar
from ubp.reconstruction.curves import ErrorCurve
from ubp.reconstruction.network.lanes import why_not_rebuilt
from ubp.reconstruction.network.layer_errors import layer_errors
from ubp.selection import TradeoffCurve, tradeoff_curves

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TOLERANCE = 0.0005  # of trade-off curves


@dataclass(frozen=True)
class KeptShares:
    """What a layer keeps with blocks of one N.

    share: numbers of blocks -> shares, float64 of the same length, from 0 to 1.
    bends: int64, numbers of blocks between which shares are smooth.
    """

    share: Callable[[Integers], Reals]
    bends: Integers


def by_importance(
    kernels: Sequence[MappedKernel], importance: Importance, progress: bool
) -> list[dict[int, KeptShares]]:
    """What each layer keeps of its importance, by N.

    Raises:
        ValueError: if importance is not finite, or below 0.
    """
    found = []
    for kernel in ProgressBar(kernels, "trade-off curves", unit="layer", disable=not progress):
        matrix = importance.of(kernel.weights, None, kernel.layer)
        found.append({n: _of_importance(matrix, n, kernel.name) for n in kernel.sizes})
    return found


def _of_importance(importance: npt.NDArray[np.floating], block_size: int, name: str) -> KeptShares:
    curve = tradeoff_curves([importance], block_size, tolerance=_TOLERANCE, names=[name])[0]
    return KeptShares(lambda counts: _on_chords(curve, counts), curve.num_blocks)


def _on_chords(curve: TradeoffCurve, counts: Integers) -> Reals:
    if curve.total == 0.0:
        return np.ones(len(counts))
    kept = np.interp(counts, curve.num_blocks, curve.importance) / curve.total
    return np.asarray(kept, np.float64)


def by_reconstruction(
    model: keras.Model, kernels: Sequence[MappedKernel], data: Any, seed: int, progress: bool
) -> list[dict[int, KeptShares]]:
    """What each layer keeps of the model's outputs, by N.

    Args:
        model: of the layers.
        kernels: those that can be rebuilt.
        data: inputs, as `ubp.prune_without_training` takes them.
        seed: of its draws.
        progress: show a progress bar.

    Raises:
        TypeError, ValueError: as of `ubp.prune_without_training`.
    """
    layers = [(kernel.layer, kernel.sizes) for kernel in kernels]
    errors = layer_errors(model, data, layers, seed=seed, progress=progress)
    return [
        {
            n: _of_error(curve, each.weight)
            for n, curve in zip(kernel.sizes, each.curves, strict=True)
        }
        for kernel, each in zip(kernels, errors, strict=True)
    ]


def _of_error(curve: ErrorCurve, weight: float) -> KeptShares:
    return KeptShares(lambda counts: np.exp(-weight * curve.error(counts)), curve.num_blocks)


def only_rebuildable(mapped: MappedModel) -> MappedModel:
    """Without the layers whose outputs cannot be rebuilt, which stay dense.

    Raises:
        ValueError: if no layer is left.
    """
    reasons = {kernel.name: why_not_rebuilt(kernel.layer) for kernel in mapped.kernels}
    why = {name: f"it cannot be rebuilt: {each}" for name, each in reasons.items() if each}
    kept = tuple(kernel for kernel in mapped.kernels if kernel.name not in why)
    if not kept:
        name, reason = next(iter(why.items()))
        raise ValueError(
            f"map_schemes: importance='reconstruction' has no layer to map; '{name}': {reason}."
        )
    dense = sum(kernel.dense_us for kernel in mapped.kernels if kernel.name in why)
    return replace(mapped, kernels=kept, left=mapped.left | why, fixed_us=mapped.fixed_us + dense)
