# SPDX-License-Identifier: Apache-2.0
"""Training and test pictures: made once, then read from a file.

Pictures are float32 [count, SIZE, SIZE, 1], labels int32 [count]. Both sets are drawn alike, from
generators of their own, so the test pictures do not depend on how many there are to train with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.harness.cache import replacing
from experiment.strokes.render import render
from experiment.strokes.scene import SIZE, draw_scene
from experiment.strokes.shapes import CLASSES

_SEED = 20240719
_CHUNK = 500  # pictures that are rendered at a time, to stay in the processor's cache


@dataclass(frozen=True)
class Pictures:
    """Some pictures with their classes."""

    pixels: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """What is trained and what is tested with."""

    train: Pictures
    test: Pictures


def load_or_make(path: Path, train: int, test: int) -> Dataset:
    """The data set in an .npz file, which is made if it is not there.

    Args:
        path: its name says all that the pictures depend on.
        train, test: numbers of pictures.
    """
    if not path.exists():
        made = make(train, test)
        with replacing(path) as unfinished, unfinished.open("wb") as stream:
            np.savez(
                stream,
                train_pixels=made.train.pixels,
                train_labels=made.train.labels,
                test_pixels=made.test.pixels,
                test_labels=made.test.labels,
            )
    with np.load(path) as arrays:
        return Dataset(
            Pictures(arrays["train_pixels"], arrays["train_labels"]),
            Pictures(arrays["test_pixels"], arrays["test_labels"]),
        )


def make(train: int, test: int) -> Dataset:
    """Draw the pictures: always the same ones."""
    train_seed, test_seed = np.random.SeedSequence(_SEED).spawn(2)
    return Dataset(_draw(train, train_seed), _draw(test, test_seed))


def _draw(count: int, seed: np.random.SeedSequence) -> Pictures:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, count, dtype=np.int32)
    pixels = np.empty((count, SIZE, SIZE, 1), np.float32)
    for start in range(0, count, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        pixels[chunk, ..., 0] = render(draw_scene(labels[chunk], generator))
    return Pictures(pixels, labels)
