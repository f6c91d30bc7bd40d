# SPDX-License-Identifier: Apache-2.0
"""Times an operator in XNNPACK and in the delegate."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from bench.harness.statistics import Spread, take_turns
from bench.operators.cases import Case
from bench.operators.report import Result
from ubp.timing.interleaved import block_timer
from ubp.timing.profile import delegate_profile

_RUNS = 40  # in a row


def measure(case: Case, rounds: int) -> Result:
    """Time one operator on one thread.

    Both take turns, each with some inferences in a row. In XNNPACK an inference counts, in the
    delegate each step of its plan by itself: of several runs the fastest, of all rounds the median.
    """
    timer = block_timer(Interpreter(model_content=case.model, num_threads=1), 0)

    def xnnpack() -> list[float]:
        return [1e3 * min(timer(1)[0] for _ in range(_RUNS))]

    def delegate() -> list[float]:
        steps = delegate_profile(case.model, runs=_RUNS, progress=False, take="all").steps
        first = next(i for i, step in enumerate(steps) if not step.conversion)
        return [
            sum(step.min_us for step in steps if not step.conversion),
            sum(step.min_us for step in steps[:first]),
            sum(step.min_us for step in steps[first:] if step.conversion),
        ]

    times = take_turns({"xnnpack": xnnpack, "delegate": delegate}, rounds)
    (left,) = _medians(times["xnnpack"])
    taken, to_planes, to_image = _medians(times["delegate"])
    return Result(case.operator, case.size, case.channels, left, taken, to_planes, to_image)


def _medians(rounds: list[list[float]]) -> list[float]:
    return [Spread.of(column).median for column in np.transpose(rounds)]
