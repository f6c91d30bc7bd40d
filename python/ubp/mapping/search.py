# SPDX-License-Identifier: Apache-2.0
"""Search: a mapping whose pruned network is the best that trials have found.

Importance says little about how layers matter to each other. So every trial weighs the layers anew:
Optuna's tree-structured Parzen estimator (TPE; Bergstra et al., NeurIPS 2011) proposes a factor for
the value of each layer, the knapsack answers with the best mapping for these, which always keeps
the budget, and the score is what that network loses. A coefficient for each layer and a solver that
keeps the budget are how SPDY (Frantar and Alistarh, arXiv 2201.13096) searches. All factors are 1
in the first trial, so that the result is never worse than the knapsack's own.

All that is known lies in an Optuna study. With a file, it is a journal: several processes work on
it, and a search goes on where it was interrupted. A trial is drawn from the seed, its number and
what is known by then, so that one worker repeats itself. Every trial names its process; those whose
process is gone count as failed.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ubp.extras import extra_needed
from ubp.mapping.knapsack import Choice
from ubp.mapping.problem import Problem
from ubp.mapping.scheme_mapping import SchemeMapping

with extra_needed("method='search'"):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

Evaluate = Callable[[SchemeMapping], float]  # what the network loses; less is better

_STUDY = "map_schemes"
_LEAST, _MOST = 1 / 3, 3.0  # factors
_AT_RANDOM = 8  # trials before the estimator begins
_UNNAMED_SECONDS = 60  # that a trial may run without the name of its process


def open_study(storage: str | None, problem: Problem) -> optuna.Study:
    """The study of a problem, begun or continued; its first trial waits.

    Args:
        storage: the path of a journal, or the address of a database; None: memory.
        problem: that it is about.

    Raises:
        ValueError: if the storage has a study of another problem.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=_storage(storage), study_name=_STUDY, direction="minimize", load_if_exists=True
    )
    found, own = study.user_attrs.get("problem"), _fingerprint(problem)
    if found not in (None, own):
        raise ValueError(
            f"storage {storage!r} has the search of another model, budget or latency model; name "
            "another file, or delete it."
        )
    if found is None:
        study.set_user_attr("problem", own)
        study.enqueue_trial({kernel.name: 1.0 for kernel in problem.mapped.kernels})
    return study


def _storage(storage: str | None) -> Any:
    if storage is None or "://" in storage:
        return storage
    return JournalStorage(JournalFileBackend(storage))


def _fingerprint(problem: Problem) -> str:
    """What makes trials comparable."""
    parts = [problem.name, f"{problem.budget:.6g}", f"{problem.min_density:g}"]
    for kernel, layer in zip(problem.mapped.kernels, problem.layers, strict=True):
        parts.append(f"{kernel.name} {kernel.dense_us:.6g} {len(layer.settings)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def run_trials(
    study: optuna.Study, problem: Problem, evaluate: Evaluate, trials: int, seed: int
) -> None:
    """Run trials until so many of the study are complete.

    Raises:
        ValueError: if a score is not finite.
        Whatever `evaluate` raises; its trial has failed then.
    """
    while completed(study) < trials:
        trial = study.ask()
        trial.set_user_attr("process", _process(os.getpid()))
        study.sampler = optuna.samplers.TPESampler(
            seed=_seed(seed, trial.number), n_startup_trials=_AT_RANDOM, constant_liar=True
        )
        try:
            choice = _chosen(trial, problem)
            score = float(evaluate(problem.mapping(choice, "search")))
            if not np.isfinite(score):
                raise ValueError(f"evaluate returned {score}; expected a finite number.")
        except BaseException:
            study.tell(trial, state=TrialState.FAIL)
            raise
        study.tell(trial, score)


def _chosen(trial: optuna.Trial, problem: Problem) -> Choice:
    factors = [
        trial.suggest_float(kernel.name, _LEAST, _MOST, log=True)
        for kernel in problem.mapped.kernels
    ]
    found = problem.choose("knapsack", factors=factors)
    assert found is not None  # the budget does not depend on factors, and was met before
    return found


def _seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def completed(study: optuna.Study) -> int:
    """How many trials have a score."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def fail_lost_trials(study: optuna.Study) -> None:
    """Give up trials whose process is gone, on this machine."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_lost(trial):
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _is_lost(trial: optuna.trial.FrozenTrial) -> bool:
    process = trial.user_attrs.get("process")
    if process is None:
        begin = trial.datetime_start
        allowed = timedelta(seconds=_UNNAMED_SECONDS)
        return begin is not None and datetime.now() - begin > allowed
    host, number, _ = str(process).split(" ", 2)
    return host == socket.gethostname() and process != _process(int(number))


def _process(number: int) -> str:
    """A process by its machine, its number, and when it began; a number is used again."""
    path = Path("/proc", str(number), "stat")
    try:
        began = path.read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        began = "alive" if _is_alive(number) else "gone"
    return f"{socket.gethostname()} {number} {began}"


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def best_mapping(study: optuna.Study, problem: Problem) -> tuple[SchemeMapping, float]:
    """The mapping of the best trial, and its score; its gap is by the values of importance."""
    best, plain = study.best_trial, problem.choose("knapsack")
    factors = [best.params[kernel.name] for kernel in problem.mapped.kernels]
    found = problem.choose("knapsack", factors=factors)
    assert found is not None and plain is not None
    pairs = zip(problem.layers, found.chosen, strict=True)
    value = sum(float(layer.options.values[index]) for layer, index in pairs)
    choice = Choice(found.chosen, found.time, value, plain.bound)
    assert best.value is not None
    return problem.mapping(choice, "search"), best.value
