# SPDX-License-Identifier: Apache-2.0
"""Pruning without training: each layer's outputs rebuilt from fewer weights, by least squares.

    total = MomentSum(lanes, channels)
    for inputs, outputs in samples:          # [samples, lanes], [samples, channels]
        total.add(inputs, outputs)
    found = reconstruct(total.moments(), weights, block_size=4, sparsity=0.8)
    found.weights, found.bias                # exact zeros; the bias that goes with them

moments.py      what is known of a layer's data: second moments
problem.py      the least squares that follow from them
threads.py      of the linear algebra
refit.py        weights on a given support, and what each costs
projection.py   blocks of most importance: `ubp.selection`
admm.py         which blocks, all considered together
swaps.py        blocks for other blocks
layer.py        `reconstruct`: all of this for one layer
curves.py       what a layer's error costs: importance, and error over blocks
budget.py       one budget for several layers, shared out by what errors cost
patches.py      a convolution's inputs as lanes, at some or all of its pixels

Up to here nothing knows of Keras or TFLite.

network/        a Keras model, layer by layer: `ubp.prune_without_training`
"""

from ubp.extras import extra_needed

with extra_needed("ubp.reconstruction"):
    from ubp.reconstruction.curves import ErrorCurve, error_curve, removal_costs
    from ubp.reconstruction.layer import Reconstruction, reconstruct
    from ubp.reconstruction.moments import Moments, MomentSum
    from ubp.reconstruction.patches import Convolution, lane_inputs

__all__ = [
    "Convolution",
    "ErrorCurve",
    "MomentSum",
    "Moments",
    "Reconstruction",
    "error_curve",
    "lane_inputs",
    "reconstruct",
    "removal_costs",
]
