# SPDX-License-Identifier: Apache-2.0
"""Which blocks of a layer's weights to keep. Knows arrays, and nothing of Keras or TFLite.

    selection = select_blocks(np.abs(weights), block_size=4, sparsity=0.8)
    weights[~selection.mask()] = 0

A room per question; none knows those below it:

    native/    the core in C++, its binding, and whether it or NumPy does the work
    layer/     which blocks of one layer: `select_blocks`, in NumPy the form to read
    network/   how many blocks of each layer under one budget: `select_blocks_global`
    order/     in which order a layer's channels make the best blocks
    curves/    how much each layer keeps at which density: `tradeoff_curves`

Each room's `__init__.py` lists its files in the order of a call.
"""

from ubp.selection.curves.trade_off import TradeoffCurve, TradeoffCurves, tradeoff_curves
from ubp.selection.layer.numpy_form import METHODS
from ubp.selection.layer.result import Selection
from ubp.selection.layer.select import max_num_blocks, select_blocks
from ubp.selection.native.form import backend
from ubp.selection.network.limits import LayerSizes, density_limits
from ubp.selection.network.score import NORMALIZATIONS
from ubp.selection.network.select import GlobalSelection, select_blocks_global

__all__ = [
    "METHODS",
    "NORMALIZATIONS",
    "GlobalSelection",
    "LayerSizes",
    "Selection",
    "TradeoffCurve",
    "TradeoffCurves",
    "backend",
    "density_limits",
    "max_num_blocks",
    "select_blocks",
    "select_blocks_global",
    "tradeoff_curves",
]
