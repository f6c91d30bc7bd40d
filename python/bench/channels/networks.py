"""The networks of the benchmark, with random weights and trained on real images.

There are no trained weights to download: the networks are trained here, on the scans of digits of
`demo.digits`, enlarged. They are kept in a folder, as training takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from bench.harness.machine import package_version
from demo.digits import IMAGE_SIZE, NUM_CLASSES, Images, digits_network, load_digits
from demo.mobilenet import settle
from demo.training import train_dense

SEED = 0
_BATCH = 64
_MOMENTUM = 0.9  # of batch normalisation: training has too few steps for the defaults


@dataclass(frozen=True)
class Network:
    """One network.

    name: here, in tables and on the command line.
    make: builds it with random weights; outputs logits.
    size: height and width of its images in pixels; they have one channel.
    epochs: of training.
    """

    name: str
    make: Callable[[], keras.Model]
    size: int
    epochs: int


def _application(name: str, size: int) -> Callable[[], keras.Model]:
    def make() -> keras.Model:
        return getattr(keras.applications, name)(
            input_shape=(size, size, 1),
            weights=None,
            classes=NUM_CLASSES,
            classifier_activation=None,
        )

    return make


FULL = ("digits", "MobileNetV2", "ResNet50")
QUICK = ("digits",)
NETWORKS = {
    network.name: network
    for network in (
        Network("digits", digits_network, IMAGE_SIZE, epochs=8),
        Network("MobileNetV2", _application("MobileNetV2", 32), 32, epochs=12),
        Network("ResNet50", _application("ResNet50", 32), 32, epochs=8),
    )
}


def random_network(network: Network) -> keras.Model:
    """With random weights, and batch normalisation that fits them."""
    keras.utils.set_random_seed(SEED)
    model = network.make()
    settle(model, SEED)
    return model


def trained_network(network: Network, images: Images, folder: Path, epochs: int) -> keras.Model:
    """Trained on images; read from the folder if it was trained before."""
    versions = f"keras-{package_version('keras')}_tensorflow-{package_version('tensorflow')}"
    file = folder / f"{network.name}_{len(images)}-images_{epochs}-epochs_{versions}.keras"
    if file.is_file():
        return keras.models.load_model(file, compile=False)
    keras.utils.set_random_seed(SEED)
    model = network.make()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = _MOMENTUM
    train_dense(model, images, epochs, SEED)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"unfinished_{file.name}")
    model.save(unfinished)
    unfinished.replace(file)
    return model


def digits_of_size(size: int) -> tuple[Images, Images]:
    """The training and the test images, enlarged to size x size pixels."""
    train, test = (_resized(images, size) for images in load_digits(SEED))
    return train, test


def accuracy(model: keras.Model, images: Images) -> float:
    """The share of images that the network reads correctly."""
    batches = np.array_split(images.pixels, -(-len(images) // _BATCH))
    logits = [np.asarray(model(batch, training=False)) for batch in batches]
    return float(np.mean(np.concatenate(logits).argmax(axis=-1) == images.labels))


def _resized(images: Images, size: int) -> Images:
    if images.pixels.shape[1] == size:
        return images
    pixels = keras.ops.image.resize(images.pixels, (size, size), interpolation="bilinear")
    return Images(np.asarray(pixels), images.labels)
