"""Networks of keras.applications with random weights, 80% zeros in blocks, as .tflite files.

One network of each family: larger ones are made by the same code from more of the same blocks, so
that they are the same graph for the delegate and only take longer to build. InceptionResNetV2 would
take a minute: it consists of InceptionV3's operators and sums.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.convert.load import convert_keras

BLOCK_SIZE = 4
SPARSITY = 0.8
CLASSES = 100
_BATCH = 8  # images that the statistics of the batch normalisations are taken from


@dataclass(frozen=True)
class Application:
    """What to make of a function of keras.applications.

    size: height and width of the input: few pixels save time, as long as some are left at the end.
    open_batch: the batch is open in the file, as TensorFlow's converter leaves it by itself;
        otherwise it is 1, as `ubp.convert` has it made. It must be open where there are Reshape
        layers, whose shape is constant otherwise, if the batch is to be resized.
    """

    size: int = 96
    open_batch: bool = False


APPLICATIONS = {
    "MobileNet": Application(open_batch=True),
    "MobileNetV2": Application(),
    "MobileNetV3Small": Application(open_batch=True),
    "MobileNetV3Large": Application(open_batch=True),
    "EfficientNetB0": Application(open_batch=True),
    "EfficientNetV2B0": Application(),
    "ResNet50": Application(),
    "ResNet50V2": Application(),
    "DenseNet121": Application(),
    "VGG16": Application(64, open_batch=True),
    "InceptionV3": Application(128),
    "NASNetMobile": Application(),
    "Xception": Application(),
    "ConvNeXtTiny": Application(),
}

Array = npt.NDArray[np.float32]


def random_images(size: int, batch: int, seed: int) -> Array:
    """Images [batch, size, size, 3] from 0 to 255: noise on patches of colour.

    Noise alone would look the same to a network that takes averages.
    """
    rng = np.random.default_rng(seed)
    patch = -(-size // 5)
    patches = rng.random((batch, 5, 5, 3), np.float32).repeat(patch, 1).repeat(patch, 2)
    return 160 * patches[:, :size, :size] + 95 * rng.random((batch, size, size, 3), np.float32)


def build(name: str) -> bytes:
    """The .tflite file of a network for images as above, whose output depends on all weights."""
    import keras
    import tensorflow

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    size = APPLICATIONS[name].size
    model = getattr(keras.applications, name)(
        input_shape=(size, size, 3), weights=None, classes=CLASSES, classifier_activation=None
    )
    _randomise(model)
    _settle(keras, model, random_images(size, _BATCH, seed=0))
    if not APPLICATIONS[name].open_batch:
        return convert_keras(model)
    with contextlib.redirect_stdout(io.StringIO()):  # the signature of what is exported
        data: bytes = tensorflow.lite.TFLiteConverter.from_keras_model(model).convert()
    return data


def _randomise(model: Any) -> None:
    """Give kernels a variance that keeps activations of order one, and every channel a share."""
    rng = np.random.default_rng(0)
    matrices = [weight for weight in model.weights if _is_matrix(weight)]
    dense = {id(matrices[0]), id(matrices[-1])}  # the stem and the classifier
    for weight in model.weights:
        shape = weight.shape
        if "kernel" in weight.name:
            mask = np.ones(1, np.float32)
            if _is_matrix(weight) and id(weight) not in dense:
                mask = _random_blocks(rng, np.prod(shape[:-1]), shape[-1]).reshape(shape)
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


def _random_blocks(rng: np.random.Generator, lanes: int, channels: int) -> Array:
    """Zeros, and ones in blocks that begin at any channel; [lanes, channels]."""
    first = rng.integers(BLOCK_SIZE, size=(lanes, 1))
    block = (np.arange(channels) + first) // BLOCK_SIZE
    kept = rng.random((lanes, block.max() + 1)) >= SPARSITY
    return np.take_along_axis(kept, block, axis=1).astype(np.float32)


def _settle(keras: Any, model: Any, images: Array) -> None:
    """Set the statistics of the batch normalisations, where there are any, to those of images."""
    kind = keras.layers.BatchNormalization
    normalisations = [layer for layer in model.layers if isinstance(layer, kind)]
    for layer in normalisations:
        layer.momentum = 0.0
    if normalisations:
        model(images, training=True)
