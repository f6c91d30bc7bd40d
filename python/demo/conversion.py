# SPDX-License-Identifier: Apache-2.0
"""From Keras models to .tflite files, verified through the interpreter."""

from __future__ import annotations

import keras
import numpy as np

import ubp
from ubp.check.verification import Verification, verify
from ubp.progress import ProgressBar


def convert_all(models: dict[str, keras.Model]) -> dict[str, ubp.ConversionResult]:
    """Each model as an ordinary .tflite file and as one with block-sparse layers, by name.

    A model without zeros is left as it is.
    """
    bar = ProgressBar(models.items(), desc=f"  {'converting':<18}", unit="model")
    return {name: ubp.convert(model) for name, model in bar}


def verify_conversion(name: str, result: ubp.ConversionResult) -> Verification:
    """Compare a converted model with the ordinary one, which holds the same weights.

    Raises:
        RuntimeError: if they differ by more than rounding.
    """
    verification = verify(result.dense, result.model)
    if not verification.passed:
        raise RuntimeError(
            f"verification failed: the converted model '{name}' differs from the dense one by "
            f"{verification.relative_error:.2g} of its output range, accepted are "
            f"{verification.tolerance:g}."
        )
    return verification


def sparsity(result: ubp.ConversionResult) -> float:
    """The share of zeros among the weights of all convolutions and dense layers, not depthwise."""
    examined = [layer for layer in result.report if layer.sparsity is not None]
    return float(
        np.average(
            [layer.sparsity for layer in examined],
            weights=[np.prod(layer.shape) for layer in examined],
        )
    )
