# SPDX-License-Identifier: Apache-2.0
"""A model's inputs: their shapes, random values for comparing and timing, and the way in.

Sizes that a model leaves open stand in the file as 1 and are -1 in the shape signature. Where
nobody says what they are, usual ones are assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_sequence, shown
from ubp.constants import OPEN_SIZES

Shape = tuple[int, ...]

_PICTURE = OPEN_SIZES["picture"]  # height and width of a picture, where they are open
_LENGTH = OPEN_SIZES[
    "length"
]  # any other size but those of the batch, which is 1, and the channels


def random_inputs(
    interpreter: Any, rng: np.random.Generator, bounds: Mapping[int, int] | None = None
) -> list[npt.NDArray[Any]]:
    """One array per input of an interpreter with allocated tensors; see `random_values`."""
    details = interpreter.get_input_details()
    return [random_values(detail, detail["shape"], rng, bounds) for detail in details]


def random_values(
    detail: Mapping[str, Any],
    shape: Sequence[int],
    rng: np.random.Generator,
    bounds: Mapping[int, int] | None = None,
) -> npt.NDArray[Any]:
    """Random values for one input.

    Args:
        detail: of the input, as an interpreter gives it.
        shape: of the values.
        rng: where the numbers come from.
        bounds: for inputs that are indices, by their tensor, the least value too large.

    Returns:
        Standard normal floats, 8-bit integers over their whole range, indices below their bound,
        and zeros and ones for all other integers and for booleans.

    Raises:
        ValueError: if the input has another type: what to put there only the model's author knows.
    """
    dtype, size = np.dtype(detail["dtype"]), tuple(int(each) for each in shape)
    bound = (bounds or {}).get(int(detail["index"]))
    if dtype.kind == "f":
        return rng.standard_normal(size).astype(dtype)
    if dtype in (np.int8, np.uint8) and bound is None:
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, size, dtype, endpoint=True)
    if dtype.kind in "iub":
        return rng.integers(0, 2 if bound is None else max(bound, 1), size).astype(dtype)
    raise ValueError(
        f"cannot make random values for input '{detail['name']}' of type {dtype.name}; give the "
        "inputs yourself."
    )


def set_inputs(interpreter: Any, values: Sequence[npt.NDArray[Any]]) -> None:
    """Copy one array per input into an interpreter with allocated tensors."""
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)


def resize_inputs(interpreter: Any, values: Sequence[npt.NDArray[Any]]) -> bool:
    """Give an interpreter's inputs the shapes of arrays; returns whether any has changed.

    Its tensors have to be allocated then.
    """
    changed = [
        (detail["index"], value.shape)
        for detail, value in zip(interpreter.get_input_details(), values, strict=True)
        if tuple(detail["shape"]) != value.shape
    ]
    for index, shape in changed:
        interpreter.resize_tensor_input(index, np.array(shape, np.int32))
    return bool(changed)


def give_inputs(interpreter: Any, values: Sequence[npt.NDArray[Any]]) -> None:
    """Resize an interpreter to a caller's inputs, allocate its tensors, and copy the inputs there.

    Raises:
        ValueError: if they are not one array for each input, or do not fit.
    """
    check_sequence("inputs", values, "one array for each input")
    for value in values:
        if not isinstance(value, np.ndarray):
            raise ValueError(f"inputs holds {shown(value)}; expected one array for each input.")
    check_shapes(interpreter.get_input_details(), [value.shape for value in values])
    try:
        resize_inputs(interpreter, values)
        interpreter.allocate_tensors()
        set_inputs(interpreter, values)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()).removesuffix(".")
        raise ValueError(f"the model cannot run on the inputs: {reason}.") from error


def signature_of(detail: Mapping[str, Any]) -> Shape:
    """An input's shape, with -1 for each size that is open."""
    signature = detail.get("shape_signature", ())
    chosen = signature if len(signature) == len(detail["shape"]) else detail["shape"]
    return tuple(int(size) for size in chosen)


def assumed_shape(detail: Mapping[str, Any]) -> Shape:
    """An input's shape; where sizes are open, a batch of one of something of a usual size."""
    signature, shape = signature_of(detail), [int(size) for size in detail["shape"]]
    channels = len(shape) - 1 if len(shape) > 2 else len(shape)
    for axis in range(1, channels):
        if signature[axis] == -1:
            shape[axis] = _PICTURE if len(shape) == 4 else _LENGTH
    return tuple(max(size, 1) for size in shape)


def check_sizes(shapes: Any) -> list[Shape]:
    """Shapes for a model's inputs, whatever the model.

    Raises:
        ValueError: if they are anything else than sequences of whole numbers above 0.
    """
    sound = isinstance(shapes, Sequence) and all(_is_shape(shape) for shape in shapes)
    if not sound:
        raise ValueError(
            f"the input shapes are {shown(shapes)}, expected for each input a sequence of whole "
            "numbers above 0, such as [(1, 224, 224, 3)]."
        )
    return [tuple(int(size) for size in shape) for shape in shapes]


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, Sequence | np.ndarray) and all(
        isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0
        for size in shape
    )


def check_shapes(details: Sequence[Mapping[str, Any]], shapes: Sequence[Shape]) -> list[Shape]:
    """Shapes for a model's inputs, in their order, as `check_sizes` returns them.

    Raises:
        ValueError: if they are not as many, or do not have as many sizes.
    """
    if len(shapes) != len(details):
        raise ValueError(
            f"{len(shapes)} input shapes are given for a model with {len(details)} inputs; give "
            "one for each."
        )
    for shape, detail in zip(shapes, details, strict=True):
        if len(shape) != len(detail["shape"]):
            raise ValueError(
                f"input '{detail['name']}': the shape {list(shape)}, expected "
                f"{len(detail['shape'])} sizes, such as {list(assumed_shape(detail))}."
            )
    return list(shapes)
