# SPDX-License-Identifier: Apache-2.0
"""The networks, with random weights and trained on real images, and what permuting makes of them.

There are no trained weights to download: the networks are trained here, on the scans of digits of
`demo.digits`, enlarged. They are kept in a folder, as training takes minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import keras
import numpy as np

import ubp
from bench.harness.cache import replacing
from bench.harness.machine import package_version
from bench.harness.networks import settle
from bench.harness.statistics import take_turns
from bench.permutation.report import METHODS, LayerResult, NetworkResult, SpeedResult
from demo.digits import IMAGE_SIZE, NUM_CLASSES, Images, digits_network, load_digits
from demo.training import train_dense
from ubp.pruning import PermutationReport
from ubp.selection.order.channel_order import order_channels

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
    with replacing(file) as unfinished:
        model.save(unfinished)
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


# ---- permuting -----------------------------------------------------------------------------------


def measure_network(
    name: str,
    model: keras.Model,
    test: Images | None,
    block_size: int,
    sparsity: float,
    search_rounds: int,
    after_method: Callable[[], None],
) -> NetworkResult:
    """Permute one network by every method.

    Args:
        name: of the network.
        model: with trained or random weights.
        test: images that its accuracy is measured on; None for random weights.
        block_size, sparsity: of the blocks that are counted.
        search_rounds: of the hill climb.
        after_method: called after each method.
    """
    reports: dict[str, PermutationReport] = {}
    seconds: dict[str, float] = {}
    accuracies: dict[str, float] = {}
    for method in METHODS:
        begin = time.perf_counter()
        permuted, reports[method] = ubp.permute_channels(
            model, block_size, sparsity, method, rounds=search_rounds, seed=SEED
        )
        seconds[method] = time.perf_counter() - begin
        if test is not None:
            accuracies[method] = accuracy(permuted, test)
        after_method()
    return NetworkResult(
        network=name,
        trained=test is not None,
        accuracy=None if test is None else accuracy(model, test),
        accuracy_after=None if test is None else accuracies,
        difference={method: report.max_difference for method, report in reports.items()},
        seconds=seconds,
        layers=_layers(model, reports),
    )


def measure_speed(
    lanes: int, channels: int, block_size: int, sparsity: float, rounds: int
) -> SpeedResult:
    """The time that it takes to find the order of one layer of random weights."""
    weights = np.random.default_rng(SEED).standard_normal((lanes, channels))
    importance = np.abs(weights).astype(np.float32)

    def seconds(method: str) -> float:
        begin = time.perf_counter()
        order_channels([importance], block_size, sparsity, method)
        return time.perf_counter() - begin

    times = take_turns({method: partial(seconds, method) for method in METHODS}, rounds)
    medians = {method: median(values) for method, values in times.items()}
    return SpeedResult(lanes, channels, medians)


def _layers(model: keras.Model, reports: dict[str, PermutationReport]) -> list[LayerResult]:
    kept = {
        method: {layer.name: layer for group in report.groups for layer in group.layers}
        for method, report in reports.items()
    }
    moved = {
        layer.name
        for report in reports.values()
        for group in report.groups
        if group.permuted
        for layer in group.layers
    }
    results = []
    for name, first in kept[METHODS[0]].items():
        if name not in moved:
            continue
        layer = model.get_layer(name)
        shape = layer.kernel.shape
        results.append(
            LayerResult(
                name=name,
                kernel="x".join(map(str, shape[:-2])) or "dense",
                lanes=int(np.prod(shape[:-1])),
                channels=shape[-1],
                total=first.total,
                before=first.before,
                after={method: kept[method][name].after for method in METHODS},
            )
        )
    return results
