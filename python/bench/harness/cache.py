# SPDX-License-Identifier: Apache-2.0
"""Keeps files that take longer to make than to measure, of networks above all.

Beside each .tflite file lies a .json that says what it was made from. Where that has changed, the
file is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.harness.machine import package_version
from bench.harness.quiet import held_back_stderr

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


def code_and_versions(modules: Iterable[str]) -> dict[str, Any]:
    """The digest of some code and the versions of the packages that make models.

    Args:
        modules: their names; of a package, all that is in it counts.
    """
    digest = hashlib.sha256()
    for module in modules:
        for source in _sources(module):
            digest.update(source.read_bytes())
    return {
        "versions": {name: package_version(name) for name in _PACKAGES},
        "code": digest.hexdigest(),
    }


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` unless the block raises.

    So the file is whole or not there. Folders are made where they are missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished_{os.getpid()}_{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _sources(module: str) -> list[Path]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"there is no module {module}.")
    source = Path(spec.origin)
    return sorted(source.parent.rglob("*.py")) if source.name == "__init__.py" else [source]
