# SPDX-License-Identifier: Apache-2.0
"""Keras files: which package wrote one, and the model in it.

    .keras       a zip archive: metadata.json (with keras_version), config.json, model.weights.h5
    .h5          HDF5: the attributes keras_version and model_config (JSON), and the weights
    a directory  a SavedModel: saved_model.pb, and, where tf_keras wrote it, keras_metadata.pb

Keras 3 and tf_keras write archives and HDF5 alike, but neither reads what the other has written.

A file is not trusted: what would run code of its choice is refused before Keras reads it.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ubp.conversion.load.files import Kind, kind_of
from ubp.conversion.load.keras_packages import import_keras, import_tensorflow, reason_of
from ubp.conversion.load.refused import check_config, code_in

_MAX_CONFIG_BYTES = 2**28  # of a real model some megabytes; unpacked it must fit into memory

# What reading an archive raises that is cut off, damaged, encrypted, or none of Keras.
_NO_ARCHIVE = (
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)

# What Keras raises for damage behind the configuration. For layers that it does not know and code
# that it does not trust it raises TypeError and ValueError.
_DAMAGED = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class _Header:
    """What a file says about itself: the version of Keras, and the model as parsed JSON."""

    version: str
    config: Any


def load_keras_file(path: Path) -> Any:
    """The model in a file, of the package that wrote it, uncompiled.

    Raises:
        ValueError: if it has weights only, is damaged, has layers that Keras does not know or will
            not trust, or wrappers of tensorflow-model-optimization.
        ImportError: if TensorFlow or the package is not installed.
    """
    is_hdf5 = kind_of(path) is Kind.KERAS_HDF5
    header = _read_hdf5(path) if is_hdf5 else _read_archive(path)
    check_config(header.config, str(path))
    package = import_keras(header.version)
    name = f"{package.__name__} {package.__version__}"
    if code := code_in(header.config, package):
        raise ValueError(_refusal(f"{path}: {name}", code))
    try:
        with _named(path, ".h5" if is_hdf5 else ".keras") as readable:
            return package.models.load_model(readable, compile=False)
    except (TypeError, ValueError) as error:
        raise ValueError(_refusal(f"{path}: {name}", reason_of(error))) from error
    except _DAMAGED as error:
        raise ValueError(
            f"{path}: damaged Keras file, {name} cannot load it: {reason_of(error)}."
        ) from error


@contextlib.contextmanager
def _named(path: Path, suffix: str) -> Iterator[Path]:
    """The file under a name that ends as Keras expects it, by which it tells what it is."""
    if path.suffix == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"model{suffix}")
        link.symlink_to(path.absolute())
        yield link


def _read_archive(path: Path) -> _Header:
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(_member(archive, "metadata.json"))
            config = json.loads(_member(archive, "config.json"))
            return _Header(str(metadata["keras_version"]), config)
    except _NO_ARCHIVE as error:
        raise ValueError(
            f"{path}: a zip archive that is no Keras model, or a damaged one; expected "
            "metadata.json and config.json in it, as model.save() writes them."
        ) from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MAX_CONFIG_BYTES:
        raise ValueError(f"{name} is too large.")
    return archive.read(name)


def _read_hdf5(path: Path) -> _Header:
    import_tensorflow()  # both packages of Keras, which come with h5py, need it
    import h5py

    try:
        with h5py.File(path) as file:
            attributes = {name: file.attrs.get(name) for name in ("keras_version", "model_config")}
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path}: damaged or truncated HDF5 file.") from error
    version, config = map(_text, attributes.values())
    if config is None:
        raise ValueError(
            f"{path}: HDF5 without a model, such as save_weights() writes; save the whole model "
            "with model.save() and convert that."
        )
    try:
        return _Header(version or "2.0", json.loads(config))  # the first versions wrote none
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}: damaged Keras file: its model_config is no JSON.") from error


def _text(value: Any) -> str | None:
    """An attribute's text, which old versions wrote as bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _refusal(reader: str, reason: str) -> str:
    return (
        f"{reader} does not load it: {reason}; load it in Python, where you say which layers you "
        "know and trust, and give ubp.convert the model."
    )
