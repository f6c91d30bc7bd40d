# SPDX-License-Identifier: Apache-2.0
"""Cells whose recipes take equally long: their shares of zeros are found by measurement.

An experiment that wants this gives every cell a speed, and `settled` puts the sparsities in the
place of those that the recipes came with. The measuring is in latency.py, in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bench.harness.cache import code_and_versions
from bench.harness.machine import Machine
from bench.harness.quiet import held_back_stderr
from experiment.study.recipe import Cell, Recipe
from experiment.study.runner import run_all
from experiment.study.settings import QUICK, Settings
from experiment.study.store import Run, Store

_SEED = 0  # of the dense network whose files are timed


@dataclass(frozen=True)
class Effort:
    """How much is timed.

    enlargement: of the pictures, in height and width: the networks are small.
    densities: shares of weights left that are timed, ascending.
    rounds: in each of which every interpreter runs a block of inferences.
    """

    enlargement: int
    densities: tuple[float, ...]
    rounds: int


FULL_EFFORT = Effort(enlargement=8, densities=(0.03, 0.15, 0.5, 0.9), rounds=40)
_QUICK_EFFORT = Effort(enlargement=2, densities=(0.05, 0.5), rounds=3)


@dataclass(frozen=True)
class Wanted:
    """What a cell asks for.

    speed: how many times as fast as the reference its recipes are to be; those of sparsity 0 are
        timed as they are.
    recipes: by name; the sparsities of the others do not count.
    """

    speed: float
    recipes: Mapping[str, Recipe]


@dataclass(frozen=True)
class Found:
    """A recipe at a cell's latency.

    sparsity: that makes it so fast.
    milliseconds: of an inference with it.
    """

    sparsity: float
    milliseconds: float


@dataclass(frozen=True)
class Curve:
    """Milliseconds over shares of weights that are left, both ascending but for noise."""

    densities: Sequence[float]
    milliseconds: Sequence[float]

    def sparsity_at(self, milliseconds: float) -> float | None:
        """The share of zeros with which it takes so long; None beyond what was timed."""
        rising = np.maximum.accumulate(self.milliseconds)
        if not rising[0] <= milliseconds <= rising[-1]:
            return None
        return round(1 - float(np.interp(milliseconds, rising, self.densities)), 3)


def settled(
    cells: Sequence[Cell],
    speeds: Mapping[str, float],
    reference: Recipe,
    store: Store,
    settings: Settings,
) -> list[Cell]:
    """Cells whose recipes are equally fast, and what they take.

    Args:
        cells: as they are written down.
        speeds: of `Wanted`, by the cell's name.
        reference: of sparsity 0, that speeds are in times of.
        store, settings: of the runs.

    Returns:
        The cells without recipes that are so fast with no number of zeros that was timed.
    """
    found: dict[str, dict[str, Found]] = {}
    for network in dict.fromkeys(cell.network for cell in cells):
        wanted = {
            cell.name: Wanted(speeds[cell.name], dict(cell.recipes))
            for cell in cells
            if cell.network == network
        }
        found |= _found(network, wanted, reference, store, settings)
    return [_with(cell, found[cell.name]) for cell in cells]


def _with(cell: Cell, found: Mapping[str, Found]) -> Cell:
    recipes = {
        name: recipe.but(sparsity=found[name].sparsity)
        for name, recipe in cell.recipes.items()
        if name in found
    }
    return replace(cell, recipes=recipes, milliseconds={n: found[n].milliseconds for n in recipes})


def _found(
    network: str,
    wanted: Mapping[str, Wanted],
    reference: Recipe,
    store: Store,
    settings: Settings,
) -> dict[str, dict[str, Found]]:
    """By the names of a network's cells and of their recipes; measured once for a machine."""
    dense = Run(network, _SEED)
    run_all([dense], store, settings, jobs=1)
    effort = _QUICK_EFFORT if settings == QUICK else FULL_EFFORT
    machine = Machine.this()
    origin = {
        "wanted": {name: asdict(each) for name, each in wanted.items()},
        "reference": asdict(reference),
        "effort": asdict(effort),
        "machine": [machine.processor, machine.delegate],
        "code": code_and_versions(["experiment.study.latency"])["code"],
    }

    def measure() -> dict[str, Any]:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            arguments = store, settings, dense, wanted, reference, effort
            measured = pool.submit(_measure, *arguments).result()
        return {
            cell: {name: asdict(each) for name, each in recipes.items()}
            for cell, recipes in measured.items()
        }

    read = store.measured(f"{network}_latency", origin, measure)
    return {
        cell: {name: Found(**each) for name, each in recipes.items()}
        for cell, recipes in read.items()
    }


def _measure(
    store: Store,
    settings: Settings,
    dense: Run,
    wanted: Mapping[str, Wanted],
    reference: Recipe,
    effort: Effort,
) -> dict[str, dict[str, Found]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with held_back_stderr():
        from experiment.study.latency import find_sparsities
        from experiment.study.worker import Worker

        worker = Worker(store, settings)
    return find_sparsities(worker.dense_model(dense), worker.train, wanted, reference, effort)
