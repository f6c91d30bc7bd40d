# SPDX-License-Identifier: Apache-2.0
"""Pruning of Keras 3 models in blocks while they train. Knows Keras, and nothing of TFLite.

    pruned = ubp.prune(model, schedule=ubp.PolynomialDecay(0.0, 0.8, 0, 2000))
    pruned.compile(...)
    pruned.fit(x, y, callbacks=[ubp.UpdatePruning()])
    final = ubp.strip(pruned)

Keras can load a pruned model from a file once this module is imported (`import ubp.pruning`; the
use of any of the names above does it too).

A room per question; none knows those below it:

    settings/   what Keras has to know of the settings of a layer, which are in `ubp.masking`
    layers/     which layers can be pruned, which are, and what a pruned layer is
    training/   what happens during `fit`: updates of masks, callbacks, summaries; statistics
                of batch normalisation without it
    cloning/    copies of models with other layers in them: `prune` and `strip`
    channels/   before all else, on request: channels in an order that suits blocks
    removal/    before all else, on request: fewer channels, in a smaller model

Each room's `__init__.py` lists its files.
"""

from ubp.extras import extra_needed
from ubp.masking import (
    ADMM,
    AlignedBlock,
    ConstantSparsity,
    CustomSchedule,
    GlobalBudget,
    KernelPattern,
    LatencyBudget,
    Pattern,
    PolynomialDecay,
    ReweightedRegularization,
    UnalignedBlock,
    Unstructured,
)

with extra_needed("ubp.pruning"):
    from ubp.pruning.channels import PermutationReport, Permuted, permute_channels
    from ubp.pruning.cloning.stripping import strip
    from ubp.pruning.cloning.wrapping import prune
    from ubp.pruning.layers.overview import pruning_summary
    from ubp.pruning.removal import (
        ChannelGroup,
        ChannelGroups,
        ChannelsRemoved,
        RemovalReport,
        channel_groups,
        remove_channels,
    )
    from ubp.pruning.settings.quantize_aware import QuantizeAware
    from ubp.pruning.training.callbacks import UpdatePruning
    from ubp.pruning.training.recalibration import recalibrate_batch_norm
    from ubp.pruning.training.summaries import PruningSummaries

__all__ = [
    "ADMM",
    "AlignedBlock",
    "ChannelGroup",
    "ChannelGroups",
    "ChannelsRemoved",
    "ConstantSparsity",
    "CustomSchedule",
    "GlobalBudget",
    "KernelPattern",
    "LatencyBudget",
    "Pattern",
    "PermutationReport",
    "Permuted",
    "PolynomialDecay",
    "PruningSummaries",
    "QuantizeAware",
    "RemovalReport",
    "ReweightedRegularization",
    "UnalignedBlock",
    "Unstructured",
    "UpdatePruning",
    "channel_groups",
    "permute_channels",
    "prune",
    "pruning_summary",
    "recalibrate_batch_norm",
    "remove_channels",
    "strip",
]
