"""Samples: inputs that a user gives for a verification, from .npy files or pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Sample = list[npt.NDArray[Any]]  # one array per input of the model, of the input's shape


def read_arrays(paths: Sequence[Path], details: Sequence[dict[str, Any]]) -> list[npt.NDArray[Any]]:
    """Read a model's inputs from files.

    Args:
        paths: .npy files, one per input of the model; or any number of pictures (.png, .jpg, ...)
            for a model with one input [batch, height, width, channels].
        details: of the inputs, as an interpreter gives them.

    Returns:
        One array per input of the model. Pictures are resized to the input's height and width;
        their values are 0..1 for a float input and 0..255 for an integer one.

    Raises:
        ValueError: if the files are not as many as expected, or the model takes no pictures.
        FileNotFoundError: if a file is missing.
        ImportError: if there are pictures and Pillow is not installed.
    """
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file.")
    arrays = [path for path in paths if path.suffix == ".npy"]
    if not arrays:
        return [_read_pictures(paths, details)]
    if len(arrays) != len(paths) or len(paths) != len(details):
        raise ValueError(
            f"{len(paths)} input files for a model with {len(details)} inputs; give one .npy file "
            "for each input, or only pictures."
        )
    return [_read_npy(path) for path in paths]


def split(arrays: Sequence[npt.NDArray[Any]], details: Sequence[dict[str, Any]]) -> list[Sample]:
    """Cut arrays that hold many samples into pieces that a model takes at once.

    Args:
        arrays: one per input of the model, [samples, ...]; the samples are a multiple of the batch.
        details: of the inputs, as an interpreter gives them.

    Raises:
        ValueError: if a shape or the number of samples does not fit.
    """
    if len(arrays) != len(details):
        raise ValueError(f"{len(arrays)} arrays for a model with {len(details)} inputs.")
    pieces = []
    for array, detail in zip(arrays, details, strict=True):
        shape, dtype = tuple(int(size) for size in detail["shape"]), np.dtype(detail["dtype"])
        batch = shape[0] if shape else 1
        if array.ndim != len(shape) or array.shape[1:] != shape[1:] or len(array) % batch:
            raise ValueError(
                f"input '{detail['name']}': an array of shape {array.shape}, expected {shape} or a "
                "multiple of it in the first dimension."
            )
        converted = array.astype(dtype, copy=False)
        pieces.append([converted[at : at + batch] for at in range(0, len(array), batch)])
    if len({len(each) for each in pieces}) > 1:
        raise ValueError(f"the inputs have {[len(each) for each in pieces]} samples, not as many.")
    return [list(sample) for sample in zip(*pieces, strict=True)]


def _read_npy(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a NumPy file ({error}).") from error
    return array


def _read_pictures(paths: Sequence[Path], details: Sequence[dict[str, Any]]) -> npt.NDArray[Any]:
    shape = tuple(details[0]["shape"])
    if len(details) != 1 or len(shape) != 4 or shape[3] not in (1, 3):
        raise ValueError(
            "pictures are given for a model that does not have one input [batch, height, width, 1 "
            "or 3]; give a .npy file for each input."
        )
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise ImportError(
            "reading pictures needs Pillow, which is not installed; install it with 'pip install "
            "ubp[report]', or give .npy files."
        ) from error
    height, width, channels = (int(size) for size in shape[1:])
    pixels = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                fitted = picture.convert("RGB" if channels == 3 else "L").resize((width, height))
        except UnidentifiedImageError as error:
            raise ValueError(f"{path}: neither a NumPy file (.npy) nor a picture.") from error
        pixels.append(np.asarray(fitted).reshape(height, width, channels))
    values = np.stack(pixels)
    return values / np.float32(255) if np.dtype(details[0]["dtype"]).kind == "f" else values
