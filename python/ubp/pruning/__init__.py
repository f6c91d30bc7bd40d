"""Pruning of Keras 3 models in blocks while they train. Knows Keras, and nothing of TFLite.

    pruned = ubp.prune(model, schedule=ubp.PolynomialDecay(0.0, 0.8, 0, 2000))
    pruned.compile(...)
    pruned.fit(x, y, callbacks=[ubp.UpdatePruning()])
    final = ubp.strip(pruned)

Keras can load a pruned model from a file once this module is imported (`import ubp.pruning`; the
use of any of the names above does it too).

The path of a model, a file per step:

    schedules.py   step -> is an update due, and to which sparsity
    patterns.py    importance [lanes, channels] and sparsity -> mask; asks ubp.selection
    targets.py     the one place that says which layers of a model are pruned
    copying.py     walks and copies models (nested ones included)
    permutation/   before all that, on request: channels in an order that suits blocks
    wrapper.py     PrunedLayer: a layer, its mask and its count of training steps
    prune.py       model -> copy with PrunedLayers
    callbacks.py   drives the PrunedLayers during fit
    strip.py       copy without PrunedLayers, zeros exact
"""

from ubp.pruning.callbacks import UpdatePruning
from ubp.pruning.patterns import AlignedBlock, Pattern, UnalignedBlock, Unstructured
from ubp.pruning.permutation import PermutationReport, Permuted, permute_channels
from ubp.pruning.prune import prune
from ubp.pruning.schedules import ConstantSparsity, PolynomialDecay
from ubp.pruning.strip import strip

__all__ = [
    "AlignedBlock",
    "ConstantSparsity",
    "Pattern",
    "PermutationReport",
    "Permuted",
    "PolynomialDecay",
    "UnalignedBlock",
    "Unstructured",
    "UpdatePruning",
    "permute_channels",
    "prune",
    "strip",
]
