# SPDX-License-Identifier: Apache-2.0
"""Arguments: the checks of what public functions are given, and the sentence that refuses it."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

_MAX_SHOWN = 60  # characters of a wrong value in an error


def shown(value: Any) -> str:
    """A value in a sentence: on one line, and cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number by its type; booleans are not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_whole(name: str, value: Any, least: int | None = None) -> int:
    """The value as an int.

    Raises:
        ValueError: if it is no whole number, or below `least`.
    """
    if not is_whole(value) or (least is not None and value < least):
        least_of = "" if least is None else f" of at least {least}"
        raise ValueError(f"{name} is {shown(value)}; expected a whole number{least_of}.")
    return int(value)


def check_number(name: str, value: Any, expected: str, holds: Callable[[Any], bool]) -> None:
    """Refuse what is no number, or one for which a condition does not hold.

    Args:
        name: of the argument.
        value: what was given.
        expected: the condition in words.
        holds: the condition, which is false for NaN.

    Raises:
        ValueError: saying what was found.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not holds(value):
        raise ValueError(f"{name} is {shown(value)}; expected {expected}.")


def check_share(name: str, value: Any) -> None:
    """Raise the ValueError of `check_number` for what is no number from 0 to 1."""
    check_number(name, value, "a number from 0 to 1", lambda number: 0.0 <= number <= 1.0)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse what is none of some strings.

    Raises:
        ValueError: saying what was found, and what there is.
    """
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {shown(value)}; expected one of {', '.join(known)}.")


def check_sequence(name: str, value: Any, expected: str) -> None:
    """Refuse what is neither a list nor a tuple, or another sequence of things; text is none.

    Raises:
        ValueError: saying what was found.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
        raise ValueError(f"{name} is {shown(value)}; expected {expected}.")


def check_path(name: str, value: Any) -> None:
    """Refuse what is no path.

    Raises:
        ValueError: saying what was found.
    """
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise ValueError(f"{name} is {shown(value)}; expected the path of a file or folder.")


def existing_file(name: str, value: Any) -> Path:
    """The path of a file that is there.

    Raises:
        ValueError: if the value is no path.
        FileNotFoundError, IsADirectoryError: if there is no file.
    """
    check_path(name, value)
    path = Path(value)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a directory, expected a file.")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    return path


def check_counts(**values: Any) -> None:
    """Refuse what is no whole number above 0, by the argument's name.

    Raises:
        ValueError: saying what was found.
    """
    for name, value in values.items():
        check_whole(name, value, 1)


def check_finite(**values: Any) -> None:
    """Refuse what is no finite number, by the argument's name.

    Raises:
        ValueError: saying what was found.
    """
    for name, value in values.items():
        check_number(name, value, "a finite number", math.isfinite)
