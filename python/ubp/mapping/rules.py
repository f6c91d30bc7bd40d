# SPDX-License-Identifier: Apache-2.0
"""Rules: a mapping without a search, by a table.

| layer | scheme |
|---|---|
| depthwise; the first convolution; the last with weights | dense |
| of one pixel | the N that takes the least time for each kept weight |
| any other | the N that keeps most importance in the time of 80% zeros with N = 4 |
| where blocks take no less time than the dense layer | dense |
| the density of all these | at equal marginal value for their time |

The first row that fits holds. (Where N = 4 was not measured, the largest N takes its place.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ubp.latency.network import Setting
from ubp.mapping.kernels import MappedKernel
from ubp.mapping.knapsack import Options
from ubp.mapping.options import LayerOptions

_USUAL_SIZE, _USUAL_DENSITY = 4, 0.2


def by_rules(
    kernels: Sequence[MappedKernel], layers: Sequence[LayerOptions]
) -> list[tuple[Options, list[int]]]:
    """Of every layer the options that the rules leave, and their places among all."""
    left = []
    for kernel, layer in zip(kernels, layers, strict=True):
        size = best_size(kernel, layer)
        places = [place for place, setting in enumerate(layer.settings) if _allowed(setting, size)]
        options = Options(layer.options.times[places], layer.options.values[places])
        left.append((options, places))
    return left


def best_size(kernel: MappedKernel, layer: LayerOptions) -> int:
    """N for a layer that is not dense."""
    if len(kernel.sizes) == 1:
        return kernel.sizes[0]
    weights = kernel.weights.size
    if kernel.is_one_pixel:
        return min(kernel.sizes, key=lambda n: kernel.us(n, round(weights * _USUAL_DENSITY / n)))
    usual = _USUAL_SIZE if _USUAL_SIZE in kernel.sizes else max(kernel.sizes)
    time = kernel.us(usual, round(weights * _USUAL_DENSITY / usual))
    return max(kernel.sizes, key=lambda n: _kept_within(layer, n, time))


def _kept_within(layer: LayerOptions, size: int, time: float) -> float:
    """The largest share of importance that blocks of N keep in a time."""
    within = [
        place
        for place, setting in enumerate(layer.settings)
        if setting is not None and setting[0] == size and layer.options.times[place] <= time
    ]
    return float(np.max(layer.kept[within])) if within else -1.0


def _allowed(setting: Setting, size: int) -> bool:
    return setting is None or setting[0] == size
