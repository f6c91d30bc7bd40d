# SPDX-License-Identifier: Apache-2.0
"""The Keras model that is quantised: loaded, checked, and what it takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ubp.conversion.load.files import Kind, kind_of
from ubp.conversion.load.keras_files import load_keras_file
from ubp.conversion.load.keras_packages import keras_of
from ubp.conversion.load.refused import QUANTIZERS, check_model
from ubp.data import Input
from ubp.pruning.layers.fake_quantization import FakeQuantize, LearnedRange
from ubp.pruning.layers.pruned_layer import PrunedLayer
from ubp.pruning.layers.quantized_layer import QuantizedLayer
from ubp.pruning.layers.walking import iterate_layers

_WRAPPERS = (LearnedRange, PrunedLayer, QuantizedLayer)


@dataclass(frozen=True)
class Source:
    """A model that can be quantised.

    model: of Keras 3 or tf_keras.
    name: what to call it in an error.
    knows_ranges: whether it was trained for int8, so that its tensors have ranges.
    """

    model: Any
    name: str
    knows_ranges: bool

    @property
    def is_keras_3(self) -> bool:
        """Whether it is a model of Keras 3."""
        return isinstance(self.model, keras.Model)

    @property
    def batch(self) -> int:
        """The batch that it is converted for: one where it leaves that open."""
        size = self.model.inputs[0].shape[0] if getattr(self.model, "inputs", None) else None
        return 1 if size is None else int(size)

    def inputs(self) -> list[Input]:
        """What the model takes.

        Raises:
            ValueError: if a subclassed model does not know.
        """
        if getattr(self.model, "inputs", None):
            return [
                Input(each.name, tuple(each.shape[1:]), _dtype(each.dtype))
                for each in self.model.inputs
            ]
        config: dict[str, Any] | None = self.model.get_build_config()
        shape = (config or {}).get("input_shape")
        if not shape or isinstance(shape, dict) or isinstance(shape[0], list | tuple):
            raise ValueError(
                f"{self.name}: what this subclassed model takes is not known; expected one whose "
                "call() takes one tensor, or a functional model."
            )
        return [Input("input", tuple(shape[1:]))]


def read_source(model: Any) -> Source:
    """A model, or the one in a Keras file.

    Raises:
        ValueError: if it is neither, or not built, or still has what is for training only.
        FileNotFoundError: if there is no such file.
    """
    name = ""
    if isinstance(model, str | os.PathLike):
        name = str(model)
        if kind_of(Path(model)) not in (Kind.KERAS_ARCHIVE, Kind.KERAS_HDF5):
            raise ValueError(f"{name}: expected a .keras or .h5 file, or a Keras model.")
        model = load_keras_file(Path(model))
    package = keras_of(model)
    if package is None:
        raise ValueError(
            f"cannot quantise a {type(model).__name__}; expected a Keras model, or the path of a "
            ".keras or .h5 file."
        )
    name = name or f"Keras model '{model.name}'"
    if not model.built:
        raise ValueError(f"{name} is not built; give it an Input layer, or call it once.")
    if package.__name__ == "tf_keras":
        check_model(model, name, QUANTIZERS)
        return Source(model, name, _has_quantizers(model))
    layers = list(iterate_layers(model))
    wrapped = [layer for layer in layers if isinstance(layer, _WRAPPERS)]
    if wrapped:
        raise ValueError(
            f"{name} is still made for training: layer '{wrapped[0].name}' is a "
            f"{type(wrapped[0]).__name__}; call ubp.strip(model) first."
        )
    return Source(model, name, any(isinstance(layer, FakeQuantize) for layer in layers))


def _has_quantizers(model: Any) -> bool:
    return any(type(module).__name__ in QUANTIZERS for module in model.submodules)


def _dtype(dtype: Any) -> np.dtype[Any]:
    """Of a tensor of either package."""
    found: np.dtype[Any] = np.dtype(getattr(dtype, "as_numpy_dtype", dtype))
    return found
