"""Which blocks of a layer's weights to keep. Knows arrays, and nothing of Keras or TFLite.

    selection = select_blocks(np.abs(weights), block_size=4, sparsity=0.8)
    weights[~selection.mask()] = 0

The path of one call, a file per step:

    select.py         checks the arguments, counts the blocks, runs the steps below
    quantised.py      importance -> integer elements and block scores
    lane_program.py   the best blocks of each lane when every block costs the same penalty
    penalty.py        the penalty at which m blocks pay: the dual optimum, and so the certificate
    aligned.py, greedy.py, bed.py, optimal.py       one method each
    result.py         Selection, what the caller gets
"""

from ubp.selection.result import Selection
from ubp.selection.select import METHODS, max_num_blocks, select_blocks

__all__ = ["METHODS", "Selection", "max_num_blocks", "select_blocks"]
