# SPDX-License-Identifier: Apache-2.0
"""Preprocessing: the values that a model takes for the pixels of a picture.

Which ones it takes only those know who trained it, and nothing in a model says so: it has to be
stated. Most wrong statements are noticed, see suspicions.py.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_number, is_whole, shown

FITS = ("stretch", "crop")
ORDERS = ("rgb", "bgr")


@dataclass(frozen=True)
class Preprocessing:
    """value = (pixel - mean) / scale, of pixels 0 to 255, channel by channel.

        >>> import ubp
        >>> from ubp.data import PREPROCESSINGS
        >>> ubp.Preprocessing(mean=127.5, scale=127.5) == PREPROCESSINGS["-1..1"]
        True

    Attributes:
        mean, scale: numbers, or one for each channel, in the order that the model takes them.
        order: of the channels, "rgb" or "bgr".
        fit: how a picture gets the input's size: "stretch", whatever its proportions, or "crop",
            resized until it covers the input, whose centre is taken.

    Raises:
        ValueError: if an attribute is something else.
    """

    mean: float | tuple[float, ...] = 0.0
    scale: float | tuple[float, ...] = 1.0
    order: str = "rgb"
    fit: str = "stretch"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _numbers("mean", self.mean, "a finite number", _finite))
        expected = "a finite number other than 0"
        object.__setattr__(self, "scale", _numbers("scale", self.scale, expected, _divides))
        check_choice("order", self.order, ORDERS)
        check_choice("fit", self.fit, FITS)

    def apply(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Values for pixels [..., channels], 0 to 255, red first."""
        values = pixels[..., ::-1] if self.order == "bgr" else pixels
        mean, scale = (np.asarray(each, np.float32) for each in (self.mean, self.scale))
        result: npt.NDArray[np.float32] = (values.astype(np.float32) - mean) / scale
        return result


def _finite(value: float) -> bool:
    return math.isfinite(value)


def _divides(value: float) -> bool:
    return math.isfinite(value) and value != 0


def _numbers(
    name: str, given: Any, expected: str, holds: Callable[[Any], bool]
) -> float | tuple[float, ...]:
    """A number as it is, three of them as a tuple."""
    several = isinstance(given, list | tuple)
    if several and len(given) != 3:
        raise ValueError(f"{name} is {shown(given)}; expected a number, or three.")
    for value in given if several else [given]:
        check_number(name, value, expected, holds)
    return tuple(given) if several else given


PREPROCESSINGS = {
    "0..1": Preprocessing(scale=255.0),
    "-1..1": Preprocessing(mean=127.5, scale=127.5),
    "raw": Preprocessing(),  # 0..255
    "imagenet-torch": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "imagenet-caffe": Preprocessing((103.939, 116.779, 123.68), order="bgr"),
}


def preprocessing_of(value: Any) -> Preprocessing:
    """What a user states: a name of PREPROCESSINGS, or a `Preprocessing`.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(value, Preprocessing):
        return value
    check_choice("preprocess", value, PREPROCESSINGS)
    return PREPROCESSINGS[value]


def size_of(value: Any) -> tuple[int, int]:
    """Height and width, of two whole numbers above 0.

    Raises:
        ValueError: if they are something else.
    """
    sound = isinstance(value, Sequence) and len(value) == 2 and all(map(is_whole, value))
    if not sound or isinstance(value, str | bytes) or min(value) < 1:
        raise ValueError(f"size is {shown(value)}; expected (height, width), in pixels.")
    return int(value[0]), int(value[1])


def is_path(value: Any) -> bool:
    """Whether a value is a path."""
    return isinstance(value, str | os.PathLike)
