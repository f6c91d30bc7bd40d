# SPDX-License-Identifier: Apache-2.0
"""TensorFlow and the two packages of Keras: imported when a model of theirs is to be converted.

Keras 3 (`keras`) and Keras 2 (`tf_keras`, on which tensorflow-model-optimization builds) may both
be in one process; a model belongs to one of them.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from ubp.extras import extra_needed

_PACKAGES = ("keras", "tf_keras")
INSTEAD = "convert a .tflite file"


def import_tensorflow() -> ModuleType:
    """TensorFlow, which every conversion of a Keras model or a SavedModel needs.

    Raises:
        ImportError: if it is not installed, saying what to do.
    """
    with extra_needed("converting a Keras model", INSTEAD):
        return importlib.import_module("tensorflow")


def import_keras(version: str) -> ModuleType:
    """The package that reads the files of a version of Keras.

    Args:
        version: such as "3.10.0"; with 1 or 2 in front it is tf_keras that reads them.

    Raises:
        ImportError: if it, or TensorFlow, is not installed, saying what to do.
    """
    import_tensorflow()
    with extra_needed(f"a file of Keras {version}", INSTEAD):
        if version.startswith(("1.", "2.")):
            return importlib.import_module("tf_keras")
        package = importlib.import_module("keras")
    import ubp.pruning  # noqa: F401 - registers the layers that a pruned model's file names

    return package


def keras_of(model: Any) -> ModuleType | None:
    """The package whose model it is, which is loaded then; None if it is no Keras model."""
    for name in _PACKAGES:
        package = sys.modules.get(name)
        if package is not None and isinstance(model, package.Model):
            return package
    return None


def reason_of(error: BaseException) -> str:
    """The part that matters of an error of TensorFlow or Keras, without the last full stop.

    They wrap an error in longer ones, and go on with advice and what was in the file: of the error
    that was first, these are its first two sentences in one line.
    """
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ". ".join(line.split(". ")[:2]).removesuffix(".")
