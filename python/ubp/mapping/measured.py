# SPDX-License-Identifier: Apache-2.0
"""A mapping that keeps its budget when it runs, not only by prediction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from ubp.arguments import shown
from ubp.latency.network import Setting
from ubp.mapping.knapsack import Choice
from ubp.mapping.problem import Problem
from ubp.mapping.scheme_mapping import SchemeMapping, time_text

Measure: TypeAlias = Callable[[Mapping[str, Setting]], float]

_MOST_MEASUREMENTS = 6


def within_measured(
    problem: Problem, method: str, measure: Measure, first: Choice
) -> SchemeMapping:
    """The mapping of a method, for less predicted time until the measured one is in the budget.

    Args:
        problem: its times are microseconds.
        method: as of `Problem.choose`.
        measure: the settings of layers by name -> microseconds of an inference.
        first: the method's choice for the whole budget.

    Raises:
        ValueError: if no mapping was measured within the budget, or a measurement is no time.
    """
    found: Choice | None = first
    budget, least = problem.budget, math.inf
    for number in range(_MOST_MEASUREMENTS):
        if number > 0:
            found = problem.choose(method, budget)
        if found is None:
            break
        mapping = problem.mapping(found, method)
        us = _checked(measure(mapping.settings))
        if us <= problem.budget:
            return replace(mapping, measured_us=us)
        least = min(least, us)
        budget = mapping.us * problem.budget / us
    raise ValueError(
        f"map_schemes: no mapping was measured to take {time_text(problem.budget, True)}; the "
        f"fastest that was tried took {time_text(least, True)}. Ask for more time, or measure on "
        "an idle machine."
    )


def _checked(us: float) -> float:
    if not isinstance(us, float | int) or not 0 < us < math.inf:
        raise ValueError(f"measure gave {shown(us)}; expected microseconds above 0.")
    return float(us)
