"""Pruning of Keras 3 models in blocks while they train. Knows Keras, and nothing of TFLite.

    pruned = ubp.prune(model, schedule=ubp.PolynomialDecay(0.0, 0.8, 0, 2000))
    pruned.compile(...)
    pruned.fit(x, y, callbacks=[ubp.UpdatePruning()])
    final = ubp.strip(pruned)

Keras can load a pruned model from a file once this module is imported (`import ubp.pruning`; the
use of any of the names above does it too).

What a layer is told (settings.py holds it all):

    schedules.py      step -> is an update due, and to which sparsity
    regularized.py    schedules with a penalty in the loss before they prune: admm.py, reweighted.py
    importance.py     weights -> importance
    patterns.py       importance [lanes, channels] and sparsity -> mask; asks ubp.selection
    scope.py          whose sparsity it is: a layer's, or that of many, in budgets.py

The path of a model, a file per step:

    permutation/      before all else, on request: channels in an order that suits blocks
    prunable.py       which weights of which kinds of layers can be pruned
    targets.py        which layers can be pruned with which settings, and why others cannot
    policy.py         the caller's choice of layers -> layers and their settings
    holders.py        subclassed models and layers that hold layers: what they hold
    subclassed.py     copies of these
    copying.py        walks and copies models (nested ones included)
    prune.py          model -> copy with PrunedLayers
    wrapper.py        PrunedLayer: a layer, its kernels and its count of training steps
    pruned_kernel.py  a kernel and its mask
    update.py         the kernels that are due at a step -> new masks, and what changed
    replicas.py       what is to be known of tf.distribute
    mask_update.py    what an update did to a kernel
    callbacks.py      drives the PrunedLayers during fit
    summaries.py      writes what the updates did for TensorBoard
    overview.py       prints which layers are or would be pruned, and why others not
    strip.py          copy without PrunedLayers, zeros exact
"""

from ubp.pruning.admm import ADMM
from ubp.pruning.budgets import GlobalBudget, LatencyBudget
from ubp.pruning.callbacks import UpdatePruning
from ubp.pruning.overview import pruning_summary
from ubp.pruning.patterns import AlignedBlock, Pattern, UnalignedBlock, Unstructured
from ubp.pruning.permutation import PermutationReport, Permuted, permute_channels
from ubp.pruning.prune import prune
from ubp.pruning.reweighted import ReweightedRegularization
from ubp.pruning.schedules import ConstantSparsity, CustomSchedule, PolynomialDecay
from ubp.pruning.strip import strip
from ubp.pruning.summaries import PruningSummaries

__all__ = [
    "ADMM",
    "AlignedBlock",
    "ConstantSparsity",
    "CustomSchedule",
    "GlobalBudget",
    "LatencyBudget",
    "Pattern",
    "PermutationReport",
    "Permuted",
    "PolynomialDecay",
    "PruningSummaries",
    "ReweightedRegularization",
    "UnalignedBlock",
    "Unstructured",
    "UpdatePruning",
    "permute_channels",
    "prune",
    "pruning_summary",
    "strip",
]
