# SPDX-License-Identifier: Apache-2.0
"""Load: whatever the user has, as the bytes of an ordinary float .tflite model.

TensorFlow and Keras are imported only when a model of theirs has to be converted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ubp.conversion.load.files import Kind, kind_of, read_tflite, tflite_of
from ubp.conversion.load.keras_converter import (
    KerasConverter,
    check_built,
    run_converter,
    with_static_batch,
)
from ubp.conversion.load.keras_files import load_keras_file
from ubp.conversion.load.keras_packages import import_tensorflow, keras_of, reason_of
from ubp.conversion.load.layer_names import layer_names
from ubp.conversion.load.other_backends import backend_of, convert_on_tensorflow
from ubp.conversion.load.refused import check_metadata, check_model
from ubp.runtime.inputs import Shape


def load(source: Any, shapes: Sequence[Shape] | None = None) -> tuple[bytes, str]:
    """Read or convert a model.

    Args:
        source: a Keras model (Keras 3, on any of its backends, or tf_keras); the path of a .tflite
            file, of a .keras or .h5 file that either of them has saved, or of a SavedModel's
            directory; or a .tflite file's bytes. A model that still carries ubp.prune's wrappers is
            stripped first.
            A Keras model of unknown batch size is converted for batches of one, which keeps the
            graph free of shape arithmetic; any other batch size is kept, and so is that of a
            SavedModel.
        shapes: of the inputs; the first one's first size is the batch, in place of one.

    Returns:
        The .tflite file and what to call the model in an error.

    Raises:
        ValueError: if the source is none of these, a Keras model that is not built or carries
            wrappers of tensorflow-model-optimization, or one that TensorFlow cannot convert.
        FileNotFoundError: if there is no such file.
        ImportError: if such a model is to be converted and TensorFlow is not installed.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return tflite_of(source)
    if isinstance(source, str | os.PathLike):
        return _load_path(Path(source), _batch(shapes)), str(source)
    if keras_of(source) is not None:
        return convert_keras(source, _batch(shapes)), f"Keras model '{source.name}'"
    raise ValueError(
        f"cannot convert a {type(source).__name__}; expected a Keras model, the path of a .tflite, "
        ".keras or .h5 file or of a SavedModel, or a .tflite file's bytes."
    )


def load_keras(path: Path) -> Any:
    """The Keras model in a file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no file of a Keras model, or as of `load`.
        ImportError: as of `load`.
    """
    kind = kind_of(path)
    if kind in (Kind.TFLITE, Kind.SAVED_MODEL):
        raise ValueError(f"{path}: expected a .keras or .h5 file of a Keras model.")
    return load_keras_file(path)


def load_named(
    source: Any, shapes: Sequence[Shape] | None = None
) -> tuple[bytes, str, Callable[[Sequence[tuple[str, Any]]], dict[str, str]]]:
    """As `load`, and what finds the names of Keras layers (see layer_names.py).

    Raises:
        As `load`.
    """
    model, called = source, None
    if isinstance(source, str | os.PathLike):
        kind = kind_of(Path(source))
        if kind not in (Kind.TFLITE, Kind.SAVED_MODEL):
            model, called = load_keras_file(Path(source)), str(source)
    data, found = load(model, shapes)
    return data, called or found, partial(layer_names, model)


def _batch(shapes: Sequence[Shape] | None) -> int:
    return shapes[0][0] if shapes and shapes[0] else 1


def _load_path(path: Path, batch: int) -> bytes:
    kind = kind_of(path)
    if kind is Kind.TFLITE:
        return read_tflite(path)
    if kind is Kind.SAVED_MODEL:
        return _convert_saved_model(path)
    return convert_keras(load_keras_file(path), batch)


def convert_keras(model: Any, batch: int = 1) -> bytes:
    """Convert a Keras model with TensorFlow's own converter, without optimizations.

    Args:
        model: of either package, Keras 3 on any of its backends.
        batch: of a model that leaves it open.

    Raises:
        ValueError: if the model is not built, carries wrappers of tensorflow-model-optimization, or
            cannot be converted.
        ImportError: if TensorFlow is not installed.
    """
    source = f"Keras model '{model.name}'"
    check_built(model)
    package = keras_of(model)
    if package is not None and package.__name__ == "tf_keras":
        check_model(model, source)
    stripped = _stripped(model)
    if backend_of(model) != "tensorflow":
        return convert_on_tensorflow(stripped, batch)
    return KerasConverter(with_static_batch(stripped, batch), source).convert()


def _convert_saved_model(path: Path) -> bytes:
    metadata = path / "keras_metadata.pb"
    if metadata.is_file():
        check_metadata(metadata.read_bytes(), str(path))
    tensorflow = import_tensorflow()
    try:
        converter = tensorflow.lite.TFLiteConverter.from_saved_model(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path}: TensorFlow cannot load this SavedModel: {reason_of(error)}."
        ) from error
    return run_converter(converter, str(path))


def _stripped(model: Any) -> Any:
    if "ubp.pruning" not in sys.modules:
        return model  # whoever has a pruned model has imported ubp.pruning
    from ubp.pruning import strip
    from ubp.pruning.layers.pruned_layer import pruned_layers

    return strip(model) if pruned_layers(model) else model
