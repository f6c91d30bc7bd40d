"""Keeps .tflite files that take longer to make than to measure.

Beside each file lies a .json that says what it was made from. Where that has changed, the file is
made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.harness.machine import package_version
from demo.quiet import held_back_stderr

_PACKAGES = ("keras", "tensorflow")


def load_or_make(
    folder: Path, stem: str, origin: dict[str, Any], make: Callable[[], bytes]
) -> Path:
    """The path of STEM.tflite in a folder, which is made if it is not there.

    Args:
        folder: made too, with those above it.
        stem: of the file's name.
        origin: all that the file depends on, as JSON can hold it.
        make: returns the file's content; it may load TensorFlow, whose notes are held back.
    """
    model, beside = folder / f"{stem}.tflite", folder / f"{stem}.json"
    expected = json.dumps(origin, indent=1) + "\n"
    if model.is_file() and beside.is_file() and beside.read_text() == expected:
        return model
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with held_back_stderr():
        data = make()
    folder.mkdir(parents=True, exist_ok=True)
    beside.unlink(missing_ok=True)  # and written last, so that an interrupted run leaves none
    model.write_bytes(data)
    beside.write_text(expected)
    return model


def code_and_versions(sources: Iterable[Path]) -> dict[str, Any]:
    """The digest of these files and the versions of the packages that make models."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return {
        "versions": {name: package_version(name) for name in _PACKAGES},
        "code": digest.hexdigest(),
    }
