# SPDX-License-Identifier: Apache-2.0
"""Mappings by trials: a score that knows what importance does not, interrupted, and by workers."""

from __future__ import annotations

import math
import os
import signal
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from mapped_networks import latency_of, small_network

import ubp

optuna = pytest.importorskip("optuna")
workers = pytest.importorskip("ubp.mapping.workers")

WEIGHT = {"one": 0.1, "two": 4.0, "three": 0.1, "hidden": 2.0}


def loss(mapping: ubp.SchemeMapping) -> float:
    """Layers matter as nothing in their weights says."""
    return sum(-WEIGHT[each.name] * math.log(each.kept) for each in mapping.schemes)


def slow_loss(folder: str, mapping: ubp.SchemeMapping) -> float:
    """The same; leaves a file for each score, and kills its process once."""
    mark = Path(folder, "killed")
    if len(list(Path(folder).glob("score-*"))) >= 2 and not mark.exists():
        mark.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    Path(folder, f"score-{os.getpid()}-{time.monotonic_ns()}").touch()
    return loss(mapping)


def interrupted_loss(after: int, scores: list[float], mapping: ubp.SchemeMapping) -> float:
    if len(scores) >= after:
        raise KeyboardInterrupt
    scores.append(loss(mapping))
    return scores[-1]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return small_network()


def search(model: keras.Model, **options: object) -> ubp.SchemeMapping:
    given = {"speedup": 2.5, "method": "search", "evaluate": loss, "trials": 24} | options
    return ubp.map_schemes(model, latency_of(model), **given)  # type: ignore[arg-type]


def test_it_finds_what_importance_does_not_say(model: keras.Model) -> None:
    plain = ubp.map_schemes(model, latency_of(model), speedup=2.5)
    found = search(model)
    assert found.score is not None and found.trials == 24 and found.method == "search"
    assert found.score == pytest.approx(loss(found)) and found.score < loss(plain) - 1e-3
    assert found.us <= found.budget_us and found.gap >= plain.gap
    assert "the least of 24 trials" in str(found)


def test_one_seed_gives_one_result(model: keras.Model) -> None:
    scores: list[list[float]] = [[], [], []]
    found = [
        search(model, seed=seed, trials=12, evaluate=partial(interrupted_loss, 99, own))
        for seed, own in zip((3, 3, 4), scores, strict=True)
    ]
    assert scores[0] == scores[1] != scores[2] and found[0] == found[1]


def test_an_interrupted_search_goes_on(model: keras.Model, tmp_path: Path) -> None:
    """To the same result: the trial that was lost counts with its number only."""
    journal = tmp_path / "journal"
    scores: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        search(model, storage=journal, evaluate=partial(interrupted_loss, 9, scores))
    more: list[float] = []
    found = search(model, storage=journal, evaluate=partial(interrupted_loss, 99, more))
    assert len(scores) == 9 and len(more) == 15 and found.trials == 24
    assert found.score == min(scores + more)
    again: list[float] = []
    assert search(model, storage=journal, evaluate=partial(interrupted_loss, 0, again)) == found


def test_a_journal_is_of_one_search(model: keras.Model, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    search(model, storage=journal, trials=2)
    with pytest.raises(ValueError, match="the search of another model, budget"):
        search(model, storage=journal, trials=2, speedup=2.0)


@pytest.mark.slow
def test_a_killed_worker_loses_one_trial(model: keras.Model, tmp_path: Path) -> None:
    journal, folder = tmp_path / "journal", tmp_path / "scores"
    folder.mkdir()
    evaluate = partial(slow_loss, str(folder))
    found = search(model, storage=journal, evaluate=evaluate, trials=6, workers=2)
    assert (folder / "killed").exists()
    study = optuna.load_study(
        study_name="map_schemes",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(journal))
        ),
    )
    states = [trial.state.name for trial in study.trials]
    assert states.count("COMPLETE") in (6, 7) and states.count("FAIL") == 1
    assert found.score == study.best_value


def test_a_worker_that_cannot_begin_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_work", os._exit)  # which does not take these arguments
    monkeypatch.setattr(workers, "_MOST_DEATHS", 0)  # one more would be told of, too
    with pytest.raises(RuntimeError, match="ended with exit code 1 before it began; standard err"):
        workers._watch(None, 1)  # type: ignore[arg-type]


def test_rebuilding_scores_mappings_of_data(model: keras.Model) -> None:
    data = np.random.default_rng(0).normal(size=(96, 16, 16, 3)).astype(np.float32)
    found = search(model, evaluate=None, data=data, trials=2)
    assert found.score is not None and 0 < found.score < 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"evaluate": None}, "by data or by evaluate; give either"),
        ({"data": np.zeros((4, 16, 16, 3))}, "for method='search' without evaluate; leave it out"),
        ({"method": "knapsack"}, "are for method='search'"),
        ({"trials": 0}, "trials is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"storage": 3}, "storage is 3"),
        ({"evaluate": lambda mapping: math.nan}, "evaluate returned nan"),
    ],
)
def test_wrong_arguments_are_said(
    model: keras.Model, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        search(model, **options)


def test_what_cannot_go_to_a_worker_is_said(model: keras.Model) -> None:
    with pytest.raises(TypeError, match="have to be picklable"):
        search(model, evaluate=lambda mapping: 0.0, workers=2)
