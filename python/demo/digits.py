# SPDX-License-Identifier: Apache-2.0
"""Real input: scikit-learn's scans of handwritten digits, and a CNN that reads them.

The data set (Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI) comes with
scikit-learn: 1797 scans of 8 x 8 pixels. They are enlarged to 24 x 24, so that the layers have
feature maps of sizes that are usual in the later stages of image networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits as load_scans
from sklearn.model_selection import train_test_split

NUM_CLASSES = 10
IMAGE_SIZE = 24
_SCAN_MAX = 16.0
_TEST_SHARE = 0.25
_MOMENTUM = 0.9  # of batch normalisation: training has too few steps for the default, 0.99

# Output channels, kernel size and stride of each convolution.
_LAYERS = (
    (64, 3, 1),
    (128, 3, 2),
    (256, 1, 1),
    (128, 1, 1),
    (128, 3, 1),
    (256, 3, 2),
    (256, 1, 1),
    (256, 3, 1),
)


@dataclass(frozen=True)
class Images:
    """Scans and the digits they show.

    pixels: float32 [images, 24, 24, 1], from 0 to 1.
    labels: int64 [images], from 0 to 9.
    """

    pixels: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int | None) -> Images:
        """The first `count` images; all of them if it is None."""
        return Images(self.pixels[:count], self.labels[:count])


def load_digits(seed: int) -> tuple[Images, Images]:
    """The training and the test images, every digit in both in the same proportion."""
    scans = load_scans()
    pixels = (scans.images[..., np.newaxis] / _SCAN_MAX).astype(np.float32)
    resized = np.asarray(
        keras.ops.image.resize(pixels, (IMAGE_SIZE, IMAGE_SIZE), interpolation="bilinear")
    )
    train_x, test_x, train_y, test_y = train_test_split(
        resized, scans.target, test_size=_TEST_SHARE, random_state=seed, stratify=scans.target
    )
    return Images(train_x, train_y), Images(test_x, test_y)


def digits_network() -> keras.Model:
    """3x3 and 1x1 convolutions of 64 to 256 channels with batch normalisation; outputs logits."""
    inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1))
    features = inputs
    for channels, kernel, stride in _LAYERS:
        features = keras.layers.Conv2D(
            channels, kernel, strides=stride, padding="same", use_bias=False
        )(features)
        features = keras.layers.BatchNormalization(momentum=_MOMENTUM)(features)
        features = keras.layers.ReLU()(features)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, keras.layers.Dense(NUM_CLASSES)(pooled), name="digits")
