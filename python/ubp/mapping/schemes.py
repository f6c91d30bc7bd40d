# SPDX-License-Identifier: Apache-2.0
"""`map_schemes`: the scheme of every layer for a time that the whole model may take."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np

from ubp.arguments import (
    check_choice,
    check_counts,
    check_number,
    check_path,
    check_share,
    check_whole,
    shown,
)
from ubp.costs import DEFAULT_COSTS, CostModel, check_block_sizes
from ubp.latency import LatencyModel
from ubp.mapping.kept import by_importance, by_reconstruction, only_rebuildable
from ubp.mapping.kernels import MappedModel, mapped_model
from ubp.mapping.measured import Measure, within_measured
from ubp.mapping.options import layer_options
from ubp.mapping.problem import Problem
from ubp.mapping.scheme_mapping import SchemeMapping
from ubp.mapping.scores import rebuilding_error
from ubp.masking.importance import Importance, ImportanceFunction, as_importance
from ubp.pruning.layers.choice import Policy
from ubp.pruning.layers.walking import check_copyable

Evaluate: TypeAlias = Callable[[SchemeMapping], float]

METHODS = ("knapsack", "rules", "search")


def map_schemes(
    model: keras.Model,
    latency: LatencyModel | CostModel | None = None,
    *,
    budget_ms: float | None = None,
    speedup: float | None = None,
    method: str = "knapsack",
    importance: str | Importance | ImportanceFunction = "magnitude",
    layers: Policy = None,
    block_sizes: Sequence[int] | None = None,
    min_density: float = 0.01,
    measure: Measure | None = None,
    data: Any = None,
    evaluate: Evaluate | None = None,
    trials: int = 40,
    storage: str | os.PathLike[str] | None = None,
    workers: int = 1,
    seed: int = 0,
    progress: bool = False,
) -> SchemeMapping:
    """Choose for every layer whether it is pruned, in blocks of which N, and how far.

    The product of the shares of importance that layers keep is the largest, or nearly, that the
    time allows (see ubp.mapping.options and ubp.mapping.knapsack): the measure of LAMP, arXiv
    2010.07611, carried over to blocks.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(64, 3, name=name) for name in ("stem", "a", "b", "c")]
        >>> model = keras.Sequential([keras.Input((24, 24, 3)), *layers])
        >>> mapping = ubp.map_schemes(model, speedup=3)
        >>> mapping.us <= mapping.dense_us / 3
        True
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), layers=mapping.layers)

    Args:
        model: a built model of Keras 3.
        latency: times, as `ubp profile` measures them, of this model in place at best, or what
            `ubp.read_costs` reads. With constants alone, or None for those that come with the
            package, times are those of the layers that are mapped, each alone.
        budget_ms: milliseconds that an inference may take. Give this or `speedup`.
        speedup: how many times as fast as the dense model it has to be.
        method: "knapsack": the best mapping; "rules": by the table in ubp.mapping.rules; "search":
            the best of some trials with other weights of the layers (ubp.mapping.search), which
            needs Optuna, and `data` or `evaluate`.
        importance: as of `ubp.prune`; without training there are no gradients. Or "reconstruction":
            by the errors that layers make with their weights re-fitted, and what these cost at the
            outputs, measured on `data` (see ubp.mapping.kept).
        layers: which layers may be pruned, as `ubp.prune` takes names and patterns; by default all
            but the first convolution and the last layer with weights.
        block_sizes: N to choose from; by default those that were measured, or 1, 2, 4 and 8.
        min_density: share of its weights that each layer keeps at least, and a block in any case.
        measure: a callable settings -> microseconds, such as `ubp.timing.NetworkTimer(model)`, on
            the device that `latency` is of. The mapping is measured, and chosen anew for less time,
            until an inference takes no more than the budget. Not of a search.
        data: inputs as `ubp.prune_without_training` takes them, for importance="reconstruction",
            and for a search. There the score of a mapping is what the outputs of the network that
            this rebuilds by it lose, on average.
        evaluate: of a search, the score in place of that: a callable mapping -> number, less is
            better. With several workers it has to be picklable.
        trials: of a search, scores to find, those found before included.
        storage: of a search, the path of a journal to write, or to go on with; or the address of a
            database, as Optuna takes it. None: nothing is kept.
        workers: of a search, processes. A script that starts several needs the guard
            `if __name__ == "__main__":`.
        seed: of a search, and of what is drawn from `data`: one worker and one seed give one
            result.
        progress: show a progress bar.

    Returns:
        The scheme of each layer, with predicted times and shares of importance.

    Raises:
        ImportError: if a search is wanted and Optuna is not installed.
        RuntimeError: if a worker of a search fails.
        TypeError: if an argument is of the wrong kind.
        ValueError: if an argument is not as described, no layer can be mapped, or the budget cannot
            be met: the message says what can.
    """
    check_copyable(model, "map_schemes")
    check_choice("method", method, METHODS)
    check_share("min_density", min_density)
    check_counts(trials=trials, workers=workers)
    check_whole("seed", seed, 0)
    if block_sizes is not None:
        check_block_sizes(block_sizes)
    is_search = method == "search"
    by_errors = isinstance(importance, str) and importance == "reconstruction"
    kept_by = None if by_errors else as_importance(importance)
    _check_search(is_search, evaluate, storage)
    _check_data(data, kept_by is None, is_search and evaluate is None)
    given = _latency(latency)
    _check_measure(measure, is_search, given)
    wanted = _Wanted(
        given, budget_ms, speedup, kept_by, layers, block_sizes, min_density, data, seed
    )
    problem = problem_of(model, wanted, progress)
    simple = "knapsack" if is_search else method
    found = problem.choose(simple)
    if found is None:
        raise ValueError(problem.too_fast())
    if measure is None:
        mapping = problem.mapping(found, method)
    else:
        mapping = within_measured(problem, method, measure, found)
    if is_search and any(each.block_size for each in mapping.schemes):
        from ubp.mapping.searching import searched

        again = partial(problem_of, wanted=wanted, progress=False)
        mapping = searched(
            model, problem, again, _evaluation(data, evaluate, seed), trials, storage, workers, seed
        )
    return replace(mapping, alternatives=problem.alternatives(simple))


class _Wanted(NamedTuple):
    """What a caller asks for, checked; importance None: by reconstruction."""

    latency: LatencyModel
    budget_ms: float | None
    speedup: float | None
    importance: Importance | None
    layers: Policy
    block_sizes: Sequence[int] | None
    min_density: float
    data: Any
    seed: int


def problem_of(model: keras.Model, wanted: _Wanted, progress: bool) -> Problem:
    """The options of a model's layers, and the budget.

    Raises:
        TypeError, ValueError: as of `map_schemes`.
    """
    mapped = mapped_model(model, wanted.latency, wanted.layers, wanted.block_sizes)
    if wanted.importance is None:
        mapped = only_rebuildable(mapped)
    budget = _budget(mapped, wanted.latency, wanted.budget_ms, wanted.speedup)
    if wanted.importance is None:
        kept = by_reconstruction(model, mapped.kernels, wanted.data, wanted.seed, progress)
    else:
        kept = by_importance(mapped.kernels, wanted.importance, progress)
    pairs = zip(mapped.kernels, kept, strict=True)
    options = [layer_options(kernel, own, wanted.min_density) for kernel, own in pairs]
    is_timed = wanted.latency.is_timed
    return Problem(model.name, mapped, options, budget, is_timed, wanted.min_density)


def _check_search(is_search: bool, evaluate: Any, storage: Any) -> None:
    if storage is not None:
        check_path("storage", storage)
    if evaluate is not None and not callable(evaluate):
        raise TypeError(f"evaluate is {shown(evaluate)}; expected a callable mapping -> number.")
    if not is_search and not (evaluate is None and storage is None):
        raise ValueError("evaluate and storage are for method='search'; leave them out.")


def _check_data(data: Any, for_importance: bool, for_scores: bool) -> None:
    if data is None and for_importance:
        raise ValueError(
            "importance='reconstruction' measures errors on inputs; give some hundred as data."
        )
    if data is None and for_scores:
        raise ValueError("method='search' scores mappings by data or by evaluate; give either.")
    if data is not None and not (for_importance or for_scores):
        raise ValueError(
            "data is for importance='reconstruction', and for method='search' without evaluate; "
            "leave it out."
        )


def _check_measure(measure: Any, is_search: bool, latency: LatencyModel) -> None:
    if measure is None:
        return
    if not callable(measure):
        raise TypeError(
            f"measure is {shown(measure)}; expected a callable settings -> microseconds, such as "
            "ubp.timing.NetworkTimer(model)."
        )
    if is_search:
        raise ValueError("measure is for the methods 'knapsack' and 'rules'; leave it out.")
    if latency.network is None:
        raise ValueError(
            "measure compares with times of the network in place, which the latency model does not "
            "have; give one that 'ubp profile MODEL' has made."
        )


def _evaluation(
    data: Any, evaluate: Evaluate | None, seed: int
) -> Callable[[keras.Model], Evaluate]:
    """Makes what scores mappings of a model."""
    if evaluate is not None:
        return partial(_given, evaluate)
    return partial(partial, rebuilding_error, data, seed)


def _given(evaluate: Evaluate, model: keras.Model) -> Evaluate:
    """The same for any copy of the model."""
    return evaluate


def _latency(given: Any) -> LatencyModel:
    if given is None:
        return LatencyModel(DEFAULT_COSTS)
    if isinstance(given, CostModel):
        return LatencyModel(given)
    if not isinstance(given, LatencyModel):
        raise TypeError(
            f"latency is {shown(given)}; expected a LatencyModel, as ubp.LatencyModel.load reads "
            "the file of 'ubp profile', or None."
        )
    return given


def _budget(mapped: MappedModel, latency: LatencyModel, budget_ms: Any, speedup: Any) -> float:
    """The budget in the unit of the times."""
    if (budget_ms is None) == (speedup is None):
        raise ValueError(
            "map_schemes takes either budget_ms or speedup; "
            f"{'both' if speedup is not None else 'none'} of them is given."
        )
    if speedup is not None:
        check_number("speedup", speedup, "a number above 0", lambda value: 0 < value < np.inf)
        return mapped.dense_us / float(speedup)
    check_number("budget_ms", budget_ms, "a number above 0", lambda value: 0 < value < np.inf)
    if not latency.is_timed:
        raise ValueError(
            f"budget_ms is {budget_ms}, but the latency model has constants alone and no "
            "milliseconds; give speedup, or a latency model that 'ubp profile' has made."
        )
    return 1e3 * float(budget_ms)
