# SPDX-License-Identifier: Apache-2.0
"""A dense network becomes a pruned one, as a recipe says: with the product's public interface."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
import numpy as np

import ubp
from experiment.strokes.dataset import Pictures
from experiment.study import training
from experiment.study.recipe import (
    ADMM,
    ALIGNED,
    AWARE,
    DENSE,
    KERNELS,
    REBUILT,
    REMOVED,
    REWEIGHTED,
    UNALIGNED,
    UNSTRUCTURED,
    Recipe,
)
from experiment.study.training import Floats
from ubp.masking.schedules import Schedule

_RECALIBRATION = 5_000  # pictures, of which each gives 9 to 144 samples of every channel
_BATCH = 500  # of these


def permuted(model: keras.Model, block_size: int, lanes: int, sparsity: float) -> keras.Model:
    """A copy of the model with its channels permuted for blocks of this size."""
    return ubp.permute_channels(
        model, block_size=block_size, sparsity=sparsity, block_lanes=lanes, progress=False
    ).model


def start(model: keras.Model, recipe: Recipe, pictures: Pictures, seed: int) -> keras.Model:
    """An ordinary model with zeros, made without training.

    Args:
        model: trained, with its channels in the order that the recipe asks for.
        recipe: what is done; its training is not.
        pictures: to take some of.
        seed: of the pictures that are taken.
    """
    recipe = recipe.untrained
    if not recipe.sparsity:
        return model
    if recipe.start == REBUILT:
        return _rebuilt(model, recipe, pictures, seed)
    if recipe.pattern == REMOVED:
        result = ubp.remove_channels(model, 1 - math.sqrt(1 - recipe.sparsity)).model
    else:
        result = ubp.strip(_prune(model, recipe, ubp.ConstantSparsity(recipe.sparsity)))
    ubp.recalibrate_batch_norm(result, pictures.pixels[:_RECALIBRATION], batch_size=_BATCH)
    return result


def train(
    model: keras.Model,
    start: keras.Model | None,
    recipe: Recipe,
    pictures: Pictures,
    teacher: Floats | None,
    seed: int,
) -> keras.Model:
    """An ordinary model with zeros, pruned while it was trained, or before.

    Args:
        model: trained, with its channels in the order that the recipe asks for.
        start: what `start` makes; None for a recipe that starts DENSE. Of REMOVED channels it is
            trained in place.
        recipe: what is done.
        pictures: to train with.
        teacher: the dense network's probabilities for the pictures [pictures, CLASSES]; None for a
            recipe without distillation.
        seed: of the order of the pictures.
    """
    begin = model if start is None or recipe.dense_weights else start
    is_smaller = recipe.pattern == REMOVED
    pruned = begin if is_smaller else _prune(begin, recipe, _schedule(recipe), start)
    targets = training.one_hot(pictures)
    if teacher is not None:
        targets += np.float32(recipe.distillation) * (teacher - targets)
    training.train(
        pruned,
        pictures,
        targets,
        recipe.steps,
        recipe.learning_rate,
        seed,
        None if is_smaller else ubp.UpdatePruning(),
    )
    return pruned if is_smaller else ubp.strip(pruned)


def sparsity_and_kept(model: keras.Model, pruned: keras.Model) -> tuple[float, float]:
    """The share of zeros, and the share of the model's absolute weights where there is none.

    Args:
        model: before pruning.
        pruned: after it, as `ubp.strip` returns it; of its layers those are counted that have
            exact zeros in their kernels. (0, 1) if there are none.
    """
    zeros = weights = 0
    kept = whole = 0.0
    for before, after in _kernels(model, pruned):
        is_zero = after == 0
        if is_zero.any():
            importance = np.abs(before, dtype=np.float64)
            zeros, weights = zeros + int(is_zero.sum()), weights + is_zero.size
            kept, whole = kept + float(importance[~is_zero].sum()), whole + float(importance.sum())
    return (zeros / weights, kept / whole) if weights else (0.0, 1.0)


def removed_and_kept(model: keras.Model, smaller: keras.Model) -> tuple[float, float]:
    """The same of a network with fewer channels, as `start` makes it, for the same layers.

    These are the convolutions but the first.
    """
    pairs = [pair for pair in _kernels(model, smaller) if pair[0].ndim > 2][1:]
    weights, left = (sum(kernel.size for kernel in each) for each in zip(*pairs, strict=True))
    whole, kept = (
        sum(float(np.abs(kernel, dtype=np.float64).sum()) for kernel in each)
        for each in zip(*pairs, strict=True)
    )
    return 1 - left / weights, kept / whole


def _schedule(recipe: Recipe) -> Schedule | None:
    """When masks change while it trains; None: never."""
    if recipe.start != DENSE and recipe.start_sparsity is None:
        return None
    frequency = min(recipe.frequency, recipe.steps)
    end = frequency * max(1, int(recipe.rising_share * recipe.steps) // frequency)
    if recipe.schedule == REWEIGHTED:
        return ubp.ReweightedRegularization(recipe.sparsity, 0, end, frequency)
    if recipe.schedule == ADMM:
        return ubp.ADMM(recipe.sparsity, 0, end, frequency)
    begin = frequency if recipe.importance == "gradient" else 0  # there is none before training
    end = max(end, begin + frequency)  # few steps leave room for one update
    initial = recipe.start_sparsity or 0.0
    return ubp.PolynomialDecay(initial, recipe.sparsity, begin, end, frequency=frequency)


def _rebuilt(model: keras.Model, recipe: Recipe, pictures: Pictures, seed: int) -> keras.Model:
    return ubp.prune_without_training(
        model,
        pictures.pixels,
        recipe.sparsity,
        _pattern(recipe),
        method=recipe.method,
        scope=_scope(recipe),
        samples=recipe.pictures,
        seed=seed,
        progress=False,
    ).model


def _prune(
    model: keras.Model,
    recipe: Recipe,
    schedule: Schedule | None,
    masks: keras.Model | None = None,
) -> keras.Model:
    return ubp.prune(
        model,
        schedule,
        _pattern(recipe),
        recipe.method,
        gradients=recipe.gradients,
        importance=recipe.importance,
        scope=_scope(recipe),
        masks=masks,
        quantize=ubp.QuantizeAware() if recipe.quantization == AWARE else None,
    )


def _pattern(recipe: Recipe) -> ubp.Pattern:
    return {
        UNSTRUCTURED: ubp.Unstructured(),
        ALIGNED: ubp.AlignedBlock(recipe.block_size, recipe.lanes),
        UNALIGNED: ubp.UnalignedBlock(recipe.block_size, recipe.lanes),
        KERNELS: ubp.KernelPattern(block_size=recipe.block_size),
    }[recipe.pattern]


def _scope(recipe: Recipe) -> str | ubp.GlobalBudget:
    scopes: dict[str, str | ubp.GlobalBudget] = {
        "layer": "layer",
        "global": ubp.GlobalBudget(recipe.normalize, recipe.min_density),
        "latency": ubp.LatencyBudget(recipe.normalize, recipe.min_density),
    }
    return scopes[recipe.scope]


def _kernels(model: keras.Model, pruned: keras.Model) -> Iterator[tuple[Floats, Floats]]:
    """Those of layers in the same place; Keras's own names of layers count all that it has made."""
    kinds = keras.layers.Conv2D, keras.layers.Dense
    places = (
        [layer for layer in each.layers if isinstance(layer, kinds)] for each in (model, pruned)
    )
    for layer, other in zip(*places, strict=True):
        yield layer.kernel.numpy(), other.kernel.numpy()
