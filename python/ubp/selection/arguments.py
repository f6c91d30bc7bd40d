"""Arguments with a value for each layer: the checks that functions over several layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_sequence, check_share
from ubp.selection.evaluator import Layer
from ubp.selection.select import check_array, max_num_blocks, peak_of
from ubp.selection.worth import Reals

Importances = Sequence[npt.NDArray[np.floating]]
_Value = TypeVar("_Value", int, float)


def checked_layers(
    importances: Importances, block_size: int | Sequence[int], core: str
) -> list[Layer]:
    """The layers, with one block size for all or one for each.

    Raises:
        ValueError: if importance or a block size cannot be used; the message names the layer.
    """
    check_sequence("importances", importances, "a list of arrays, one for each layer")
    if len(importances) == 0:
        raise ValueError("importances is empty; expected one array for each layer.")
    sizes = _for_each(block_size, "block_size", len(importances))
    layers = []
    for index, (importance, size) in enumerate(zip(importances, sizes, strict=True)):
        try:
            check_array(importance)
            max_num_blocks(importance.shape, size)
            contiguous = np.ascontiguousarray(importance)
            layers.append(Layer(contiguous, size, peak_of(contiguous, core)))
        except ValueError as error:
            raise ValueError(f"layer {index}: {error}") from None
    return layers


def checked_densities(density: float | Sequence[float], name: str, num_layers: int) -> Reals:
    """Float64 [layers], one given for all or one for each.

    Raises:
        ValueError: if there are others than that, or what is given is no share.
    """
    densities = _for_each(density, name, num_layers)
    for index, each in enumerate(densities):
        check_share(f"layer {index}: {name}", each)
    return np.array(densities, dtype=np.float64)


def _for_each(value: _Value | Sequence[_Value], name: str, num_layers: int) -> list[_Value]:
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        return [value] * num_layers  # text is refused with the values
    if len(value) != num_layers:
        raise ValueError(
            f"{name} has {len(value)} values for {num_layers} layers; expected one for all or one "
            "for each."
        )
    return list(value)
