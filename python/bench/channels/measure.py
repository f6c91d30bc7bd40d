"""Permutes networks by every method, and takes the time of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import keras
import numpy as np

import ubp
from bench.channels.networks import SEED, accuracy
from bench.channels.report import METHODS, LayerResult, NetworkResult, SpeedResult
from demo.digits import Images
from ubp.pruning import PermutationReport
from ubp.selection.order.channel_order import order_channels


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
    seconds = {}
    for method in METHODS:
        times = []
        for _ in range(rounds):
            begin = time.perf_counter()
            order_channels([importance], block_size, sparsity, method)
            times.append(time.perf_counter() - begin)
        seconds[method] = median(times)
    return SpeedResult(lanes, channels, seconds)


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
