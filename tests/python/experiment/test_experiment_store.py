# SPDX-License-Identifier: Apache-2.0
"""Finished runs are found again, others are not; settings that matter are told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiment.study.recipe import ALIGNED, Recipe
from experiment.study.settings import FULL, QUICK
from experiment.study.store import Outcome, Run, Store

RUN = Run("vgg", 3, Recipe(ALIGNED, 8, 0.8))
OUTCOME = Outcome(0.5, 1.25, 0.8, 0.3)


def test_outcomes_and_weights_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, QUICK)
    weights = [np.arange(12, dtype=np.float32).reshape(3, 4), np.zeros((), np.float32)] * 6
    assert not store.has(RUN) and not store.has(RUN.dense)
    store.save_weights(RUN.dense, weights)
    assert not store.has(RUN.dense)
    store.save(RUN.dense, OUTCOME)
    store.save(RUN, OUTCOME)
    again = Store(tmp_path, QUICK)
    assert again.has(RUN) and again.load(RUN) == OUTCOME
    for before, after in zip(weights, again.load_weights(RUN.dense), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, seed=4),
        replace(RUN, network="mobilenet"),
        replace(RUN, recipe=Recipe(ALIGNED, 8, 0.8, learning_rate=2e-3)),
        replace(RUN, recipe=Recipe(ALIGNED, 4, 0.8)),
    ],
)
def test_another_run_is_not_taken_for_this_one(tmp_path: Path, other: Run) -> None:
    store = Store(tmp_path, QUICK)
    store.save(RUN, OUTCOME)
    assert not store.has(other)
    assert not Store(tmp_path, FULL).has(RUN)
    assert Store(tmp_path, FULL).pictures != store.pictures
