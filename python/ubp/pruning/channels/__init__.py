# SPDX-License-Identifier: Apache-2.0
"""Output channels in another order: the same function, better blocks.

    permuted, report = ubp.permute_channels(model, block_size=4, sparsity=0.8)
    pruned = ubp.prune(permuted, schedule)

The path of a model, a file per step:

    flow.py         the channels of each tensor, joined to groups that share one order, and the axes
                    of weights that they run along; pins
    rules.py        what each kind of operation does with channels
    follow.py       calls -> flow, by the rules; what no rule covers is pinned
    search.py       the order of each group, by `ubp.selection.order`
    comparison.py   the copy against the original, layer by layer and as a whole
    report.py       what became of each group
    permute.py      `permute_channels`: all of this, and the permuting of weights
"""

from ubp.pruning.channels.permute import Permuted, permute_channels
from ubp.pruning.channels.report import GroupReport, LayerKept, PermutationReport

__all__ = ["GroupReport", "LayerKept", "PermutationReport", "Permuted", "permute_channels"]
