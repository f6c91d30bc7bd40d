# SPDX-License-Identifier: Apache-2.0
"""How much of a network's weights a pattern keeps, before any training makes up for the rest."""

from __future__ import annotations

import keras
import numpy as np

import ubp
from demo.settings import SPARSITY
from ubp.pruning import Pattern


def kept_share(model: keras.Model, pattern: Pattern) -> float:
    """The share of the sum of absolute weights that one-shot pruning keeps in the pruned layers."""
    pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(SPARSITY), pattern))
    before, after = 0.0, 0.0
    for dense_layer, pruned_layer in zip(model.layers, pruned.layers, strict=True):
        for dense, kept in zip(dense_layer.weights, pruned_layer.weights, strict=True):
            if not np.array_equal(dense, kept):
                before += float(np.abs(dense.numpy()).sum())
                after += float(np.abs(kept.numpy()).sum())
    return after / before
