# SPDX-License-Identifier: Apache-2.0
"""Searching: a search from its beginning, or where it was interrupted, to its mapping."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from ubp.mapping.problem import Problem
from ubp.mapping.scheme_mapping import SchemeMapping
from ubp.mapping.search import (
    Evaluate,
    best_mapping,
    completed,
    fail_lost_trials,
    open_study,
    run_trials,
)
from ubp.mapping.workers import Job, run_workers


def searched(
    model: keras.Model,
    problem: Problem,
    problem_of: Callable[[keras.Model], Problem],
    evaluate_of: Callable[[keras.Model], Evaluate],
    trials: int,
    storage: str | os.PathLike[str] | None,
    workers: int,
    seed: int,
) -> SchemeMapping:
    """The best mapping of some trials.

    Args:
        model: to map.
        problem: of it, whose budget can be met.
        problem_of: makes the same problem of a copy of the model in another process.
        evaluate_of: makes what scores a mapping of such a copy.
        trials, storage, workers, seed: as of `ubp.map_schemes`.

    Raises:
        RuntimeError, TypeError, ValueError: as of `ubp.map_schemes`.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = None if storage is None else os.fspath(storage)
        if place is None and workers > 1:
            place = str(Path(folder, "journal"))
        study = open_study(place, problem)
        fail_lost_trials(study)
        if workers == 1:
            run_trials(study, problem, evaluate_of(model), trials, seed)
        elif completed(study) < trials:
            assert place is not None
            job = partial(_job, problem_of, evaluate_of, place, trials, seed)
            run_workers(model, job, workers)
        mapping, score = best_mapping(study, problem)
        return replace(mapping, score=score, trials=completed(study))


def _job(
    problem_of: Callable[[keras.Model], Problem],
    evaluate_of: Callable[[keras.Model], Evaluate],
    storage: str,
    trials: int,
    seed: int,
    model: str,
) -> Job:
    return Job(model, problem_of, evaluate_of, storage, trials, seed)
