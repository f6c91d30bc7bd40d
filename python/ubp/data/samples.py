# SPDX-License-Identifier: Apache-2.0
"""`read_samples`: whatever a user has as data, as checked samples that are read batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_path, check_whole, shown
from ubp.data.checks import check_samples
from ubp.data.columns import Column, picture_column
from ubp.data.files import map_npy, read_npz
from ubp.data.inputs import Array, Input
from ubp.data.pictures import SUFFIXES, pictures_in
from ubp.data.preprocessing import (
    PREPROCESSINGS,
    Preprocessing,
    is_path,
    preprocessing_of,
    size_of,
)
from ubp.data.streams import as_array, by_name, check_counts_equal, read_stream

HELD_OUT = 64  # samples that a result is judged by
_ONE_HELD_OUT_OF = 8  # samples of which one is held out where there are no more than are asked for
_EXPECTED = (
    "arrays as the model takes them, an iterable of batches such as a tf.data.Dataset, a directory "
    "of pictures, or .npy or .npz files"
)


@dataclass(frozen=True)
class Samples:
    """Samples of a model's inputs. Going through them gives batches, any number of times.

    inputs: of the model.
    columns: one for each.
    numbers: of the samples, int [samples], in their order.
    batch_size: of the batches.
    """

    inputs: tuple[Input, ...]
    columns: tuple[Column, ...]
    numbers: npt.NDArray[np.intp]
    batch_size: int = 32

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Batches: an array [samples, ...] for each input, of the type that the model takes."""
        for start in range(0, len(self), self.batch_size):
            rows = self.numbers[start : start + self.batch_size]
            yield tuple(column.rows(rows) for column in self.columns)

    def batched(self, batch_size: int) -> Samples:
        """The same in batches of another size."""
        return replace(self, batch_size=check_whole("batch_size", batch_size, 1))

    def first(self, count: int) -> Samples:
        """The first `count` of them."""
        return replace(self, numbers=self.numbers[:count])

    def split(self, limit: int) -> tuple[Samples, Samples]:
        """Samples to calibrate on, at most `limit`, and others to judge the result by.

        Of no more than `limit`, every eighth is to judge by.
        """
        judging = min(HELD_OUT, max(2, len(self) // _ONE_HELD_OUT_OF))
        count = limit if len(self) - limit >= HELD_OUT else min(limit, len(self) - judging)
        parts = self.numbers[:count], self.numbers[count:][:HELD_OUT]
        return replace(self, numbers=np.sort(parts[0])), replace(self, numbers=np.sort(parts[1]))


def read_samples(
    data: Any,
    inputs: Sequence[Input],
    *,
    limit: int = 512,
    preprocess: str | Preprocessing | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Samples:
    """Samples for a model, of whatever a user has. Labels are not needed.

    Of arrays, files and directories samples are drawn at random, so that they may be sorted by
    class; of an iterable the first ones are taken, and kept on the disk. Nothing is held in memory
    that was not there before, but the arrays of .npz files.

    Args:
        data: an array [samples, ...]; for a model with several inputs a tuple, list or dictionary
            of them; an iterable of batches x, (x, y) or (x, y, weights), of which x is used, such
            as a `tf.data.Dataset` or a generator; the path of a directory of pictures (also in
            directories in it), for a model with one input [height, width, 1 or 3]; the path of a
            .npy file, or one for each input; or that of a .npz file, whose arrays are named after
            the inputs, or are in their order.
        inputs: of the model.
        limit: samples to calibrate on; up to HELD_OUT more are read to judge the result by.
        preprocess: what the model takes for a picture's pixels; see PREPROCESSINGS. It has to be
            stated for pictures, and is for nothing else.
        size: height and width of pictures, for a model that leaves them open.
        seed: of the draw.
        progress: show a bar while many pictures are read.

    Raises:
        ValueError: if the data is something else, does not fit the model, has values that are not
            finite, is all the same, or has too few samples; or another argument is wrong.
        FileNotFoundError: if a path leads nowhere.
        ImportError: if there are pictures and Pillow is not installed.
    """
    check_whole("limit", limit, 1)
    check_whole("seed", seed, 0)
    most, generator = limit + HELD_OUT, np.random.default_rng(seed)
    inputs = tuple(inputs)
    paths = _paths_of(data)
    pictures = _pictures_of(paths)
    for name, given in (("preprocess", preprocess), ("size", size)):
        if pictures is None and given is not None:
            raise ValueError(
                f"{name} is {shown(given)}, but data is no pictures; expected None: arrays are "
                "taken as they are."
            )
    if pictures is not None:
        chosen = [pictures[each] for each in _draw(len(pictures), most, generator)]
        column = _read_pictures(chosen, inputs, preprocess, size, progress)
        columns, numbers = [column], np.arange(len(chosen))
    else:
        columns = _columns_of(data if paths is None else paths, inputs, most)
        numbers = _draw(len(columns[0]), most, generator)
    samples = Samples(inputs, tuple(columns), numbers)
    check_samples(samples)
    return samples


def _draw(count: int, most: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    return generator.permutation(count)[:most]


def _paths_of(data: Any) -> list[Path] | None:
    """The paths that a user gives; None for other data."""
    several = isinstance(data, list | tuple)
    given = list(data) if several else [data]
    found = [each for each in given if is_path(each)]
    if not found:
        return None
    if len(found) < len(given):
        raise ValueError(
            f"data has {len(found)} paths and {len(given) - len(found)} of something else; give "
            "either only paths or only arrays."
        )
    for each in found:
        check_path("data", each)
    paths = [Path(each) for each in found]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or directory.")
    return paths


def _pictures_of(paths: list[Path] | None) -> list[Path] | None:
    """The pictures that paths lead to; None where they lead to arrays."""
    if paths is None:
        return None
    if len(paths) == 1 and paths[0].is_dir():
        return pictures_in(paths[0])
    pictures = [path for path in paths if path.suffix.lower() in SUFFIXES]
    arrays = [path for path in paths if path.suffix.lower() in (".npy", ".npz")]
    if len(arrays) == len(paths):
        return None
    if len(pictures) == len(paths):
        return pictures
    odd = next(path for path in paths if path not in pictures and path not in arrays)
    raise ValueError(f"{odd}: expected a directory of pictures, or .npy or .npz files.")


def _read_pictures(
    paths: list[Path],
    inputs: tuple[Input, ...],
    preprocess: str | Preprocessing | None,
    size: tuple[int, int] | None,
    progress: bool,
) -> Column:
    if len(inputs) != 1 or not inputs[0].is_picture:
        shapes = ", ".join(each.shown for each in inputs)
        raise ValueError(
            f"data is pictures, for a model that takes {shapes}; expected one input (samples, "
            "height, width, 1 or 3), or a .npy file for each input."
        )
    if preprocess is None:
        raise ValueError(
            "data is pictures, and preprocess does not say which values the model takes for their "
            f"pixels; expected one of {', '.join(PREPROCESSINGS)}, as the model was trained."
        )
    height, width, channels = inputs[0].shape
    assert channels is not None
    wanted = (height, width) if size is None else size_of(size)
    if wanted[0] is None or wanted[1] is None:
        raise ValueError("the model leaves the size of pictures open; give size=(height, width).")
    if any(have not in (None, want) for have, want in zip((height, width), wanted, strict=True)):
        raise ValueError(f"size is {wanted}; the model takes pictures of {(height, width)}.")
    stated = preprocessing_of(preprocess)
    return picture_column(paths, (wanted[0], wanted[1]), channels, stated, progress)


def _columns_of(data: Any, inputs: tuple[Input, ...], most: int) -> list[Column]:
    """A column per input, of arrays in memory or in files, or of an iterable."""
    arrays = _arrays_of(data, inputs)
    if arrays is None:
        if isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
            raise ValueError(f"data is {shown(data)}; expected {_EXPECTED}.")
        return read_stream(data, inputs, most)
    if len(arrays) != len(inputs):
        raise ValueError(
            f"data has {len(arrays)} arrays for a model with {len(inputs)} inputs; give one for "
            "each."
        )
    for array, each in zip(arrays, inputs, strict=True):
        each.check(array)
    check_counts_equal(arrays)
    return [Column(array, each.dtype) for array, each in zip(arrays, inputs, strict=True)]


def _arrays_of(data: Any, inputs: tuple[Input, ...]) -> list[Array] | None:
    """All samples as one array per input; None for an iterable of batches."""
    if isinstance(data, list | tuple) and data and all(isinstance(each, Path) for each in data):
        return _arrays_in(list(data), inputs)
    if isinstance(data, Mapping):
        return by_name(data, inputs)
    if hasattr(data, "__array__"):
        return [as_array(data)]
    if not isinstance(data, list | tuple) or not all(hasattr(each, "__array__") for each in data):
        return None
    # Of a model with one input, a list is one of batches, a tuple what Keras takes for (x, y).
    if len(inputs) == 1:
        return [as_array(data[0])] if isinstance(data, tuple) and len(data) in (1, 2, 3) else None
    return [as_array(each) for each in data]


def _arrays_in(paths: list[Path], inputs: tuple[Input, ...]) -> list[Array]:
    if len(paths) == 1 and paths[0].suffix.lower() == ".npz":
        arrays = read_npz(paths[0])
        in_order = [f"arr_{index}" for index in range(len(arrays))]
        if sorted(arrays) == sorted(in_order):
            return [arrays[name] for name in in_order]
        return by_name(arrays, inputs)
    if any(path.suffix.lower() == ".npz" for path in paths):
        raise ValueError(f"data is {len(paths)} files with a .npz among them; expected only that.")
    return [map_npy(path) for path in paths]
