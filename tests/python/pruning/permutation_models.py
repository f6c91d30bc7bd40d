# SPDX-License-Identifier: Apache-2.0
"""Checks and builders that the tests of permuted channels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import ubp
from ubp.pruning.channels import GroupReport, PermutationReport, Permuted


def permute(model: keras.Model, **options: Any) -> Permuted:
    """Permuted with the fast method, for half of the weights."""
    defaults = {"sparsity": 0.5, "method": "chain", "progress": False}
    return ubp.permute_channels(model, **(defaults | options))


def build(
    body: Callable[[Any], Any], shape: tuple[int | None, ...] = (8, 8, 3), **options: Any
) -> keras.Model:
    """A functional model of what `body` makes of an input, with random weights."""
    inputs = keras.Input(shape, name="image")
    return randomise(keras.Model(inputs, body(inputs), name="net", **options))


def conv(channels: int, kernel: int = 1, **options: Any) -> keras.layers.Conv2D:
    """A convolution that keeps its input's size."""
    return keras.layers.Conv2D(channels, kernel, padding="same", **options)


def block(x: Any, channels: int, name: str) -> Any:
    """A convolution, named, with batch normalisation and ReLU behind it."""
    x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name=name)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def randomise(model: keras.Model) -> keras.Model:
    """Weights without a structure, those of one number per channel included."""
    rng = np.random.default_rng(11)
    for weight in model.weights:
        if len(weight.shape) > 1:
            values = rng.standard_normal(weight.shape) / np.sqrt(np.prod(weight.shape[:-1]))
        else:
            values = rng.uniform(0.5, 1.5, weight.shape)
        weight.assign(values)
    return model


def group_of(report: PermutationReport, layer: str) -> GroupReport:
    """The group that a layer's output channels are in."""
    (group,) = (each for each in report.groups if layer in each.producers)
    return group


def assert_same_function(model: keras.Model, permuted: keras.Model, samples: int = 3) -> None:
    """Equal outputs on random inputs, apart from float rounding."""
    rng = np.random.default_rng(1)
    batch = keras.tree.map_structure(
        lambda tensor: rng.standard_normal((samples, *tensor.shape[1:])).astype(np.float32),
        model.inputs[0] if isinstance(model, keras.Sequential) else model.input,
    )
    expected, found = (keras.tree.flatten(each(batch)) for each in (model, permuted))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3 * np.abs(one).max())


def assert_permuted(model: keras.Model, *groups: set[str], **options: Any) -> Permuted:
    """Each set of layers is one group, and its channels have moved; nothing else has."""
    result = permute(model, **options)
    moved = {frozenset(group.producers) for group in result.report.groups if group.permuted}
    assert moved == {frozenset(group) for group in groups}
    assert_same_function(model, result.model)
    return result
