# SPDX-License-Identifier: Apache-2.0
"""What a worker process does; `experiment.study.runner` starts them.

A worker computes in one thread: two workers of one thread are faster than one of two on networks as
small as these, and sums are always added up in the same order.
"""

from __future__ import annotations

from functools import lru_cache

import keras
import tensorflow as tf

from experiment.strokes.dataset import Pictures, load_or_make
from experiment.study import int8, networks, pruned, training
from experiment.study.recipe import DENSE, FLOAT, REMOVED, Recipe
from experiment.study.settings import Settings
from experiment.study.store import Outcome, Run, Store, Weights
from experiment.study.training import Floats

_KEPT = 4  # results of preparations that the next recipes are likely to need, too


class Worker:
    """Does runs and stores their outcomes.

    One for a process, made before TensorFlow computes anything in it.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._store = store
        self._settings = settings
        self._data = load_or_make(store.pictures, settings.train, settings.test)
        self._teacher = lru_cache(_KEPT)(self._ask_teacher)
        self._permuted = lru_cache(_KEPT)(self._permute)
        self._started = lru_cache(_KEPT)(self._start)

    @property
    def train(self) -> Pictures:
        """The pictures to train with."""
        return self._data.train

    def dense_model(self, run: Run) -> keras.Model:
        """A dense network that the store has."""
        return _with_weights(run, self._store.load_weights(run))

    def perform(self, run: Run) -> None:
        """Do one run; for a recipe the store must have its dense network."""
        if run.recipe is None:
            self._train_dense(run)
        else:
            self._prune(run, run.recipe)
        keras.backend.clear_session()

    def _train_dense(self, run: Run) -> None:
        model = networks.build(run.network, run.seed)
        steps, rate = self._settings.dense_steps, self._settings.dense_rates[run.network]
        targets = training.one_hot(self._data.train)
        training.train(model, self._data.train, targets, steps, rate, run.seed)
        score = training.score(model, self._data.test)
        self._store.save_weights(run, model.get_weights())
        self._store.save(run, Outcome(score.accuracy, score.nll, sparsity=0.0, kept=1.0))

    def _prune(self, run: Run, recipe: Recipe) -> None:
        model = _with_weights(run, self._dense(run.dense, recipe.untrained))
        begin, kept = None, None
        if recipe.pattern == REMOVED:
            begin = pruned.start(model, recipe, self._data.train, run.seed)
            kept = pruned.removed_and_kept(model, begin)
        elif recipe.start != DENSE or not recipe.steps:
            begin = _with_weights(run, self._started(run.dense, recipe.untrained))
        if recipe.steps:
            teacher = self._teacher(run.dense) if recipe.distillation else None
            result = pruned.train(model, begin, recipe, self._data.train, teacher, run.seed)
        else:
            assert begin is not None
            result = begin
        if recipe.quantization == FLOAT:
            score = training.score(result, self._data.test)
        else:
            file = int8.int8_file(result, recipe, self._data.train)
            score = int8.score(file, self._data.test)
        kept = kept or pruned.sparsity_and_kept(model, result)
        self._store.save(run, Outcome(score.accuracy, score.nll, *kept))

    def _dense(self, dense: Run, recipe: Recipe) -> Weights:
        """What the recipe is applied to: the dense network, permuted if it asks for that."""
        if recipe.permute:
            return self._permuted(dense, recipe.block_size, recipe.lanes, recipe.sparsity)
        return self._store.load_weights(dense)

    def _start(self, dense: Run, recipe: Recipe) -> Weights:
        model = _with_weights(dense, self._dense(dense, recipe))
        weights: Weights = pruned.start(model, recipe, self._data.train, dense.seed).get_weights()
        return weights

    def _ask_teacher(self, dense: Run) -> Floats:
        return training.probabilities(self.dense_model(dense), self._data.train)

    def _permute(self, dense: Run, block_size: int, lanes: int, sparsity: float) -> Weights:
        model = self.dense_model(dense)
        weights: Weights = pruned.permuted(model, block_size, lanes, sparsity).get_weights()
        return weights


def _with_weights(run: Run, weights: Weights) -> keras.Model:
    model = networks.build(run.network, run.seed)
    model.set_weights(weights)
    return model
