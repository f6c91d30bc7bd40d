# SPDX-License-Identifier: Apache-2.0
"""Workers: the trials of a search in several processes, on one journal.

Each process is started anew (not forked), reads the model from a file and makes its own options. A
worker that is killed loses its trial; another takes its place.
"""

from __future__ import annotations

import multiprocessing
import pickle
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import keras

from ubp.mapping.problem import Problem
from ubp.mapping.search import Evaluate, completed, fail_lost_trials, open_study, run_trials

_POLL_SECONDS = 0.2
_MOST_DEATHS = 3  # of each worker's place


@dataclass(frozen=True)
class Job:
    """What a worker does; all of it can be pickled.

    model: the path of the model.
    problem_of: makes the problem of it.
    evaluate_of: makes what scores a mapping of it.
    storage, trials, seed: of the search.
    """

    model: str
    problem_of: Callable[[keras.Model], Problem]
    evaluate_of: Callable[[keras.Model], Evaluate]
    storage: str
    trials: int
    seed: int


def run_workers(model: keras.Model, job_of: Callable[[str], Job], workers: int) -> None:
    """Run a job in several processes until it is done.

    Args:
        model: to search a mapping for.
        job_of: the job, given the path of the model.
        workers: how many processes.

    Raises:
        TypeError: if something of the job cannot be given to another process.
        RuntimeError: if a worker ends with an error or cannot begin, or too many are killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        job = job_of(str(path))
        try:
            pickle.dumps(job)
        except (AttributeError, TypeError, pickle.PicklingError) as error:
            raise TypeError(
                f"map_schemes: importance, data and evaluate have to be picklable with several "
                f"workers: {' '.join(str(error).split())}."
            ) from error
        _watch(job, workers)


def _watch(job: Job, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    errors: Any = context.SimpleQueue()

    def started() -> BaseProcess:
        process = context.Process(target=_work, args=(job, errors), daemon=True)
        process.start()
        return process

    running = [started() for _ in range(workers)]
    deaths = 0
    try:
        while running:
            time.sleep(_POLL_SECONDS)
            for process in [each for each in running if not each.is_alive()]:
                running.remove(process)
                if not errors.empty():
                    raise RuntimeError(f"map_schemes: a worker failed: {errors.get()}")
                if process.exitcode == 0:
                    continue
                assert process.exitcode is not None  # it is not alive
                if process.exitcode > 0:
                    raise RuntimeError(
                        f"map_schemes: a worker ended with exit code {process.exitcode} before it "
                        "began; standard error says why: mostly a script without the guard "
                        '`if __name__ == "__main__":`.'
                    )
                deaths += 1  # by a signal
                if deaths > _MOST_DEATHS * workers:
                    raise RuntimeError(
                        f"map_schemes: workers were killed {deaths} times, the last with exit code "
                        f"{process.exitcode}; use fewer, they may need too much memory."
                    )
                running.append(started())
    finally:
        for process in running:
            process.terminate()
            process.join()


def _work(job: Job, errors: Any) -> None:
    """Of one process: whatever goes wrong is said in one line."""
    try:
        model = keras.models.load_model(job.model, compile=False)
        problem = job.problem_of(model)
        study = open_study(job.storage, problem)
        fail_lost_trials(study)
        if completed(study) < job.trials:
            run_trials(study, problem, job.evaluate_of(model), job.trials, job.seed)
    except Exception as error:
        last = traceback.format_exception_only(error)[-1]
        errors.put(" ".join(last.split()))
        raise SystemExit(1) from error
