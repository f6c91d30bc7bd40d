# SPDX-License-Identifier: Apache-2.0
"""What there is to look for: how a case is made of a seed and a number, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fuzz.case import Case
from fuzz.compare import GPU, Mark, Outcome, check
from fuzz.damage import check_file, damaged
from fuzz.exact import check_exactly
from fuzz.generate import generate
from fuzz.generate_int8 import generate_int8


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


def _for_gpu(seed: int, index: int) -> Case:
    """The graph of that number, on an OpenCL device."""
    case = generate(seed, index)
    options = {name: value for name, value in case.options.items() if name != "kernel"}
    return replace(case, options=options | GPU)


KINDS = {
    "graphs": Kind(generate, check, 60.0, True),
    "graphs-gpu": Kind(_for_gpu, check, 600.0, True),  # PoCL takes seconds to compile a kernel
    "int8": Kind(generate_int8, check_exactly, 60.0, True),
    "files": Kind(damaged, check_file, 30.0, False),
}
