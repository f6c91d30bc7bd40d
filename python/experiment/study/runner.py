# SPDX-License-Identifier: Apache-2.0
"""Does all runs that are not finished, in worker processes, and shows how far it has got."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING

from bench.harness.quiet import held_back_stderr
from experiment.study.settings import Settings
from experiment.study.store import Run, Store
from ubp.progress import ProgressBar

if TYPE_CHECKING:  # loads TensorFlow, which only the workers need
    from experiment.study.worker import Worker

_STEPS_OF_THE_REST = 120  # building, tracing and testing take about as long as so many steps

_RUNS_OF_A_WORKER = 60  # on average; then new ones: TensorFlow keeps some memory of each run

_worker: Worker | None = None  # of a worker process


def run_all(runs: Iterable[Run], store: Store, settings: Settings, jobs: int) -> None:
    """Do runs: those of dense networks, and of those that recipes begin with, come first.

    Args:
        runs: may name a run twice; done in this order.
        store: what is in it is not done again.
        settings: of all runs.
        jobs: worker processes.

    Raises:
        BrokenProcessPool: if a worker is killed.
    """
    wanted = list(dict.fromkeys(runs))
    dense = list(dict.fromkeys(run.dense for run in wanted))
    recipes = [run for run in wanted if run.recipe is not None]
    stages = [[run for run in stage if not store.has(run)] for stage in (dense, recipes)]
    if not any(stages):
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when a worker loads TensorFlow
    total = sum(_length(run, settings) for stage in stages for run in stage)
    at_once = jobs * _RUNS_OF_A_WORKER
    parts = [
        stage[start : start + at_once]
        for stage in stages
        for start in range(0, len(stage), at_once)
    ]
    with ProgressBar(total=total, unit="step", smoothing=0.05) as bar:
        few = sum(map(len, parts)) <= at_once
        for some in [parts] if few else [[part] for part in parts]:
            _run_some(some, store, settings, jobs, bar)


def _run_some(
    parts: Sequence[Sequence[Run]], store: Store, settings: Settings, jobs: int, bar: ProgressBar
) -> None:
    """Do these runs, one part after the other, in workers of their own."""
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), _start_worker, (store, settings)
    )
    try:
        for part in parts:
            futures = {pool.submit(_perform, run): run for run in part}
            for future in as_completed(futures):
                future.result()
                run = futures[future]
                bar.set_description(f"{run.network}, seed {run.seed}")
                bar.update(_length(run, settings))
    finally:
        pool.shutdown(cancel_futures=True)


def _length(run: Run, settings: Settings) -> int:
    """How long a run takes, in steps of training."""
    own = settings.dense_steps if run.recipe is None else run.recipe.steps
    return own + _STEPS_OF_THE_REST


def _start_worker(store: Store, settings: Settings) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops us, between two runs
    with held_back_stderr():
        from experiment.study.worker import Worker

        _worker = Worker(store, settings)


def _perform(run: Run) -> None:
    assert _worker is not None, "the pool starts workers with _start_worker"
    _worker.perform(run)
