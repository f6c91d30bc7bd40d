"""Samples: inputs that a user gives for a verification, from .npy files or pictures."""

from __future__ import annotations

import struct
import tokenize
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.runtime.inputs import Shape, assumed_shape, signature_of

# What NumPy and Pillow raise for files that are damaged, or none of theirs. NumPy reads a header as
# Python source.
_DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
)

Sample = list[npt.NDArray[Any]]  # one array per input of the model, of the input's shape


def read_samples(
    paths: Sequence[Path],
    details: Sequence[dict[str, Any]],
    shapes: Sequence[Shape] | None = None,
) -> list[Sample]:
    """Read a model's inputs from files.

    Args:
        paths: .npy files, one per input of the model; or any number of pictures (.png, .jpg, ...)
            for a model with one input [batch, height, width, channels].
        details: of the inputs, as an interpreter gives them.
        shapes: of the inputs, where sizes that the model leaves open are given.

    Returns:
        What the model takes at once, in the files' order. Pictures are resized to the input's
        height and width, and keep their own where those are open; their values are 0..1 for a float
        input and 0..255 for an integer one.

    Raises:
        ValueError: if the files are not as many as expected, do not fit, or the model takes no
            pictures.
        FileNotFoundError: if a file is missing.
        ImportError: if there are pictures and Pillow is not installed.
    """
    for path in paths:
        if not path.is_file():
            reason = "a directory, expected a file" if path.is_dir() else "no such file"
            raise FileNotFoundError(f"{path}: {reason}.")
    arrays = [path for path in paths if path.suffix == ".npy"]
    if not arrays:
        return _picture_samples(_read_pictures(paths, details, shapes), details, shapes)
    if len(arrays) != len(paths) or len(paths) != len(details):
        raise ValueError(
            f"{len(paths)} input files for a model with {len(details)} inputs; give one .npy file "
            "for each input, or only pictures."
        )
    return split([_read_npy(path) for path in paths], details, shapes)


def split(
    arrays: Sequence[npt.NDArray[Any]],
    details: Sequence[dict[str, Any]],
    shapes: Sequence[Shape] | None = None,
) -> list[Sample]:
    """Cut arrays that hold many samples into pieces that a model takes at once.

    Args:
        arrays: one per input of the model, [samples, ...]; the samples are a multiple of the batch.
            Sizes that the model leaves open and `shapes` does not give may be any.
        details: of the inputs, as an interpreter gives them.
        shapes: of the inputs, where sizes that the model leaves open are given.

    Raises:
        ValueError: if a shape or the number of samples does not fit.
    """
    if len(arrays) != len(details):
        raise ValueError(f"{len(arrays)} arrays for a model with {len(details)} inputs.")
    pieces = []
    for array, detail, expected in zip(arrays, details, _expected(details, shapes), strict=True):
        dtype = np.dtype(detail["dtype"])
        batch = max(expected[0], 1) if expected else 1
        fits = array.ndim == len(expected) and all(
            wanted in (-1, size) for size, wanted in zip(array.shape[1:], expected[1:], strict=True)
        )
        if not fits or not array.ndim or len(array) % batch:
            wanted = str(tuple("any" if size == -1 else size for size in expected))
            raise ValueError(
                f"input '{detail['name']}': an array of shape {array.shape}, expected "
                f"{wanted.replace(repr('any'), 'any')} or a multiple of it in the first dimension."
            )
        converted = _converted(array, dtype, detail["name"])
        pieces.append([converted[at : at + batch] for at in range(0, len(array), batch)])
    if len({len(each) for each in pieces}) > 1:
        raise ValueError(f"the inputs have {[len(each) for each in pieces]} samples, not as many.")
    return [list(sample) for sample in zip(*pieces, strict=True)]


def _expected(details: Sequence[dict[str, Any]], shapes: Sequence[Shape] | None) -> list[Shape]:
    """The inputs' shapes, with -1 for sizes that may be any; the batch is never open."""
    if shapes is not None:
        return list(shapes)
    signatures = [signature_of(detail) for detail in details]
    batches = [assumed_shape(detail)[:1] for detail in details]
    return [(*batch, *each[1:]) for batch, each in zip(batches, signatures, strict=True)]


def _converted(array: npt.NDArray[Any], dtype: np.dtype[Any], name: str) -> npt.NDArray[Any]:
    try:
        return array.astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"input '{name}': an array of type {array.dtype}, expected {dtype.name}."
        ) from error


def _picture_samples(
    pictures: list[npt.NDArray[Any]],
    details: Sequence[dict[str, Any]],
    shapes: Sequence[Shape] | None,
) -> list[Sample]:
    """Pictures of one size in the model's batches; of several sizes one by one."""
    if len({picture.shape for picture in pictures}) == 1:
        return split([np.stack(pictures)], details, shapes)
    return [sample for picture in pictures for sample in split([picture[None]], details, shapes)]


def _read_npy(path: Path) -> npt.NDArray[Any]:
    try:
        with path.open("rb") as file:
            array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except _DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: not a NumPy file ({reason}).") from error
    return array


def _read_pictures(
    paths: Sequence[Path], details: Sequence[dict[str, Any]], shapes: Sequence[Shape] | None
) -> list[npt.NDArray[Any]]:
    shape = _expected(details[:1], None if shapes is None else shapes[:1])[0]
    if len(details) != 1 or len(shape) != 4 or shape[3] not in (1, 3):
        raise ValueError(
            "pictures are given for a model that does not have one input [batch, height, width, 1 "
            "or 3]; give a .npy file for each input."
        )
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ImportError(
            "reading pictures needs Pillow, which is not installed; install it with 'pip install "
            "ubp[report]', or give .npy files."
        ) from error
    height, width, channels = shape[1:]
    is_float = np.dtype(details[0]["dtype"]).kind == "f"
    pixels: list[npt.NDArray[Any]] = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                size = (
                    picture.width if width == -1 else width,
                    picture.height if height == -1 else height,
                )
                fitted = picture.convert("RGB" if channels == 3 else "L").resize(size)
        except (*_DAMAGED, Image.DecompressionBombError) as error:
            raise ValueError(
                f"{path}: neither a NumPy file (.npy) nor a picture, or a damaged one."
            ) from error
        values = np.asarray(fitted).reshape(fitted.height, fitted.width, channels)
        pixels.append(values / np.float32(255) if is_float else values)
    return pixels
