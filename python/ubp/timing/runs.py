# SPDX-License-Identifier: Apache-2.0
"""The least times of a subject's files, all run by turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ubp.progress import Bar
from ubp.runtime.inputs import random_values
from ubp.timing.interleaved import BlockTimer, Clock, block_timer, near_least
from ubp.timing.mixtures import Subject

_ROUND_MS = 12.0  # of one file in one round
_MOST_RUNS = 200


def ready(interpreter: Any, subject: Subject, seed: int, clock: Clock) -> BlockTimer:
    """An interpreter that has inputs, of the shapes that are asked for."""
    if subject.inputs is None:
        return block_timer(interpreter, seed, clock=clock)
    rng = np.random.default_rng(seed)
    details = interpreter.get_input_details()
    values = [
        random_values(detail, shape, rng)
        for detail, shape in zip(details, subject.inputs, strict=True)
    ]
    return block_timer(interpreter, seed, values, clock)


def least_us(timers: Sequence[BlockTimer], rounds: int, hidden: bool | None) -> list[float]:
    """The time of an inference of each (`near_least`), all by turns."""
    first = [max(timer(3)) for timer in timers]
    runs = [int(np.clip(_ROUND_MS / max(ms, 1e-3), 3, _MOST_RUNS)) for ms in first]
    blocks: list[list[Sequence[float]]] = [[] for _ in timers]
    for _ in Bar(range(rounds), "measure", unit="round", disable=hidden):
        for number, timer in enumerate(timers):
            blocks[number].append(timer(runs[number]))
    return [1e3 * near_least(each) for each in blocks]
