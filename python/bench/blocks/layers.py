"""The layers that blocks are selected from, and their importance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Shape = tuple[int, int]
_SEED = 0


@dataclass(frozen=True)
class Case:
    """Layers that one selection, or one after the other, is timed on.

    shapes: (lanes, channels) of each layer.
    dynamic_programme: whether the O(n m) programme is feasible.
    """

    name: str
    shapes: tuple[Shape, ...]
    dynamic_programme: bool = False

    @property
    def num_weights(self) -> int:
        """Of all layers."""
        return sum(lanes * channels for lanes, channels in self.shapes)

    def importance(self) -> list[npt.NDArray[np.float32]]:
        """Absolute values of weights as training leaves them, float32 [lanes, channels] per layer.

        Gaussian, with a spread of their own for each lane and each channel.
        """
        rng = np.random.default_rng(_SEED)
        return [_weights(shape, rng) for shape in self.shapes]


def cases() -> dict[str, Case]:
    """All cases, by name."""
    resnet = tuple(_resnet50())
    every = (
        Case("64x256", ((64, 256),), dynamic_programme=True),
        Case("512x512", ((512, 512),), dynamic_programme=True),
        Case("4608x512", ((4608, 512),)),
        Case("ResNet50", resnet),
    )
    return {case.name: case for case in every}


FULL = ("512x512", "4608x512", "ResNet50")
QUICK = ("64x256",)


def _weights(shape: Shape, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    spread = np.exp(0.3 * rng.standard_normal((shape[0], 1)))
    spread = spread * np.exp(0.3 * rng.standard_normal((1, shape[1])))
    return np.abs(spread * rng.standard_normal(shape)).astype(np.float32)


def _resnet50() -> Iterator[Shape]:
    """The 53 convolutions of ResNet50 (arXiv 1512.03385, table 1)."""
    yield 7 * 7 * 3, 64
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            if block == 0:
                yield inputs, 4 * width
            yield inputs, width
            yield 3 * 3 * width, width
            yield width, 4 * width
            inputs = 4 * width
