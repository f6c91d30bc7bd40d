"""The networks of the benchmark, all from keras.applications, and how they are pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

BLOCK_SIZE = 4
SEED = 0  # of random weights, blocks and sparsities
_UNIFORM = 0.8
_MIXED_UP_TO = 0.95


@dataclass(frozen=True)
class Application:
    """One network.

    name: here, in tables and on the command line.
    function: its name in keras.applications.
    size: height and width of the input in pixels; it has 3 channels and batch size 1.
    block: inferences that are timed in one go, fewer for slow networks.
    """

    name: str
    function: str
    size: int = 224
    block: int = 5


FULL = (
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "MobileNetV3Large",
    "EfficientNetB0",
    "NASNetMobile",
    "DenseNet121",
    "ResNet50",
    "InceptionV3",
    "Xception",
    "ConvNeXtTiny",
    "VGG16",
)
QUICK = ("MobileNetV3-tiny",)
_SIZES = {"InceptionV3": 299, "Xception": 299}
_FAST = {"MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"}

APPLICATIONS = {
    name: Application(name, name, _SIZES.get(name, 224), 10 if name in _FAST else 3)
    for name in FULL
} | {"MobileNetV3-tiny": Application("MobileNetV3-tiny", "MobileNetV3Small", 96)}


def uniform_sparsities() -> Iterator[float]:
    """The same share of zeros for every layer."""
    return repeat(_UNIFORM)


def mixed_sparsities() -> Iterator[float]:
    """A share of zeros for each layer, from none to nearly all, the same in every run."""
    rng = np.random.default_rng(SEED)
    while True:
        yield float(rng.uniform(0, _MIXED_UP_TO))


# Makes the share of zeros of one layer after the other.
PRUNINGS: dict[str, Callable[[], Iterator[float]]] = {
    "80%": uniform_sparsities,
    "mixed": mixed_sparsities,
}
