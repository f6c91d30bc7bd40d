# SPDX-License-Identifier: Apache-2.0
"""Options: what each layer can be, with the time it takes and what it keeps.

Dense, and for each N the points of the layer's exact trade-off curve (ubp.tradeoff_curves) and,
between them, numbers of blocks whose kept importance is the chord's: no less is kept.

The value of an option is the logarithm of the share of importance that it keeps, so that the sum
over layers is the product of the shares, as the normalisation "lamp" of `ubp.select_blocks_global`
has it: no layer is starved, and scaling a layer's importance changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ubp.latency.network import Setting
from ubp.mapping.kernels import MappedKernel
from ubp.mapping.knapsack import Options
from ubp.progress import ProgressBar
from ubp.selection import TradeoffCurve, max_num_blocks, tradeoff_curves

Reals = npt.NDArray[np.float64]

_TOLERANCE = 0.0005  # of the curves
_STEPS = 200  # numbers of blocks between the points of a curve, evenly in their logarithm
_LEAST = 1e-12  # share of importance that counts as this at least


class LayerOptions(NamedTuple):
    """Of one layer.

    options: times in microseconds, and values.
    settings: of each option N and the number of blocks, or None: dense.
    kept: float64 [options], share of the importance.
    curves: by N.
    """

    options: Options
    settings: list[Setting]
    kept: Reals
    curves: dict[int, TradeoffCurve]

    def share(self, block_size: int, num_blocks: float) -> float:
        """The share of importance that so many blocks of N keep at least."""
        return share_of(self.curves[block_size], num_blocks)


def share_of(curve: TradeoffCurve, num_blocks: float) -> float:
    """The share of importance on the chords of a curve."""
    if curve.total == 0.0:
        return 1.0
    return float(np.interp(num_blocks, curve.num_blocks, curve.importance)) / curve.total


def layer_options(
    kernels: Sequence[MappedKernel],
    importances: Sequence[npt.NDArray[np.floating]],
    min_density: float,
    progress: bool = False,
) -> list[LayerOptions]:
    """The options of every layer.

    Args:
        kernels: of the model.
        importances: of each [lanes, channels], finite and at least 0.
        min_density: share of its weights that a layer keeps at least; a block in any case.
        progress: show a progress bar.

    Raises:
        ValueError: if importance is not finite, or below 0.
    """
    pairs = ProgressBar(
        list(zip(kernels, importances, strict=True)),
        "trade-off curves",
        unit="layer",
        disable=not progress,
    )
    return [_of_layer(kernel, importance, min_density) for kernel, importance in pairs]


def _of_layer(
    kernel: MappedKernel, importance: npt.NDArray[np.floating], min_density: float
) -> LayerOptions:
    settings: list[Setting] = [None]
    times, kept = [kernel.dense_us], [1.0]
    curves = {}
    for n in kernel.sizes:
        curve = tradeoff_curves([importance], n, tolerance=_TOLERANCE, names=[kernel.name])[0]
        curves[n] = curve
        for blocks in counts(curve, min_density).tolist():
            settings.append((n, blocks))
            times.append(kernel.us(n, blocks))
            kept.append(share_of(curve, blocks))
    shares = np.array(kept)
    values = np.log(np.maximum(shares, _LEAST))
    return LayerOptions(Options(np.array(times), values), settings, shares, curves)


def counts(curve: TradeoffCurve, min_density: float) -> npt.NDArray[np.int64]:
    """Numbers of blocks, rising, from the least to as many as fit."""
    lanes, channels = curve.shape
    most = max_num_blocks((lanes, channels), curve.block_size)
    least = min(max(round(min_density * lanes * channels / curve.block_size), 1), most)
    between = np.rint(np.geomspace(least, most, _STEPS)).astype(np.int64)
    points = curve.num_blocks[(curve.num_blocks >= least) & (curve.num_blocks <= most)]
    return np.unique(np.concatenate([between, points]))
