# SPDX-License-Identifier: Apache-2.0
"""Pruned U-Nets with random weights as ordinary .tflite files; kept in a folder.

On the way down each level has two convolutions and halves height and width. On the way up each
level doubles them in one of the ways of WAYS, joins what the level had on the way down, and has two
convolutions again. Every convolution of 3x3 is followed by a batch normalisation and a ReLU.

Pruning keeps the blocks of largest magnitude, in every Conv2D and Conv2DTranspose but the first and
the last.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ubp
from bench.harness.cache import code_and_versions, load_or_make
from bench.harness.networks import settle

if TYPE_CHECKING:  # loads TensorFlow, which takes seconds
    import keras

BLOCK_SIZE = 4
SEED = 0  # of the random weights
# What doubles height and width, by the name of the network.
WAYS = {
    "transposed-2x2": "Conv2DTranspose of 2x2, stride 2",
    "transposed-3x3": "Conv2DTranspose of 3x3, stride 2",
    "bilinear": "UpSampling2D, bilinear, and a Conv2D of 1x1",
}
_CLASSES = 2
# What random weights, masks and the ordinary .tflite file come from.
_CODE = (
    "bench.harness.networks",
    "bench.unet.networks",
    "ubp.lanes",
    "ubp.conversion.load.loader",
    "ubp.conversion.load.keras_converter",
    "ubp.pruning",
    "ubp.selection",
)


@dataclass(frozen=True)
class Dimensions:
    """Of a U-Net.

    size: height and width of the input in pixels; it has 3 channels.
    widths: channels of each level, and last of the bottom between the ways down and up.
    """

    size: int
    widths: tuple[int, ...]


FULL = Dimensions(128, (32, 64, 128, 256))
SMALL = Dimensions(32, (8, 16, 32))


def load_or_build(way: str, dimensions: Dimensions, sparsity: int, folder: Path) -> bytes:
    """The .tflite file of `pruned_model` for a batch of one; made if it is not in the folder.

    It is made again where the network, versions or the code that made it have changed.
    """

    def make() -> bytes:
        from ubp.conversion.load.loader import convert_keras

        return convert_keras(pruned_model(way, dimensions, sparsity))

    origin: dict[str, Any] = {
        "way": way,
        **asdict(dimensions),
        "widths": [*dimensions.widths],
        "sparsity": sparsity,
        "block_size": BLOCK_SIZE,
        "seed": SEED,
    }
    origin |= code_and_versions(_CODE)
    stem = f"{way}_{dimensions.size}_{sparsity}"
    return load_or_make(folder, stem, origin, make).read_bytes()


def pruned_model(way: str, dimensions: Dimensions, sparsity: int) -> keras.Model:
    """A U-Net, pruned in one shot, with batch normalisations that fit its weights.

    Args:
        way: of WAYS.
        sparsity: percent of zeros in each pruned layer; 0 leaves all as they are.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    model = _unet(way, dimensions)
    if sparsity:
        schedule, pattern = ubp.ConstantSparsity(sparsity / 100), ubp.UnalignedBlock(BLOCK_SIZE)
        model = ubp.strip(ubp.prune(model, schedule, pattern, layers=pruned_layers(model)))
    settle(model, SEED)
    return model


def pruned_layers(model: keras.Model) -> list[str]:
    """The names of all convolutions, transposed ones too, but the first and the last."""
    import keras

    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return [layer.name for layer in model.layers if isinstance(layer, kinds)][1:-1]


def _unet(way: str, dimensions: Dimensions) -> keras.Model:
    """Not pruned; whatever is not a kernel is random, too, so that no layer does without it."""
    import keras

    layers = keras.layers
    random = keras.initializers.RandomNormal(stddev=0.1, seed=SEED)
    factors = keras.initializers.RandomUniform(0.7, 1.4, seed=SEED)

    def level(x: Any, width: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(beta_initializer=random, gamma_initializer=factors)(x)
            x = layers.ReLU()(x)
        return x

    def up(x: Any, width: int) -> Any:
        if way == "bilinear":
            x = layers.UpSampling2D(interpolation="bilinear")(x)
            return layers.Conv2D(width, 1, bias_initializer=random)(x)
        kernel = {"transposed-2x2": 2, "transposed-3x3": 3}[way]
        return layers.Conv2DTranspose(
            width, kernel, strides=2, padding="same", bias_initializer=random
        )(x)

    x = image = keras.Input((dimensions.size, dimensions.size, 3))
    *widths, bottom = dimensions.widths
    skipped = []
    for width in widths:
        x = level(x, width)
        skipped.append(x)
        x = layers.MaxPooling2D()(x)
    x = level(x, bottom)
    for width, skip in zip(reversed(widths), reversed(skipped), strict=True):
        x = level(layers.Concatenate()([up(x, width), skip]), width)
    return keras.Model(image, layers.Conv2D(_CLASSES, 1, bias_initializer=random)(x))
