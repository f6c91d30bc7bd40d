# SPDX-License-Identifier: Apache-2.0
"""Files: what kind of model a path leads to, told by its first bytes, and the bytes of a .tflite.

Every mistake about paths that is common enough to have an answer gets it here.
"""

from __future__ import annotations

import os
from enum import Enum, auto
from pathlib import Path

from ubp.tflite.flatbuffer import FILE_IDENTIFIER, MAX_FILE_BYTES

Model = str | os.PathLike[str] | bytes | bytearray | memoryview  # a .tflite file

_ARCHIVE = b"PK\x03\x04"  # a zip file
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ACCEPTED = "expected a .tflite, .keras or .h5 file, or the directory of a SavedModel"


class Kind(Enum):
    """What a path leads to. Whether it is whole and sound, only reading it tells."""

    TFLITE = auto()  # also any file that is none of the others
    KERAS_ARCHIVE = auto()  # .keras
    KERAS_HDF5 = auto()  # .h5
    SAVED_MODEL = auto()  # a directory


def kind_of(path: Path) -> Kind:
    """What kind of model a path leads to.

    Raises:
        FileNotFoundError: if there is nothing at all.
        ValueError: if it is a directory without a model, or a file that is only a part of one.
    """
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ValueError(f"{path}: a directory without a saved_model.pb; {_ACCEPTED}.")
        return Kind.SAVED_MODEL
    if not path.is_file():
        if path.with_name(f"{path.name}.index").is_file():
            raise ValueError(
                f"{path}: a checkpoint, which holds weights without a model; {_ACCEPTED}."
            )
        raise FileNotFoundError(f"{path}: no such file.")
    if path.name == "saved_model.pb":
        raise ValueError(
            f"{path}: only a part of a SavedModel; give its directory, {path.absolute().parent}."
        )
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if start[4:] == FILE_IDENTIFIER:
        return Kind.TFLITE
    if start == _HDF5:
        return Kind.KERAS_HDF5
    return Kind.KERAS_ARCHIVE if start.startswith(_ARCHIVE) else Kind.TFLITE


def tflite_of(model: Model) -> tuple[bytes, str]:
    """A .tflite file that is given by its path or its bytes, and what to call it in an error.

    Raises:
        FileNotFoundError, ValueError: as `read_tflite`; also if `model` is something else.
    """
    if isinstance(model, bytes | bytearray | memoryview):
        return bytes(model), "model"
    if isinstance(model, str | os.PathLike):
        return read_tflite(Path(model)), str(model)
    raise ValueError(
        f"a {type(model).__name__} is no .tflite file; expected the path of one, or its bytes."
    )


def read_tflite(path: Path) -> bytes:
    """The bytes of a .tflite file, for what takes no other kind of model.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another kind of model, a directory, or over 2 GB.
    """
    if path.is_dir() or kind_of(path) is not Kind.TFLITE:
        raise ValueError(
            f"{path}: a {'directory' if path.is_dir() else 'Keras file'}, expected a .tflite file; "
            "'ubp convert' makes one of a Keras file or a SavedModel."
        )
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: over 2 GB; such models are not supported.")
    return path.read_bytes()
