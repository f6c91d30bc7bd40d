"""Types of command line arguments that benchmarks share; errors name the word that is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection

_MOST_ROUNDS = 10_000


def names_of(what: str, known: Collection[str]) -> Callable[[str], list[str]]:
    """A parser of lists of names.

    Args:
        what: they are the names of, in the singular.
        known: all names.
    """

    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"there is no {what} '{name}'; there are {', '.join(known)}"
                )
        return names

    return parse


def number(low: int, high: int) -> Callable[[str], int]:
    """A parser of one number from low to high."""
    return lambda text: _number(text, low, high)


def numbers(low: int, high: int) -> Callable[[str], list[int]]:
    """A parser of lists of numbers from low to high."""

    def parse(text: str) -> list[int]:
        return [_number(word, low, high) for word in text.split(",")]

    return parse


def numbers_among(what: str, known: Collection[int]) -> Callable[[str], list[int]]:
    """The same for numbers of which only some make sense."""
    by_name = {str(number): number for number in known}
    parse = names_of(what, by_name)
    return lambda text: [by_name[name] for name in parse(text)]


def rounds(text: str) -> int:
    """How often something is measured."""
    return _number(text, 1, _MOST_ROUNDS)


def _number(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low} to {high}")
    return int(text)
