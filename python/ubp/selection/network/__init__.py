# SPDX-License-Identifier: Apache-2.0
"""One budget for the blocks of several layers: `select_blocks_global`.

select.py       the function, and GlobalSelection, what the caller gets
layers.py       checks what is given for each layer; how much a layer keeps at which penalty
limits.py       what the budget and the density limits ask for
score.py        what is maximised: importance comparable between layers, and a bound of it
gains.py        what a block brings, compared between layers, and what is known of the cutoff
allocation.py   how many blocks of each layer: from all, by falling gain, down to the cutoff
"""
