# SPDX-License-Identifier: Apache-2.0
"""The layers of a Keras model that get schemes, with their weights and their times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from ubp.costs import LayerShape
from ubp.format import BLOCK_SIZES
from ubp.lanes import input_channels, to_lanes
from ubp.latency import LatencyModel, MeasuredLayer
from ubp.masking.patterns import Unstructured
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.schedules import ConstantSparsity
from ubp.pruning.layers.choice import Policy, choose_layers
from ubp.pruning.layers.prunable import PrunableWeight, prunable_weights

DEFAULT_SIZES = (1, 2, 4, 8)  # N, where the latency model does not say which were measured
_ANY = PruningSettings(ConstantSparsity(0.0), Unstructured())  # of which nothing counts
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose)


@dataclass(frozen=True, eq=False)
class MappedKernel:
    """A layer that gets a scheme.

    name: of the Keras layer.
    layer: the same.
    weights: float32 [lanes, channels].
    tensor: the name of its weights tensor in the .tflite file; "" where it is not known.
    is_one_pixel: whether each weight is used once in an inference.
    dense_us: the time of the dense layer, in microseconds or the unit of the latency model.
    sizes: N that it may have.
    us: its time with blocks of N, and how many of them.
    """

    name: str
    layer: keras.layers.Layer
    weights: npt.NDArray[np.float32]
    tensor: str
    is_one_pixel: bool
    dense_us: float
    sizes: tuple[int, ...]
    us: Callable[[int, int], float]


@dataclass(frozen=True)
class MappedModel:
    """A model's kernels, and the time of all that has no choice.

    kernels: in the order of the model.
    left: why other layers that were to be mapped stay dense, by name.
    fixed_us: of what is no kernel here, where some kernel is sparse.
    dense_us: of the whole, where none is.
    """

    kernels: tuple[MappedKernel, ...]
    left: dict[str, str]
    fixed_us: float
    dense_us: float


def mapped_model(
    model: keras.Model,
    latency: LatencyModel,
    policy: Policy,
    block_sizes: Sequence[int] | None,
) -> MappedModel:
    """What of a model there is to map.

    Args:
        model: built.
        latency: of it, if it was measured in place; or of any layer by its shape.
        policy: the layers to map, as `ubp.prune` takes them.
        block_sizes: N; None: those that were measured.

    Raises:
        TypeError, ValueError: as of `ubp.prune`; or if the times of no layer are known.
    """
    kernels: list[MappedKernel] = []
    left: dict[str, str] = {}
    for choice in choose_layers(model, _ANY, policy):
        found = _kernel(choice.layer, latency, block_sizes)
        if isinstance(found, str):
            left[choice.layer.name] = found
        else:
            kernels.append(found)
    if not kernels:
        name, reason = next(iter(left.items()))
        raise ValueError(
            f"map_schemes: the times of no layer of '{model.name}' are known; for example '{name}':"
            f" {reason}. Measure the model with 'ubp profile'."
        )
    total = sum(kernel.dense_us for kernel in kernels)
    if latency.network is None:
        return MappedModel(tuple(kernels), left, 0.0, total)
    others = sum(layer.dense_us for layer in latency.network.layers) - total
    fixed = latency.network.fixed_us + max(others, 0.0)
    return MappedModel(tuple(kernels), left, fixed, latency.network.dense_us)


def _kernel(
    layer: keras.layers.Layer, latency: LatencyModel, block_sizes: Sequence[int] | None
) -> MappedKernel | str:
    """A layer with its times; or why it has none."""
    weights = prunable_weights(layer)
    if len(weights) != 1:
        return f"it has {len(weights)} kernels, not one"
    matrix = to_lanes(np.asarray(weights[0].variable.numpy(), np.float32), weights[0].channel_axis)
    channels = matrix.shape[1]
    if latency.network is None:
        shape = _shape(layer, weights[0])
        if isinstance(shape, str):
            return shape
        sizes = _sizes(block_sizes or DEFAULT_SIZES, channels)
        return MappedKernel(
            layer.name,
            layer,
            matrix,
            "",
            shape.is_one_pixel,
            latency.dense(shape),
            sizes,
            lambda n, blocks: latency.sparse(shape, n, blocks),
        )
    measured = _measured(layer.name, matrix.shape, latency)
    if measured is None:
        return f"the latency model of {latency.network.model} has no such layer"
    known = [n for n in measured.sparse if block_sizes is None or n in block_sizes]
    if not known:
        sizes_known = ", ".join(map(str, measured.sparse))
        return f"it was measured with blocks of {sizes_known} only"
    return MappedKernel(
        layer.name,
        layer,
        matrix,
        measured.tensor,
        measured.shape.is_one_pixel,
        measured.dense_us,
        _sizes(known, channels),
        lambda n, blocks: measured.us((n, blocks)),
    )


def _sizes(block_sizes: Sequence[int], channels: int) -> tuple[int, ...]:
    """Those that fit the channels."""
    return tuple(n for n in block_sizes if n <= channels) or (
        max(n for n in BLOCK_SIZES if n <= channels),
    )


def _measured(name: str, matrix: tuple[int, ...], latency: LatencyModel) -> MeasuredLayer | None:
    """The layer of that name; or whose weights tensor has it as a part of its path."""
    assert latency.network is not None
    for layer in latency.network.layers:
        parts = [part for path in layer.tensor.split(";") for part in path.split("/")]
        fits = (layer.shape.lanes, layer.shape.channels) == matrix
        if fits and (name == layer.name or (layer.name == layer.tensor and name in parts)):
            return layer
    return None


def _shape(layer: keras.layers.Layer, weight: PrunableWeight) -> LayerShape | str:
    """What the time of a layer depends on; or why it is not known."""
    if isinstance(layer, _TRANSPOSED):
        return "a transposed convolution has to be measured in place"
    try:
        sizes = [tuple(tensor.shape) for tensor in (layer.input, layer.output)]
    except (AttributeError, ValueError):
        return "the size of its input is known in functional and Sequential models only"
    pixels = []
    for size in sizes:
        positions = list(size[1:])
        del positions[0 if getattr(layer, "data_format", None) == "channels_first" else -1]
        if None in positions:
            return "the size of its input is open"
        pixels.append(float(math.prod(positions)))
    shape, axis = tuple(weight.variable.shape), weight.channel_axis
    channels, count = shape[axis], math.prod(shape)
    lanes, in_channels = count // channels, input_channels(shape, axis)
    return LayerShape(lanes, channels, in_channels, pixels[0], pixels[1], count)
