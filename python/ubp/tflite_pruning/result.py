# SPDX-License-Identifier: Apache-2.0
"""What pruning a file gives: the model, and what became of each layer and output, as data."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ubp.output import write_output


@dataclass(frozen=True)
class RebuiltLayer:
    """One layer with weights.

    name: the weights tensor's name.
    op: the operator's name in the schema.
    shape: of the weights in the file.
    kept: share of the weights that are not zero.
    pruned: whether weights were taken from it.
    reason: why none were; empty if they were.
    relative_error: |outputs - wanted|^2 / |wanted|^2 about the means, on the calibration samples;
        None where the layer was left as it was.
    samples: that it was rebuilt from: pixels of pictures.
    seconds: that took.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    kept: float
    pruned: bool
    reason: str = ""
    relative_error: float | None = None
    samples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class OutputError:
    """One float output, on samples that nothing was rebuilt from.

    name: of its tensor.
    relative_error: |pruned - dense|^2 / |dense - its mean|^2 over the samples: 0 is perfect, 1 as
        good as a constant; NaN where the dense output does not vary.
    one_shot: the same of the largest weights kept without rebuilding, as much of each layer.
    """

    name: str
    relative_error: float
    one_shot: float


@dataclass(frozen=True)
class PrunedFile:
    """A .tflite file pruned without training.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(100, 256)).astype("float32")
        >>> dense = ubp.convert(model).dense
        >>> found = ubp.prune_tflite(dense, x, 0.5, layers="*", progress=False)
        >>> found.sparsity, len(found.layers), found.samples + found.held_out
        (0.5, 1, 100)

    Attributes:
        model: the file, with exact zeros.
        dense: the file that it was made from.
        layers: what became of each layer with weights, in their order.
        outputs: what became of each float output.
        samples, held_out: how many were calibrated on, and judged by.
        warnings: what speaks against the result, in sentences.
        seconds: that it took.
    """

    model: bytes = field(repr=False)
    dense: bytes = field(repr=False)
    layers: Sequence[RebuiltLayer]
    outputs: Sequence[OutputError]
    samples: int
    held_out: int
    warnings: Sequence[str] = ()
    seconds: float = 0.0

    @property
    def sparsity(self) -> float:
        """Share of zeros among the weights of the layers that were pruned."""
        sizes = [math.prod(layer.shape) for layer in self.layers if layer.pruned]
        kept = [layer.kept for layer in self.layers if layer.pruned]
        total = sum(sizes)
        return 1 - sum(s * k for s, k in zip(sizes, kept, strict=True)) / total if total else 0.0

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the pruned model, whole or not at all.

        Raises:
            FileExistsError: if the file exists and `overwrite` is false.
            FileNotFoundError: if there is no such directory.
            OSError: if it cannot be written; a file that was there before is untouched.
        """
        write_output(path, self.model, overwrite)

    def to_json(self) -> str:
        """All but the models; numbers that are not finite are null."""
        content = {
            "sparsity": self.sparsity,
            "samples": self.samples,
            "held_out": self.held_out,
            "seconds": self.seconds,
            "warnings": list(self.warnings),
            "outputs": [_finite(asdict(each)) for each in self.outputs],
            "layers": [_finite(asdict(each)) for each in self.layers],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
