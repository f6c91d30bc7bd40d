# SPDX-License-Identifier: Apache-2.0
"""Pictures, from their files, as pixels uint8 [height, width, channels], red first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ubp.data.damaged import DAMAGED
from ubp.extras import extra_needed

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and in those in it, by their names' endings, in alphabetical order.

    Raises:
        ValueError: if there is none.
    """
    found = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not found:
        raise ValueError(
            f"{folder}: a directory without pictures; expected some hundred "
            f"({', '.join(SUFFIXES)})."
        )
    return found


def read_picture(
    path: Path, size: Sequence[int | None], channels: int, fit: str = "stretch"
) -> npt.NDArray[np.uint8]:
    """The pixels of a picture.

    Args:
        path: of the file.
        size: height and width to resize it to; None leaves the picture's own.
        channels: 1 (grey) or 3 (red, green, blue).
        fit: see `Preprocessing`.

    Raises:
        ValueError: if it is no picture, or a damaged one.
        ImportError: if Pillow is not installed.
    """
    with extra_needed("reading pictures", "give .npy files"):
        from PIL import Image, ImageOps
    try:
        with Image.open(path) as picture:
            height = picture.height if size[0] is None else size[0]
            width = picture.width if size[1] is None else size[1]
            colours = picture.convert("RGB" if channels == 3 else "L")
            if fit == "crop":
                fitted = ImageOps.fit(colours, (width, height), Image.Resampling.BICUBIC)
            else:
                fitted = colours.resize((width, height))
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path}: neither a NumPy file (.npy) nor a picture, or a damaged one."
        ) from error
    return np.asarray(fitted, np.uint8).reshape(height, width, channels)
