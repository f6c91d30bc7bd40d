"""Output channels in another order: the same function, better blocks.

    permuted, report = ubp.permute_channels(model, block_size=4, sparsity=0.8)
    pruned = ubp.prune(permuted, schedule)

The path of a model, a file per step:

    trace.py     model -> which operation is called on which tensors
    groups.py    segments of channels, joined to groups that share one order; pins
    flow.py      the channels of each tensor, and the axes of weights that they run along
    rules.py     what each kind of operation does with channels
    follow.py    trace -> flow, by the rules; what no rule covers is pinned
    search.py    the order of each group, by `ubp.selection.order.channel_order`
    verify.py    the copy against the original, layer by layer and as a whole
    report.py    what became of each group
    permute.py   `permute_channels`: all of this, and the permuting of weights
"""

from ubp.pruning.permutation.permute import Permuted, permute_channels
from ubp.pruning.permutation.report import GroupReport, LayerKept, PermutationReport

__all__ = ["GroupReport", "LayerKept", "PermutationReport", "Permuted", "permute_channels"]
