# SPDX-License-Identifier: Apache-2.0
"""The int8 files of networks, and how good they are."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

import ubp
from bench.harness.quiet import held_back_stderr
from experiment.strokes.dataset import Pictures
from experiment.study import training
from experiment.study.recipe import AWARE, Recipe
from experiment.study.training import Floats, Score

_CALIBRATION = 512  # pictures that ranges are measured on, where training has not learned them


def int8_file(model: keras.Model, recipe: Recipe, pictures: Pictures) -> bytes:
    """The .tflite file of a network; its inputs and outputs are float32.

    Args:
        model: as `ubp.strip` returns it.
        recipe: that made it.
        pictures: to measure ranges on, if the recipe did not train for int8.

    Raises:
        RuntimeError: if an operator stays float.
    """
    data = None if recipe.quantization == AWARE else pictures.pixels[:_CALIBRATION]
    with held_back_stderr():  # the converter's own notes
        result = ubp.quantize(model, data, io="float32")
    if result.float_operators:
        raise RuntimeError(f"{result.float_operators[0]} of {model.name} is not in int8.")
    return result.model


def score(file: bytes, pictures: Pictures) -> Score:
    """Test a file, as the delegate runs it."""
    return training.score(_Runner(file), pictures)


class _Runner:
    """A .tflite file that is called as a Keras model is."""

    def __init__(self, file: bytes) -> None:
        self._interpreter = ubp.Interpreter(file)
        self._shape: tuple[int, ...] = ()

    def __call__(self, pixels: Floats, training: bool) -> npt.NDArray[Any]:
        assert not training, "a file is tested only"
        (source,) = self._interpreter.get_input_details()
        (target,) = self._interpreter.get_output_details()
        if pixels.shape != self._shape:
            self._interpreter.resize_tensor_input(source["index"], pixels.shape)
            self._interpreter.allocate_tensors()
            self._shape = pixels.shape
        self._interpreter.set_tensor(source["index"], pixels)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_tensor(target["index"]))
