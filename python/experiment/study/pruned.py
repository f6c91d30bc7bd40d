"""A dense network becomes a pruned one, as a recipe says: with the product's public interface."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

import ubp
from experiment.strokes.dataset import Pictures
from experiment.study import training
from experiment.study.recipe import (
    ADMM,
    ALIGNED,
    REWEIGHTED,
    UNALIGNED,
    UNSTRUCTURED,
    Recipe,
)
from experiment.study.training import Floats
from ubp.pruning.settings.schedules import Schedule

_RECALIBRATION = 5_000  # pictures, of which each gives 9 to 144 samples of every channel
_BATCH = 500  # of these


def permuted(model: keras.Model, block_size: int, sparsity: float) -> keras.Model:
    """A copy of the model with its channels permuted for blocks of this size."""
    return ubp.permute_channels(
        model, block_size=block_size, sparsity=sparsity, progress=False
    ).model


def prune(
    model: keras.Model, recipe: Recipe, pictures: Pictures, teacher: Floats | None, seed: int
) -> keras.Model:
    """An ordinary model with zeros.

    Args:
        model: trained, with its channels in the order that the recipe asks for.
        recipe: what is done.
        pictures: to train with.
        teacher: the dense network's probabilities for the pictures [pictures, CLASSES]; None for a
            recipe without distillation.
        seed: of the order of the pictures.
    """
    if recipe.steps:
        return _gradually(model, recipe, pictures, teacher, seed)
    stripped = ubp.strip(_prune(model, recipe, ubp.ConstantSparsity(recipe.sparsity)))
    ubp.recalibrate_batch_norm(stripped, pictures.pixels[:_RECALIBRATION], batch_size=_BATCH)
    return stripped


def sparsity_and_kept(model: keras.Model, pruned: keras.Model) -> tuple[float, float]:
    """The share of zeros, and the share of the model's absolute weights where there is none.

    Args:
        model: before pruning.
        pruned: after it, as `ubp.strip` returns it; of its layers those are counted that have
            exact zeros in their kernels.
    """
    zeros = weights = 0
    kept = whole = 0.0
    for before, after in _kernels(model, pruned):
        is_zero = after == 0
        if is_zero.any():
            importance = np.abs(before, dtype=np.float64)
            zeros, weights = zeros + int(is_zero.sum()), weights + is_zero.size
            kept, whole = kept + float(importance[~is_zero].sum()), whole + float(importance.sum())
    return zeros / weights, kept / whole


def _gradually(
    model: keras.Model, recipe: Recipe, pictures: Pictures, teacher: Floats | None, seed: int
) -> keras.Model:
    pruned = _prune(model, recipe, _schedule(recipe))
    targets = training.one_hot(pictures)
    if teacher is not None:
        targets += np.float32(recipe.distillation) * (teacher - targets)
    training.train(
        pruned, pictures, targets, recipe.steps, recipe.learning_rate, seed, ubp.UpdatePruning()
    )
    return ubp.strip(pruned)


def _schedule(recipe: Recipe) -> Schedule:
    frequency = min(recipe.frequency, recipe.steps)
    end = frequency * max(1, int(recipe.rising_share * recipe.steps) // frequency)
    if recipe.schedule == REWEIGHTED:
        return ubp.ReweightedRegularization(recipe.sparsity, 0, end, frequency)
    if recipe.schedule == ADMM:
        return ubp.ADMM(recipe.sparsity, 0, end, frequency)
    begin = frequency if recipe.importance == "gradient" else 0  # there is none before training
    end = max(end, begin + frequency)  # few steps leave room for one update
    return ubp.PolynomialDecay(0.0, recipe.sparsity, begin, end, frequency=frequency)


def _prune(model: keras.Model, recipe: Recipe, schedule: Schedule) -> keras.Model:
    patterns = {
        UNSTRUCTURED: ubp.Unstructured(),
        ALIGNED: ubp.AlignedBlock(recipe.block_size),
        UNALIGNED: ubp.UnalignedBlock(recipe.block_size),
    }
    scopes: dict[str, str | ubp.GlobalBudget] = {
        "layer": "layer",
        "global": ubp.GlobalBudget(recipe.normalize, recipe.min_density),
        "latency": ubp.LatencyBudget(recipe.normalize, recipe.min_density),
    }
    return ubp.prune(
        model,
        schedule,
        patterns[recipe.pattern],
        recipe.method,
        gradients=recipe.gradients,
        importance=recipe.importance,
        scope=scopes[recipe.scope],
    )


def _kernels(model: keras.Model, pruned: keras.Model) -> Iterator[tuple[Floats, Floats]]:
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            yield layer.kernel.numpy(), pruned.get_layer(layer.name).kernel.numpy()
