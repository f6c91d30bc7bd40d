# SPDX-License-Identifier: Apache-2.0
"""Networks of keras.applications with random weights, zeros in blocks, as ordinary .tflite files.

Masks are random blocks too, not chosen by magnitude: as the weights are independent random numbers,
that is the same, and it takes no time for layers of a hundred million weights. The files are kept
in a folder: building NASNet takes a minute, VGG16 has 528 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bench.harness.cache import code_and_versions, load_or_make

if TYPE_CHECKING:  # loads TensorFlow, which takes seconds
    import keras

Array = npt.NDArray[np.float32]

BLOCK_SIZE = 4
SEED = 0  # of random weights, blocks and sparsities
_UNIFORM = 0.8
_MIXED_UP_TO = 0.95
_CLASSES = 1000
_BATCH = 8  # images that the statistics of the batch normalisations are taken from
# The code that a file depends on.
_CODE = (
    "bench.applications.networks",
    "ubp.conversion.load.loader",
    "ubp.conversion.load.keras_converter",
)


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


def load_or_build(application: Application, pruning: str, folder: Path) -> Path:
    """The ordinary .tflite file of a network, with zeros; made if it is not in the folder.

    It is made again where network, pruning, versions or the code that made it have changed.
    """

    def make() -> bytes:
        from ubp.conversion.load.loader import convert_keras

        sparsities = PRUNINGS[pruning]()
        return convert_keras(
            random_model(application.function, application.size, _CLASSES, sparsities)
        )

    origin = {
        "function": application.function,
        "size": application.size,
        "classes": _CLASSES,
        "pruning": pruning,
        "block_size": BLOCK_SIZE,
        "seed": SEED,
    } | code_and_versions(_CODE)
    stem = f"{application.name}_{pruning.removesuffix('%')}"
    return load_or_make(folder, stem, origin, make)


def random_images(size: int, batch: int, seed: int) -> Array:
    """Images [batch, size, size, 3] from 0 to 255 that networks with random weights tell apart.

    They are noise on patches of colour: noise alone would look the same to a network that takes
    averages.
    """
    rng = np.random.default_rng(seed)
    patch = -(-size // 5)
    patches = rng.random((batch, 5, 5, 3), np.float32).repeat(patch, 1).repeat(patch, 2)
    return 160 * patches[:, :size, :size] + 95 * rng.random((batch, size, size, 3), np.float32)


def random_model(
    function: str, size: int, classes: int, sparsities: Iterator[float]
) -> keras.Model:
    """A network for `random_images`, whose outputs (logits) depend on the images and all weights.

    Args:
        function: its name in keras.applications.
        size: height and width of the images.
        classes: outputs.
        sparsities: the share of zeros of one layer after the other, of all convolutions that are
            neither depthwise nor grouped and all dense layers, without the first and the last.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    model = getattr(keras.applications, function)(
        input_shape=(size, size, 3), weights=None, classes=classes, classifier_activation=None
    )
    _randomise(model, sparsities)
    _settle(model, random_images(size, _BATCH, SEED))
    return model


def _randomise(model: keras.Model, sparsities: Iterator[float]) -> None:
    """Give kernels a variance that keeps activations of order one, and every channel a share."""
    rng = np.random.default_rng(SEED)
    matrices = [weight for weight in model.weights if _is_matrix(weight)]
    dense = {id(matrices[0]), id(matrices[-1])}  # the stem and the classifier
    for weight in model.weights:
        shape = weight.shape
        if "kernel" in weight.name:
            mask = np.ones(1, np.float32)
            if _is_matrix(weight) and id(weight) not in dense:
                lanes = int(np.prod(shape[:-1]))
                mask = random_blocks(rng, lanes, shape[-1], next(sparsities)).reshape(shape)
            fan_in = np.prod(shape[:-1] if _is_matrix(weight) else shape[:2]) * mask.mean()
            values = rng.standard_normal(shape, np.float32)
            weight.assign(values * mask * np.sqrt(2 / fan_in, dtype=np.float32))
        elif weight.name == "gamma":
            weight.assign(rng.uniform(0.7, 1.4, shape))
        elif weight.name in ("beta", "bias"):
            weight.assign(rng.normal(0, 0.1, shape))


def _is_matrix(weight: Any) -> bool:
    """Whether each output channel reads all input channels."""
    return weight.name in ("kernel", "pointwise_kernel") and (
        len(weight.shape) == 2 or weight.shape[2] > 1
    )


def random_blocks(rng: np.random.Generator, lanes: int, channels: int, sparsity: float) -> Array:
    """Zeros, and ones in blocks that begin at any channel; [lanes, channels]."""
    first = rng.integers(BLOCK_SIZE, size=(lanes, 1))
    block = (np.arange(channels) + first) // BLOCK_SIZE
    kept = rng.random((lanes, block.max() + 1)) >= sparsity
    return np.take_along_axis(kept, block, axis=1).astype(np.float32)


def _settle(model: keras.Model, images: Array) -> None:
    """Set the statistics of the batch normalisations, where there are any, to those of images."""
    import keras

    kind = keras.layers.BatchNormalization
    normalisations = [layer for layer in model.layers if isinstance(layer, kind)]
    for layer in normalisations:
        layer.momentum = 0.0
    if normalisations:
        model(images, training=True)
