"""A model's inputs: random ones for comparing and timing, and the way into an interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def random_inputs(interpreter: Any, rng: np.random.Generator) -> list[npt.NDArray[Any]]:
    """One array per input: standard normal floats, or 8-bit integers over their whole range.

    Args:
        interpreter: one with allocated tensors.
        rng: where the numbers come from.

    Raises:
        ValueError: if an input has another type: what such numbers mean only the model's author
            knows.
    """
    return [_random(detail, rng) for detail in interpreter.get_input_details()]


def set_inputs(interpreter: Any, values: Sequence[npt.NDArray[Any]]) -> None:
    """Copy one array per input into an interpreter with allocated tensors."""
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)


def _random(detail: dict[str, Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    dtype, shape = np.dtype(detail["dtype"]), tuple(detail["shape"])
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if dtype in (np.int8, np.uint8):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    raise ValueError(
        f"cannot make random values for input '{detail['name']}' of type {dtype.name}; give the "
        "inputs yourself."
    )
