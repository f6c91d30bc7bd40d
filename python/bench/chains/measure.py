# SPDX-License-Identifier: Apache-2.0
"""Times a chain in XNNPACK alone and in the delegate, which takes more or less of it."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import ubp
from bench.chains.networks import Network
from bench.chains.report import ALL, AUTO, SPARSE, XNNPACK, Result
from bench.harness.statistics import Spread, take_turns
from ubp.runtime.decisions import delegate_report
from ubp.runtime.inputs import random_inputs, set_inputs

_BLOCK_SECONDS = 2e-3  # of one interpreter's inferences in a round
_LEAST_RUNS, _MOST_RUNS = 3, 60


def measure(network: Network, rounds: int) -> Result:
    """Time a chain.

    The interpreters take turns, each with some inferences in a row. An inference counts by the
    processor time of its thread, and of all inferences the 10th percentile: what others do on the
    machine hardly matters. Where two values of `take` take the same nodes, they share a time.
    """
    interpreters = {XNNPACK: Interpreter(model_content=network.model, num_threads=1)}
    taken: dict[str, int] = {}
    same: dict[str, str] = {}
    seen: dict[tuple[bool, ...], str] = {}
    for take in (AUTO, SPARSE, ALL):
        nodes = tuple(node.taken for node in delegate_report(network.model, take=take).nodes)
        taken[take] = sum(nodes)
        same[take] = seen.setdefault(nodes, take) if any(nodes) else XNNPACK
        if same[take] == take:
            interpreters[take] = ubp.Interpreter(network.model, take=take)
    times = _interleave(interpreters, rounds)
    times |= {take: times[name] for take, name in same.items()}
    return Result(network.seed, network.operators, taken, times)


def _interleave(interpreters: dict[str, Any], rounds: int) -> dict[str, float]:
    """Microseconds of an inference, by the interpreter's name."""
    for interpreter in interpreters.values():
        interpreter.allocate_tensors()
        set_inputs(interpreter, random_inputs(interpreter, np.random.default_rng(0)))
    runs = {}
    for name, interpreter in interpreters.items():
        seconds = max(min(_seconds(interpreter) for _ in range(3)), 1e-6)
        runs[name] = int(np.clip(_BLOCK_SECONDS / seconds, _LEAST_RUNS, _MOST_RUNS))
    timers = {
        name: partial(_all_seconds, interpreter, runs[name])
        for name, interpreter in interpreters.items()
    }
    return {
        name: 1e6 * Spread.of(np.concatenate(seconds)).p10
        for name, seconds in take_turns(timers, rounds).items()
    }


def _all_seconds(interpreter: Any, runs: int) -> list[float]:
    return [_seconds(interpreter) for _ in range(runs)]


def _seconds(interpreter: Any) -> float:
    begin = time.thread_time()
    interpreter.invoke()
    return time.thread_time() - begin
