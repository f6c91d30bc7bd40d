# SPDX-License-Identifier: Apache-2.0
"""ubp.data.suspicions: values of the wrong scale are noticed, the right ones not suspected."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

import ubp
from ubp.conversion.load.loader import convert_keras
from ubp.data.suspicions import scale_suspicion, statistics_suspicion

Change = Callable[[np.ndarray], np.ndarray]

WRONG: dict[str, Change] = {
    "times 255": lambda x: x * 255,
    "by 255": lambda x: x / 255,
}


def pictures() -> np.ndarray:
    """Values 0..1 [samples, height, width, channels]."""
    rng = np.random.default_rng(0)
    coarse = rng.random(size=(96, 4, 4, 3)).repeat(3, 1).repeat(3, 2)
    return (0.8 * coarse + 0.2 * rng.random(size=(96, 12, 12, 3))).astype(np.float32)


@cache
def model(normalised: bool) -> keras.Model:
    """A small classifier, trained for a moment on which quarter of the picture is brightest."""
    keras.utils.set_random_seed(0)
    inputs = layers.Input((12, 12, 3))
    x = inputs
    for index, channels in enumerate((16, 32)):
        x = layers.Conv2D(
            channels,
            3,
            strides=2,
            padding="same",
            activation=None if normalised else "relu",
            bias_initializer=keras.initializers.RandomNormal(stddev=0.2, seed=index),
        )(x)
        if normalised:
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    made = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))
    made.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = pictures()
    quarters = x.reshape(96, 2, 6, 2, 6, 3).mean((2, 4, 5)).reshape(96, 4).argmax(1)
    made.fit(x, quarters, epochs=8, verbose=0)
    return made


def warnings_of(caplog: pytest.LogCaptureFixture, call: Callable[[], object]) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "ubp"):
        call()
    return [each.getMessage() for each in caplog.records if "preprocessing" in each.getMessage()]


@pytest.mark.parametrize("normalised", [True, False])
def test_the_right_values_are_not_suspected(
    normalised: bool, caplog: pytest.LogCaptureFixture
) -> None:
    keras_model, x = model(normalised), pictures()
    assert not warnings_of(caplog, lambda: ubp.prune_without_training(keras_model, x, 0.5))
    data = convert_keras(keras_model)
    assert not warnings_of(caplog, lambda: ubp.prune_tflite(data, x, 0.5, progress=False))


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("change", WRONG)
def test_the_wrong_scale_is_noticed(
    normalised: bool, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    keras_model, x = model(normalised), WRONG[change](pictures())
    (text,) = warnings_of(caplog, lambda: ubp.prune_without_training(keras_model, x, 0.5))
    assert ("variance" in text) == normalised
    data = convert_keras(keras_model)
    (text,) = warnings_of(caplog, lambda: ubp.prune_tflite(data, x, 0.5, progress=False))
    hint = "or 0..255 in place of 0..1?" if change == "times 255" else "or 0..1 in place of 0..255?"
    assert text.endswith(hint)
    result = ubp.prune_tflite(data, x, 0.5, progress=False)
    assert result.warnings and result.warnings[0] in text


def test_batch_normalisation_knows_other_ranges(caplog: pytest.LogCaptureFixture) -> None:
    keras_model = model(True)
    x = pictures() * 2 - 1
    assert warnings_of(caplog, lambda: ubp.prune_without_training(keras_model, x, 0.5))


def test_what_was_never_trained_is_not_suspected(caplog: pytest.LogCaptureFixture) -> None:
    inputs = layers.Input((12, 12, 3))
    x = layers.BatchNormalization()(layers.Conv2D(16, 3)(inputs))
    made = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(layers.Conv2D(16, 3)(x))))
    x = pictures() * 255
    assert not warnings_of(caplog, lambda: ubp.prune_without_training(made, x, 0.5))
    data = convert_keras(made)
    assert not warnings_of(caplog, lambda: ubp.prune_tflite(data, x, 0.5, progress=False))


def test_sentences() -> None:
    rng = np.random.default_rng(0)
    outputs, ones = rng.normal(size=(1000, 4)), np.ones(4)
    assert scale_suspicion("a", outputs, ones) is None
    assert scale_suspicion("a", outputs * 255, np.array([1.0, 0, 0, 0])) is None  # too few
    assert "vary by 254" in (scale_suspicion("a", outputs * 255, ones) or "").replace("255", "254")
    assert statistics_suspicion("b", np.zeros(4), ones, np.zeros(4), ones) is None
    text = statistics_suspicion("b", ones * 3, ones * 9, np.zeros(4), ones) or ""
    assert "'b' has 9 times the variance" in text and "3 standard deviations off" in text
