"""Load: whatever the user has, as the bytes of an ordinary float .tflite model.

TensorFlow and Keras are imported only when a Keras model has to be converted.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ubp.convert.flatbuffer import MAX_FILE_BYTES

_KERAS_MODULES = ("keras", "tf_keras")


def load(source: Any) -> tuple[bytes, str]:
    """Read or convert a model.

    Args:
        source: a Keras model (Keras 3 or tf_keras), the path of a .keras or .tflite file, or a
            .tflite file's bytes. A model that still carries ubp.prune's wrappers is stripped first.
            A Keras 3 model of unknown batch size is converted for batches of one, which keeps the
            graph free of shape arithmetic; any other batch size is kept.

    Returns:
        The .tflite file and what to call the model in an error.

    Raises:
        ValueError: if the source is none of these, or a Keras model that is not built.
        FileNotFoundError: if there is no such file.
        ImportError: if a Keras model is to be converted and TensorFlow is not installed.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "model"
    if isinstance(source, str | os.PathLike):
        return _load_path(Path(source)), str(source)
    for name in _KERAS_MODULES:
        module = sys.modules.get(name)
        if module is not None and isinstance(source, module.Model):
            return convert_keras(source), f"Keras model '{source.name}'"
    raise ValueError(
        f"cannot convert a {type(source).__name__}; expected a Keras model, the path of a .keras "
        "or .tflite file, or a .tflite file's bytes."
    )


def _load_path(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    if path.suffix == ".keras":
        _import_tensorflow()
        import keras

        import ubp.pruning  # noqa: F401 - registers the layers that a pruned model's file names

        return convert_keras(keras.saving.load_model(path, compile=False))
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: over 2 GB; such models are not supported.")
    return path.read_bytes()


def convert_keras(model: Any) -> bytes:
    """Convert a Keras model with TensorFlow's own converter, without optimizations.

    Raises:
        ValueError: if the model is not built.
        ImportError: if TensorFlow is not installed.
    """
    tensorflow = _import_tensorflow()
    if not model.built:
        raise ValueError(
            f"Keras model '{model.name}' is not built; give it an Input layer, or call it once."
        )
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(
        _with_static_batch(_stripped(model))
    )
    with contextlib.redirect_stdout(io.StringIO()):  # Keras prints the signature of what it exports
        data: bytes = converter.convert()
    return data


def _stripped(model: Any) -> Any:
    if "ubp.pruning" not in sys.modules:
        return model  # whoever has a pruned model has imported ubp.pruning
    from ubp.pruning import strip
    from ubp.pruning.wrapper import pruned_layers

    return strip(model) if pruned_layers(model) else model


def _with_static_batch(model: Any) -> Any:
    """A Keras 3 model with its batch size fixed to one if it is unknown.

    Subclassed models have no symbolic inputs to replace, and tf_keras has no such clean way: the
    converter takes them as they are.
    """
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        return model
    if all(tensor.shape[0] is not None for tensor in model.inputs):
        return model

    def fixed(tensor: Any) -> Any:
        return keras.Input(batch_shape=(1, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name)

    # A Sequential model has one input; only functional models have a structure of them.
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.map_structure(fixed, structure)
    return keras.Model(inputs, model(inputs), name=model.name)


def _import_tensorflow() -> ModuleType:
    try:
        import tensorflow
    except ModuleNotFoundError as error:
        raise ImportError(
            "converting a Keras model needs TensorFlow, which is not installed; install it with "
            "'pip install ubp[train]', or convert a .tflite file."
        ) from error
    module: ModuleType = tensorflow
    return module
