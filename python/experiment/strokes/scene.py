# SPDX-License-Identifier: Apache-2.0
"""The nuisances: where the strokes of a batch of pictures are and how they look, at random.

Coordinates are (x, y) in pixels, the origin at the picture's upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiment.strokes.shapes import class_segments

SIZE = 24
CLUTTER = 2  # strokes that belong to no shape, at most

_GRID = 5.2  # pixels between two nodes
_JITTER = 0.1  # of a node, standard deviation, in units of the grid
_ROTATION = 15.0  # degrees either way
_SCALE = 0.2  # relative, either way
_SHEAR = 0.2  # either way
_SHIFT = 2.0  # pixels either way
_WIDTH = (0.45, 1.2)  # half the width of a stroke, pixels
_CLUTTER_LENGTH = (2.5, 6.0)  # pixels
_CONTRAST = (0.5, 1.0)
_GRADIENT = 0.35  # difference of the background over the picture, either way
_NOISE = (0.02, 0.14)  # standard deviation

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """A batch of B pictures; all arrays float32.

    segments: end points of strokes [B, EDGES + CLUTTER, 2, (x, y)]; those not there are NaN.
    half_width: of the strokes [B].
    contrast: of the strokes against the background, negative for dark ones [B].
    gradient: of the background, per pixel [B, (x, y)].
    noise: independent at each pixel [B, SIZE, SIZE].
    """

    segments: Floats
    half_width: Floats
    contrast: Floats
    gradient: Floats
    noise: Floats


def draw_scene(labels: npt.NDArray[np.integer], generator: np.random.Generator) -> Scene:
    """A scene of the shapes of these classes [B]."""
    count = len(labels)
    segments = np.concatenate([_shapes(labels, generator), _clutter(count, generator)], axis=1)
    polarity = generator.choice([-1.0, 1.0], count)
    gradient = generator.uniform(-_GRADIENT, _GRADIENT, (count, 2)) / SIZE
    deviation = generator.uniform(*_NOISE, (count, 1, 1)).astype(np.float32)
    noise = generator.standard_normal((count, SIZE, SIZE), dtype=np.float32)
    return Scene(
        segments=segments.astype(np.float32),
        half_width=generator.uniform(*_WIDTH, count).astype(np.float32),
        contrast=(polarity * generator.uniform(*_CONTRAST, count)).astype(np.float32),
        gradient=gradient.astype(np.float32),
        noise=noise * deviation,
    )


def _shapes(
    labels: npt.NDArray[np.integer], generator: np.random.Generator
) -> npt.NDArray[np.floating]:
    """[B, EDGES, 2, 2]: each shape's edges, its nodes moved, then mapped as a whole."""
    count = len(labels)
    segments = class_segments()[labels]
    # A node moves all edges that meet there, so its jitter is looked up by its place.
    jitter = generator.normal(0.0, _JITTER, (count, 5, 5, 2))
    place = np.rint(2 * segments).astype(int) % 5
    segments = segments + jitter[np.arange(count)[:, None, None], place[..., 1], place[..., 0]]
    angle = np.deg2rad(generator.uniform(-_ROTATION, _ROTATION, count))
    scale = _GRID * (1 + generator.uniform(-_SCALE, _SCALE, count))
    shear = generator.uniform(-_SHEAR, _SHEAR, count)
    cosine, sine = np.cos(angle), np.sin(angle)
    rows = [[cosine, shear * cosine - sine], [sine, shear * sine + cosine]]
    matrix = np.moveaxis(np.array(rows), -1, 0) * scale[:, None, None]
    shift = (SIZE - 1) / 2 + generator.uniform(-_SHIFT, _SHIFT, (count, 1, 1, 2))
    mapped: npt.NDArray[np.floating] = np.einsum("brc,bsec->bser", matrix, segments) + shift
    return mapped


def _clutter(count: int, generator: np.random.Generator) -> npt.NDArray[np.floating]:
    """[B, CLUTTER, 2, 2]: short strokes anywhere, 0 to CLUTTER of them."""
    middle = generator.uniform(0, SIZE - 1, (count, CLUTTER, 2))
    angle = generator.uniform(0, np.pi, (count, CLUTTER))
    length = generator.uniform(*_CLUTTER_LENGTH, (count, CLUTTER, 1))
    half = length / 2 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    strokes: npt.NDArray[np.floating] = np.stack([middle - half, middle + half], axis=2)
    strokes[np.arange(CLUTTER) >= generator.integers(0, CLUTTER + 1, (count, 1))] = np.nan
    return strokes
