"""Which blocks of a layer's weights to keep. Knows arrays, and nothing of Keras or TFLite.

    selection = select_blocks(np.abs(weights), block_size=4, sparsity=0.8)
    weights[~selection.mask()] = 0

The path of one call, a file per step:

    select.py         checks the arguments, counts the blocks, asks one of two forms of the same
    backend.py        which of them
    native.py         the native core, in C++: native/ has the same steps as below
    reference.py      the NumPy form, whose steps are
    quantised.py      importance -> integer elements and block scores
    lane_program.py   the best blocks of each lane when every block costs the same penalty
    penalty.py        the penalty at which m blocks pay: the dual optimum, and so the certificate
    aligned.py, greedy.py, bed.py, optimal.py       one method each
    balanced.py       a cap on the blocks per start channel, if one is asked for
    result.py         Selection, what the caller gets

One budget for several layers, `select_blocks_global`:

    select_global.py                 checks the arguments, runs the steps below, and then
                                     `select_blocks` for each layer
    arguments.py, budget.py          what the arguments ask for
    normalisation.py, objective.py   what is maximised: importance comparable between layers
    allocation.py                    how many blocks of each layer: from all, by falling worth
    sampling.py, threshold.py, bracket.py    the search for what the last one taken is worth
    worth.py                         how blocks of different layers compare
    evaluator.py                     all that is asked of a layer: what it keeps at a penalty
    global_result.py                 GlobalSelection, what the caller gets

What each layer keeps at which density, `tradeoff_curves`: tradeoff.py makes the curves of
tradeoff_curve.py, and tradeoff_plot.py draws them.

**Ties.** Both forms, on every instruction set and with any number of threads, give the same of
several selections that are equally good in integer scores:

    aligned, greedy, bed   of equal gains, those in the first lanes, then at the first channels
    optimal                each lane has, of its best sets of so many blocks, the one that leaves a
                           channel out wherever possible, as seen from the lane's end; if lanes are
                           equally good with another number of blocks, the first lanes (and in one
                           lane the first channels) get the larger number
"""

from ubp.selection.backend import backend
from ubp.selection.budget import LayerSizes, density_limits
from ubp.selection.global_result import GlobalSelection
from ubp.selection.normalisation import NORMALIZATIONS
from ubp.selection.reference import METHODS
from ubp.selection.result import Selection
from ubp.selection.select import max_num_blocks, select_blocks
from ubp.selection.select_global import select_blocks_global
from ubp.selection.tradeoff import TradeoffCurves, tradeoff_curves
from ubp.selection.tradeoff_curve import TradeoffCurve

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
