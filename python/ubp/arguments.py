"""Arguments: the checks of numbers that several public functions take."""

from __future__ import annotations

import math
import numbers
from typing import Any


def check_counts(**values: Any) -> None:
    """Refuse what is no whole number above 0, by the argument's name.

    Raises:
        ValueError: saying what was found.
    """
    for name, value in values.items():
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ValueError(f"{name} is {value!r}, expected a whole number of at least 1.")


def check_finite(**values: Any) -> None:
    """Refuse what is no finite number, by the argument's name.

    Raises:
        ValueError: saying what was found.
    """
    for name, value in values.items():
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ValueError(f"{name} is {value!r}, expected a finite number.")
