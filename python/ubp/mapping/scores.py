# SPDX-License-Identifier: Apache-2.0
"""Scores: what a mapping loses, without training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ubp.mapping.scheme_mapping import SchemeMapping
from ubp.reconstruction.network import prune_without_training


def rebuilding_error(data: Any, seed: int, model: keras.Model, mapping: SchemeMapping) -> float:
    """The mean relative error of the outputs of the network that is rebuilt by a mapping.

    Args:
        data: inputs, as `ubp.prune_without_training` takes them.
        seed: of its draws.
        model: the dense one.
        mapping: of it.

    Raises:
        TypeError, ValueError: as of `ubp.prune_without_training`; or if no output varies.
    """
    if all(each.block_size is None for each in mapping.schemes):
        return 0.0
    result = prune_without_training(model, data, layers=mapping.layers, seed=seed, progress=False)
    errors = [error for error in result.report.output_errors if np.isfinite(error)]
    if not errors:
        raise ValueError("data: no output of the model varies, so that no mapping has a score.")
    return float(np.mean(errors))
