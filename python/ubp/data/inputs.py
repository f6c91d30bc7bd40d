# SPDX-License-Identifier: Apache-2.0
"""Inputs: what a model takes, as the readers of data need to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)


@dataclass(frozen=True)
class Input:
    """One input of a model.

    name: in messages, and as a key of dictionaries and .npz files.
    shape: of one sample, without the batch; None where any size will do.
    dtype: what arrays are cast to.
    also: other keys that mean this input.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any] = _FLOAT32
    also: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The shape of an array of samples, in a sentence."""
        return f"({', '.join(['samples', *('any' if s is None else str(s) for s in self.shape)])})"

    @property
    def is_picture(self) -> bool:
        """Whether it is [height, width, 1 or 3]."""
        return len(self.shape) == 3 and self.shape[2] in (1, 3)

    def check(self, array: Array, what: str = "data") -> None:
        """Refuse what is no array of samples for this input.

        Raises:
            ValueError: saying what was found.
        """
        if array.dtype.kind not in "fiub":
            raise ValueError(
                f"{what}: input '{self.name}' is given an array of type {array.dtype}; expected "
                f"{self.dtype.name}."
            )
        fits = array.ndim == len(self.shape) + 1 and all(
            wanted is None or size == wanted
            for size, wanted in zip(array.shape[1:], self.shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{what}: input '{self.name}' is given an array of shape {array.shape}; expected "
                f"{self.shown}{self._advice(array)}."
            )

    def _advice(self, array: Array) -> str:
        shape = array.shape
        if len(shape) == len(self.shape):
            return ", the first dimension being the samples"
        first = len(shape) == 4 and len(self.shape) == 3 and shape[1] == self.shape[2]
        return ", channels last" if first else ""


def input_named(inputs: tuple[Input, ...], key: str) -> int | None:
    """The place of the input that a key means; None if it means none."""
    for place, each in enumerate(inputs):
        if key == each.name or key in each.also:
            return place
    return None
