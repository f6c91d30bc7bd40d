# SPDX-License-Identifier: Apache-2.0
"""The least times of several files or layers, all run by turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ubp.timing.interleaved import BlockTimer, near_least

_ROUND_MS = 12.0  # of one file in one round
_MOST_RUNS = 200


def least_us(
    timers: Sequence[BlockTimer],
    rounds: Iterable[object],
    round_ms: float = _ROUND_MS,
    most_runs: int = _MOST_RUNS,
) -> list[float]:
    """The time of an inference of each (`near_least`), all by turns.

    Args:
        timers: of each.
        rounds: as long as it yields something, each has its turn.
        round_ms: milliseconds that each runs in a round.
        most_runs: inferences that this may be at most.
    """
    first = [max(timer(3)) for timer in timers]
    runs = [int(np.clip(round_ms / max(ms, 1e-3), 3, most_runs)) for ms in first]
    blocks: list[list[Sequence[float]]] = [[] for _ in timers]
    for _ in rounds:
        for number, timer in enumerate(timers):
            blocks[number].append(timer(runs[number]))
    return [1e3 * near_least(each) for each in blocks]
