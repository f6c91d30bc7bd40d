"""What there is to look for: how a case is made of a seed and a number, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fuzz.case import Case
from fuzz.compare import Mark, Outcome, check
from fuzz.damage import check_file, damaged
from fuzz.generate import generate


@dataclass(frozen=True)
class Kind:
    """One of the words behind `./run fuzz`.

    make: the case of a seed and a number.
    check: its outcome.
    seconds: of processor time; a case that takes more hangs.
    shrinks: whether a part of a model is a model that can be looked at, too.
    """

    make: Callable[[int, int], Case]
    check: Callable[[Case, Mark], Outcome]
    seconds: float
    shrinks: bool


KINDS = {
    "graphs": Kind(generate, check, 60.0, True),
    "files": Kind(damaged, check_file, 30.0, False),
}
