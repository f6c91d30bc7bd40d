# SPDX-License-Identifier: Apache-2.0
"""How long pruned networks take in the interpreter, and with how many zeros they take so long.

A form is what the time of a recipe's network depends on: its blocks, the type of its weights, and
its sparsity. First, files of a network in all forms, with several shares of zeros each, are timed
in turns on one thread. Between these shares the time is taken for linear in the share that is left.
Then the files with the shares that were found are timed in turns: those are the times that count.

The files hold the largest blocks of the given weights. How many blocks there are decides on the
time, where they are does not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeVar

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from bench.harness.quiet import held_back_stderr
from experiment.strokes.dataset import Pictures
from experiment.study import pruned
from experiment.study.equal_latency import Curve, Effort, Found, Wanted
from experiment.study.recipe import DENSE, FLOAT, POST_TRAINING, REMOVED, Recipe
from ubp.timing.interleaved import block_timer, interleave

_BLOCK = 10  # inferences of one interpreter in a round
_SAMPLES = 64  # pictures that ranges of int8 files are measured on

_Key = TypeVar("_Key")


def find_sparsities(
    model: keras.Model,
    pictures: Pictures,
    wanted: Mapping[str, Wanted],
    reference: Recipe,
    effort: Effort,
) -> dict[str, dict[str, Found]]:
    """With how many zeros recipes are as fast as their cells want them.

    Args:
        model: trained.
        pictures: some of which are run.
        wanted: by cell.
        reference: of sparsity 0, that speeds are in times of.
        effort: how much is timed.

    Returns:
        By cell and recipe what was found. A recipe is missing if its network is so fast with no
        share of zeros that was timed.
    """
    model, pictures = _larger(model, effort.enlargement), _enlarged(pictures, effort.enlargement)
    recipes = [recipe for cell in wanted.values() for recipe in cell.recipes.values()]
    forms = dict.fromkeys(_form(recipe) for recipe in (reference, *recipes))
    tried = [form for each in forms for form in _tried(each, effort)]
    times = _milliseconds(model, pictures, dict(zip(tried, tried, strict=True)), effort.rounds)

    def sparsity(form: Recipe, speed: float) -> float | None:
        if not form.sparsity:
            return 0.0
        curve = Curve(effort.densities, [times[each] for each in _tried(form, effort)])
        return curve.sparsity_at(times[_form(reference)] / speed)

    chosen = {
        (cell, name): _form(recipe).but(sparsity=share)
        for cell, each in wanted.items()
        for name, recipe in each.recipes.items()
        if (share := sparsity(_form(recipe), each.speed)) is not None
    }
    final = _milliseconds(model, pictures, chosen, effort.rounds)
    found: dict[str, dict[str, Found]] = {cell: {} for cell in wanted}
    for (cell, name), form in chosen.items():
        found[cell][name] = Found(form.sparsity, final[cell, name])
    return found


def _tried(form: Recipe, effort: Effort) -> list[Recipe]:
    """The form with all shares of zeros that are timed; one that is dense, as it is."""
    if not form.sparsity:
        return [form]
    return [form.but(sparsity=1 - density) for density in effort.densities]


def _form(recipe: Recipe) -> Recipe:
    quantization = FLOAT if recipe.quantization == FLOAT else POST_TRAINING
    return recipe.untrained.but(start=DENSE, quantization=quantization)


def _milliseconds(
    model: keras.Model, pictures: Pictures, forms: Mapping[_Key, Recipe], rounds: int
) -> dict[_Key, float]:
    """Medians over the rounds of the thread's time; equal forms are timed once."""
    timers = {
        str(form): block_timer(
            _interpreter(model, pictures, form), seed=0, clock=time.thread_time_ns
        )
        for form in dict.fromkeys(forms.values())
    }
    medians = interleave(timers, rounds, _BLOCK, progress=False).block_medians_ms
    return {key: float(np.median(medians[str(form)])) for key, form in forms.items()}


def _interpreter(model: keras.Model, pictures: Pictures, form: Recipe) -> Any:
    """What everybody has for a network without zeros; for others its file in the delegate.

    An int8 file takes and gives integers.
    """
    network: Any = pruned.start(model, form, pictures, seed=0)
    if form.quantization != FLOAT:
        with held_back_stderr():  # the converter's own notes
            network = ubp.quantize(network, pictures.pixels).model
    if not form.sparsity or form.pattern == REMOVED:
        return StandardInterpreter(model_content=ubp.convert(network).dense, num_threads=1)
    return ubp.Interpreter(ubp.convert(network, block_size=form.block_size).model)


def _larger(model: keras.Model, enlargement: int) -> keras.Model:
    """The same layers and weights for larger pictures."""
    _, height, width, channels = model.input_shape
    inputs = keras.Input((height * enlargement, width * enlargement, channels))
    larger = keras.models.clone_model(model, input_tensors=inputs)
    larger.set_weights(model.get_weights())
    return larger


def _enlarged(pictures: Pictures, enlargement: int) -> Pictures:
    """Some of the pictures, each pixel repeated."""
    pixels = pictures.pixels[:_SAMPLES].repeat(enlargement, axis=1).repeat(enlargement, axis=2)
    return Pictures(pixels, pictures.labels[:_SAMPLES])
