# SPDX-License-Identifier: Apache-2.0
"""Pruning of .tflite files without training, whatever framework they are from.

    opened.py       the file, its inputs and its outputs
    layers.py       which layers are pruned, which re-fitted, and why others are left
    activations.py  what enters them in the pruned network and leaves them in the dense one
    first_layers.py whether what they make of the samples is plausible
    moments.py      that, added up
    budgets.py      how many blocks each layer keeps
    rebuild.py      layer after layer: moments, `ubp.reconstruction`, new weights
    rewriting.py    new weights and biases into the file
    result.py       what comes out, as data
    pruner.py       the public function

Knows TFLite, and nothing of training.
"""

from ubp.tflite_pruning.pruner import prune_tflite
from ubp.tflite_pruning.result import OutputError, PrunedFile, RebuiltLayer

__all__ = ["OutputError", "PrunedFile", "RebuiltLayer", "prune_tflite"]
