# SPDX-License-Identifier: Apache-2.0
"""A Keras model, layer by layer: inputs of the pruned network, wanted outputs of the dense one.

graph.py          a model and its copy as one flat list of calls
spool.py          values of a tensor for all samples, in a temporary file
tensors.py        arrays as tensors and back
interception.py   what enters layers that are called by a user's own code
activations.py    what enters any layer, batch after batch; each call is computed about once
lanes.py          the inputs of Keras's layers as lanes, and their weights as matrices
plan.py           what is done to which layer, in which order
first_layers.py   whether the samples look preprocessed otherwise than first layers expect
preparation.py    a model made ready for these: the copy, the plan, the samples
measuring.py      what each layer's error costs, measured
layer_errors.py   the same of layers that a mapping chooses for
calibration.py    the budgets that follow
rebuilding.py     a layer's moments added up, and its weights replaced
sampling.py       which samples are added up
statistics.py     batch normalisation, fitted to what now enters it
depthwise.py      depthwise convolutions, re-fitted
rebuilder.py      all of a plan
without_training.py   `prune_without_training`
report.py         what became of each layer
"""

from ubp.extras import extra_needed

with extra_needed("ubp.prune_without_training"):
    from ubp.reconstruction.network.report import (
        PrunedWithoutTraining,
        RebuildingReport,
        RebuiltLayer,
    )
    from ubp.reconstruction.network.without_training import prune_without_training

__all__ = [
    "PrunedWithoutTraining",
    "RebuildingReport",
    "RebuiltLayer",
    "prune_without_training",
]
