# SPDX-License-Identifier: Apache-2.0
"""What quantising gives: the file, and what became of its weights and operators, as data."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from ubp.output import write_output


@dataclass(frozen=True)
class QuantizedWeights:
    """The weights of one operator.

    name: the weights tensor's.
    op: the operator's name in the schema.
    shape: of the weights in the file.
    dtype: "int8", or "float32" where they stay float.
    zeros: zeros of the model, all of which are zeros of the file.
    rounded_to_zero: other weights that are zero in the file.
    size: number of weights.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    zeros: int
    rounded_to_zero: int
    size: int

    @property
    def sparsity(self) -> float:
        """The share of zeros in the file."""
        return (self.zeros + self.rounded_to_zero) / self.size if self.size else 0.0


@dataclass(frozen=True)
class QuantizedFile:
    """A quantised .tflite file.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(4)]
        >>> model = keras.Sequential([keras.Input((64,)), *layers])
        >>> result = ubp.quantize(model, mode="weights")  # the second layer is too small for it
        >>> result.mode, [row.dtype for row in result.report], result.rounded_to_zero < 0.05
        ('weights', ['int8', 'float32'], True)

    Attributes:
        model: the file.
        mode: "int8" or "weights".
        report: the weights of each convolution and dense layer, in the order of the file.
        float_operators: the operators of an int8 file that compute with floats, but for QUANTIZE
            and DEQUANTIZE: their names in the schema, with the tensor that they compute.
    """

    model: bytes = field(repr=False)
    mode: str
    report: Sequence[QuantizedWeights]
    float_operators: Sequence[str] = ()

    @property
    def rounded_to_zero(self) -> float:
        """Of the weights that are not zero in the model, the share that is zero in the file."""
        kept = sum(each.size - each.zeros for each in self.report)
        return sum(each.rounded_to_zero for each in self.report) / kept if kept else 0.0

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the file, whole or not at all.

        Raises:
            FileExistsError: if the file exists and `overwrite` is false.
            FileNotFoundError: if there is no such directory.
            OSError: if it cannot be written; a file that was there before is untouched.
        """
        write_output(path, self.model, overwrite)

    def to_json(self) -> str:
        """All but the file."""
        content = {
            "mode": self.mode,
            "bytes": len(self.model),
            "rounded_to_zero": self.rounded_to_zero,
            "float_operators": list(self.float_operators),
            "weights": [asdict(each) for each in self.report],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"
