# SPDX-License-Identifier: Apache-2.0
"""Streams: iterables of batches, such as a tf.data.Dataset, of which the first samples are kept.

A stream is gone through once and no further than asked, so that it may be endless, shuffled or a
generator. What it gives is kept in temporary files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ubp.arguments import shown
from ubp.data.columns import Column, Spool
from ubp.data.inputs import Array, Input, input_named

_EXPECTED = "an iterable of batches: x, (x, y) or (x, y, weights)"


def read_stream(data: Iterable[Any], inputs: tuple[Input, ...], most: int) -> list[Column]:
    """A column per input, of the first samples of an iterable.

    Args:
        data: batches x, (x, y) or (x, y, weights), of which x is used: an array for a model with
            one input, else a tuple, list or dictionary of them.
        inputs: of the model.
        most: samples to keep at most.

    Raises:
        ValueError: if a batch is something else.
    """
    spools, seen = [Spool() for _ in inputs], 0
    for batch in data:
        arrays = arrays_of(batch, inputs)
        for array, each, spool in zip(arrays, inputs, spools, strict=True):
            each.check(array)
            spool.append(array[: most - seen], "data")
        seen += len(arrays[0])
        if seen >= most:
            break
    return [Column(spool.array(), each.dtype) for spool, each in zip(spools, inputs, strict=True)]


def arrays_of(batch: Any, inputs: tuple[Input, ...]) -> list[Array]:
    """The arrays of a batch, one per input.

    Raises:
        ValueError: if there are others.
    """
    values = _inputs_of(batch, len(inputs))
    if isinstance(values, Mapping):
        arrays = by_name(values, inputs)
    elif isinstance(values, list | tuple):
        arrays = [as_array(value) for value in values]
    else:
        arrays = [as_array(values)]
    if len(arrays) != len(inputs):
        raise ValueError(
            f"data has {len(arrays)} arrays for a model with {len(inputs)} inputs; expected "
            f"{_EXPECTED}, x having one for each input."
        )
    check_counts_equal(arrays)
    return arrays


def by_name(values: Mapping[Any, Any], inputs: tuple[Input, ...]) -> list[Array]:
    """The arrays of a dictionary in the order of the inputs.

    Raises:
        ValueError: if one is missing; what is there besides is left.
    """
    found: dict[int, Any] = {}
    for key, value in values.items():
        place = input_named(inputs, str(key))
        if place is not None:
            found[place] = value
    if len(values) == len(inputs) == 1:
        found = {0: next(iter(values.values()))}
    for place, each in enumerate(inputs):
        if place not in found:
            raise ValueError(
                f"data has no array for input '{each.name}'; it has "
                f"{', '.join(map(str, values)) or 'none'}."
            )
    return [as_array(found[place]) for place in range(len(inputs))]


def as_array(value: Any) -> Array:
    """An array of an array or a framework's tensor.

    Raises:
        ValueError: if it is neither.
    """
    if not hasattr(value, "__array__"):
        raise ValueError(f"data holds {shown(value)}; expected {_EXPECTED}, as arrays.")
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
        raise ValueError(
            f"data holds {shown(value)}, which does not become an array: {reason}."
        ) from error


def check_counts_equal(arrays: list[Array]) -> None:
    """Refuse arrays of different numbers of samples.

    Raises:
        ValueError: saying how many they have.
    """
    counts = [len(array) if array.ndim else 0 for array in arrays]
    if len(set(counts)) > 1:
        raise ValueError(f"data has arrays of {counts} samples; expected as many in each.")


def _inputs_of(batch: Any, count: int) -> Any:
    """What a batch has for the inputs, without targets and weights of samples."""
    if not isinstance(batch, tuple):
        return batch
    if count > 1 and len(batch) == count and all(hasattr(each, "__array__") for each in batch):
        return batch
    return batch[0] if 0 < len(batch) <= 3 else batch
