# SPDX-License-Identifier: Apache-2.0
"""Models of Keras on JAX or PyTorch: converted by a process in which Keras is on TensorFlow.

TensorFlow's converter takes models of Keras on TensorFlow alone, and a process has one backend of
Keras. The model goes to a second process in a .keras file, as Keras saves it, and comes back as a
.tflite file.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ubp.conversion.load.keras_packages import INSTEAD, keras_of, reason_of
from ubp.extras import missing_package

_MODEL, _RESULT, _REASON = "model.keras", "model.tflite", "reason.txt"
_REFUSED = 3  # exit status; the file _REASON says why
_PROGRAM = f"import sys; from {__name__} import main; sys.exit(main(*sys.argv[1:]))"
_ADVICE = (
    "save its weights with model.save_weights(), and in a process with KERAS_BACKEND=tensorflow "
    "make the model, load them, and convert it there"
)


def backend_of(model: Any) -> str:
    """The backend of Keras that a model is on: "tensorflow", "jax" or "torch"."""
    package = keras_of(model)
    if package is None or package.__name__ == "tf_keras":
        return "tensorflow"
    return str(package.backend.backend())


def convert_on_tensorflow(model: Any, batch: int) -> bytes:
    """The .tflite file of a model of Keras that is on another backend.

    Args:
        model: without wrappers that are for training only.
        batch: of a model that leaves it open.

    Raises:
        ValueError: if Keras cannot save it, or the model in the file cannot be loaded on
            TensorFlow, or converted.
        ImportError: if TensorFlow is not installed.
    """
    source = f"Keras model '{model.name}'"
    if importlib.util.find_spec("tensorflow") is None:
        raise missing_package("converting a Keras model", "tensorflow", INSTEAD)
    with tempfile.TemporaryDirectory() as folder:
        try:
            model.save(Path(folder, _MODEL))
        except (NotImplementedError, TypeError, ValueError) as error:
            raise ValueError(
                f"{source}: Keras cannot save it for TensorFlow's converter: {reason_of(error)}; "
                f"{_ADVICE}."
            ) from error
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, folder, str(batch)],
            env=_environment(),
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode == 0:
            return Path(folder, _RESULT).read_bytes()
        if done.returncode == _REFUSED:
            reason = Path(folder, _REASON).read_text("utf-8").removesuffix(".")
        else:
            reason = _last_words(done)
    raise ValueError(
        f"{source}: it is on {backend_of(model)}, and does not get through a .keras file and Keras "
        f"on TensorFlow to TensorFlow's converter: {reason}; {_ADVICE}."
    )


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Why the other process ended without a result: in its own words, unless a signal killed it."""
    lines = done.stderr.strip().splitlines()
    if done.returncode < 0 or not lines:
        return f"the process of the conversion ended with return code {done.returncode}"
    return lines[-1].removesuffix(".")


def _environment() -> dict[str, str]:
    """Of the other process: the same packages, another backend, no accelerator."""
    paths = [path for path in sys.path if path]
    return os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def main(folder: str, batch: str) -> int:
    """The other process: convert the model in a folder; the exit status."""
    from ubp.conversion.load.keras_files import load_keras_file
    from ubp.conversion.load.loader import convert_keras

    try:
        model = load_keras_file(Path(folder, _MODEL))
    except (ImportError, TypeError, ValueError) as error:
        return _refuse(folder, reason_of(error))
    try:
        data = convert_keras(model, int(batch))
    except (TypeError, ValueError) as error:
        return _refuse(folder, str(error))
    Path(folder, _RESULT).write_bytes(data)
    return 0


def _refuse(folder: str, reason: str) -> int:
    Path(folder, _REASON).write_text(reason, "utf-8")
    return _REFUSED
