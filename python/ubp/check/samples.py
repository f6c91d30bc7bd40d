# SPDX-License-Identifier: Apache-2.0
"""Samples: the inputs that a model is verified or timed on, random or given by a user.

A user gives arrays, .npy files or pictures.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.open_sizes import Shapes
from ubp.data.files import read_npy
from ubp.data.pictures import read_picture
from ubp.runtime.inputs import Shape, assumed_shape, random_values, signature_of
from ubp.runtime.running import Entry, Runner, entries_of
from ubp.tflite.lookups import index_bounds

Sample = list[npt.NDArray[Any]]  # one array per input of the model, of the input's shape


@dataclass(frozen=True)
class SampleSource:
    """What the entries of a model run on.

    tree: of the model.
    inputs: arrays or paths that a user gives, or None for random values.
    shapes: of the main graph's inputs, if the user gives them.
    resolved: shapes of the inputs of entries that leave sizes open.
    runs: how many random samples.
    seed: of the random samples.
    """

    tree: schema.ModelT
    inputs: Any
    shapes: Sequence[Shape] | None
    resolved: Shapes
    runs: int
    seed: int

    def of(self, runners: Sequence[Runner]) -> tuple[dict[Entry, list[Sample]], dict[Entry, str]]:
        """The samples of each entry; of those that there are none for, why not.

        Raises:
            ValueError, FileNotFoundError, ImportError: if no entry has any, as of `read_samples`.
        """
        samples: dict[Entry, list[Sample]] = {}
        left: dict[Entry, str] = {}
        errors: list[ValueError] = []
        for runner in runners:
            try:
                samples[runner.entry] = self._of_one(runner)
            except ValueError as error:
                errors.append(error)
                left[runner.entry] = str(error).removesuffix(".")
        if not samples:
            raise errors[0]
        return samples, left

    def of_main(self, interpreter: Any) -> Sample:
        """One sample for the main graph of an interpreter with allocated tensors.

        Raises:
            ValueError, FileNotFoundError, ImportError: as `of`.
        """
        return self._of_one(Runner(interpreter, entries_of(self.tree)[0]))[0]

    def _of_one(self, runner: Runner) -> list[Sample]:
        details, _ = runner.details()
        if self.inputs is None:
            return self._random(runner, details)
        found = _given_samples(self.inputs, details, self.shapes)
        if not found:
            raise ValueError("the inputs hold no samples.")
        return found

    def _random(self, runner: Runner, details: Sequence[dict[str, Any]]) -> list[Sample]:
        rng, subgraph = np.random.default_rng(self.seed), runner.entry.subgraph
        shapes = self.resolved.inputs.get(subgraph, [detail["shape"] for detail in details])
        bounds = index_bounds(self.tree, subgraph)
        return [
            [
                random_values(detail, shape, rng, bounds)
                for detail, shape in zip(details, shapes, strict=True)
            ]
            for _ in range(self.runs)
        ]


def _given_samples(
    inputs: Any, details: Sequence[dict[str, Any]], shapes: Sequence[Shape] | None
) -> list[Sample]:
    """The samples in arrays, or in files."""
    several = isinstance(inputs, Sequence) and not isinstance(inputs, str | bytes)
    given = list(inputs) if several else [inputs]
    paths = [Path(each) for each in given if isinstance(each, str | os.PathLike)]
    if not paths:
        return split([np.asarray(each) for each in given], details, shapes)
    if len(paths) < len(given):
        raise ValueError(
            f"the inputs are {len(paths)} paths and {len(given) - len(paths)} arrays; give either "
            "only paths or only arrays."
        )
    return read_samples(paths, details, shapes)


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
    return split([read_npy(path) for path in paths], details, shapes)


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


def _read_pictures(
    paths: Sequence[Path], details: Sequence[dict[str, Any]], shapes: Sequence[Shape] | None
) -> list[npt.NDArray[Any]]:
    shape = _expected(details[:1], None if shapes is None else shapes[:1])[0]
    if len(details) != 1 or len(shape) != 4 or shape[3] not in (1, 3):
        raise ValueError(
            "pictures are given for a model that does not have one input [batch, height, width, 1 "
            "or 3]; give a .npy file for each input."
        )
    height, width, channels = (None if size == -1 else size for size in shape[1:])
    assert channels is not None
    is_float = np.dtype(details[0]["dtype"]).kind == "f"
    pixels = (read_picture(path, (height, width), channels) for path in paths)
    return [values / np.float32(255) if is_float else values for values in pixels]
