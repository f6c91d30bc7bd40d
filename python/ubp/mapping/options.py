# SPDX-License-Identifier: Apache-2.0
"""Options: what each layer can be, with the time it takes and what it keeps.

Dense, and for each N numbers of blocks: evenly in their logarithm, and where the curve of what is
kept over them bends (kept.py).

The value of an option is the logarithm of the share that it keeps, so that the sum over layers is
the product of the shares, as the normalisation "lamp" of `ubp.select_blocks_global` has it: no
layer is starved, and scaling a layer's importance changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ubp.latency.network import Setting
from ubp.mapping.kept import KeptShares
from ubp.mapping.kernels import MappedKernel
from ubp.mapping.knapsack import Options
from ubp.selection import max_num_blocks

Reals = npt.NDArray[np.float64]

_STEPS = 200  # numbers of blocks between those where a curve bends, evenly in their logarithm
_LEAST = 1e-12  # share of importance that counts as this at least


class LayerOptions(NamedTuple):
    """Of one layer.

    options: times in microseconds, and values.
    settings: of each option N and the number of blocks, or None: dense.
    kept: float64 [options], share of the importance.
    """

    options: Options
    settings: list[Setting]
    kept: Reals


def layer_options(
    kernel: MappedKernel, kept: Mapping[int, KeptShares], min_density: float
) -> LayerOptions:
    """The options of a layer.

    Args:
        kernel: the layer.
        kept: by N.
        min_density: share of its weights that it keeps at least; a block in any case.
    """
    settings: list[Setting] = [None]
    times, shares = [kernel.dense_us], [np.ones(1)]
    for n, curve in kept.items():
        numbers = _counts(kernel, n, curve, min_density)
        settings += [(n, blocks) for blocks in numbers.tolist()]
        times += [kernel.us(n, blocks) for blocks in numbers.tolist()]
        shares.append(curve.share(numbers))
    found = np.concatenate(shares)
    values = np.log(np.maximum(found, _LEAST))
    return LayerOptions(Options(np.array(times), values), settings, found)


def _counts(
    kernel: MappedKernel, block_size: int, curve: KeptShares, min_density: float
) -> npt.NDArray[np.int64]:
    """Numbers of blocks, rising, from the least to as many as fit."""
    lanes, channels = kernel.weights.shape
    most = max_num_blocks((lanes, channels), block_size)
    least = min(max(round(min_density * lanes * channels / block_size), 1), most)
    between = np.rint(np.geomspace(least, most, _STEPS)).astype(np.int64)
    bends = curve.bends[(curve.bends >= least) & (curve.bends <= most)]
    return np.unique(np.concatenate([between, bends]))
