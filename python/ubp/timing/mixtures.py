# SPDX-License-Identifier: Apache-2.0
"""Mixtures: files of one network, in each of which its layers have other blocks.

What `measure_network` runs. No clock is read here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ubp.conversion.converter import convert
from ubp.conversion.decide import shape_of
from ubp.conversion.find import Layer, find_layers
from ubp.conversion.load.loader import load_named
from ubp.conversion.open_sizes import resolve_shapes
from ubp.costs import LayerShape
from ubp.format import BLOCK_SIZES, ValueType
from ubp.lanes import from_lanes
from ubp.latency.network import Setting
from ubp.selection import max_num_blocks, select_blocks
from ubp.tflite import flatbuffer

_MOSTLY_DENSE = (0.25, 0.5, 0.75)  # shares of dense layers of the files beside those
_HELD_OUT_DENSITIES = (0.03, 0.5)
_DENSE_SHARE = 0.15  # of the layers of a random mixture
_OPS = ("CONV_2D", "FULLY_CONNECTED")

Mixture = tuple[Setting, ...]  # of each layer


@dataclass(frozen=True)
class Subject:
    """The dense network, and its layers that are varied.

    data: of its .tflite file.
    layers: as found in it.
    shapes: of these layers.
    names: of these layers, for users.
    tensors: shapes of tensors, where the file leaves sizes open.
    inputs: shapes of the inputs, where it does.
    """

    data: bytes
    source: str
    layers: tuple[Layer, ...]
    shapes: tuple[LayerShape, ...]
    names: tuple[str, ...]
    tensors: Mapping[tuple[int, int], tuple[int, ...]]
    inputs: Sequence[tuple[int, ...]] | None


def find_subject(model: Any, shapes: Sequence[tuple[int, ...]] | None) -> Subject:
    """The network as a file, and what of it is varied."""
    data, source, names_of = load_named(model, shapes)
    tree = flatbuffer.parse(data, source)
    resolved = resolve_shapes(data, source, shapes)
    found = [layer for layer in find_layers(tree, resolved.tensors) if layer.subgraph == 0]
    first = next((each for each in found if each.op == "CONV_2D"), None)
    ends = (first, found[-1] if found else None)
    listed = [layer.name for layer in found]
    layers = [
        layer
        for layer in found
        if not any(layer is end for end in ends) and listed.count(layer.name) == 1
        if layer.op in _OPS and _is_plain(layer)
    ]
    if not layers:
        raise ValueError(
            f"{source}: has no layer to measure; expected convolutions or fully-connected layers "
            "with float32 weights, not counting the first convolution and the last layer."
        )
    names = names_of([(each.name, each.candidate.weights) for each in layers if each.candidate])
    return Subject(
        data,
        source,
        tuple(layers),
        tuple(shape_of(layer.candidate) for layer in layers if layer.candidate is not None),
        tuple(names.get(layer.name, layer.name) for layer in layers),
        resolved.tensors,
        shapes or resolved.inputs.get(0) or None,
    )


def _is_plain(layer: Layer) -> bool:
    """Whether the file has the layer's weights as float32, of which others can take the place."""
    candidate = layer.candidate
    return (
        candidate is not None
        and candidate.stored_as == ValueType.F32
        and layer.stored_bytes == 4 * candidate.weights.size
    )


def permuted(
    subject: Subject,
    block_sizes: Sequence[int],
    densities: Sequence[float],
    rng: np.random.Generator,
) -> list[Mixture]:
    """In each file something else for every layer, and over all files everything once.

    In some more files more layers are dense: so they are in mappings for much time.
    """
    choices: list[tuple[int, float] | None] = [*product(block_sizes, densities), None]
    orders = [rng.permutation(len(choices)) for _ in subject.layers]
    files = [
        tuple(
            _setting(shape, choices[order[file]], block_sizes)
            for shape, order in zip(subject.shapes, orders, strict=True)
        )
        for file in range(len(choices))
    ]
    for share in _MOSTLY_DENSE:
        mixture = []
        for shape in subject.shapes:
            pair = choices[rng.integers(len(choices) - 1)]
            is_dense = rng.random() < share
            mixture.append(_setting(shape, None if is_dense else pair, block_sizes))
        files.append(tuple(mixture))
    return files


def mixed(
    subject: Subject, block_sizes: Sequence[int], count: int, rng: np.random.Generator
) -> list[Mixture]:
    """Mixtures, each sparser or denser as a whole than others."""
    mixtures = []
    for _ in range(count):
        middle = rng.uniform(*np.log(_HELD_OUT_DENSITIES))
        mixture = []
        for shape in subject.shapes:
            density = float(np.exp(np.clip(middle + rng.normal(0, 0.5), *np.log([0.02, 0.6]))))
            pair = (int(rng.choice(list(block_sizes))), density)
            is_dense = rng.random() < _DENSE_SHARE
            mixture.append(_setting(shape, None if is_dense else pair, block_sizes))
        mixtures.append(tuple(mixture))
    return mixtures


def sizes_of(shape: LayerShape, block_sizes: Sequence[int]) -> list[int]:
    """Those N that fit the channels; or else the largest there is that does."""
    fitting = [n for n in block_sizes if n <= shape.channels]
    return fitting or [max(n for n in BLOCK_SIZES if n <= shape.channels)]


def _setting(
    shape: LayerShape, pair: tuple[int, float] | None, block_sizes: Sequence[int]
) -> Setting:
    """Of a pair of N and density the number of blocks that comes nearest."""
    if pair is None:
        return None
    sizes = sizes_of(shape, block_sizes)
    n = max((n for n in sizes if n <= pair[0]), default=min(sizes))
    wanted = round(pair[1] * shape.lanes * shape.channels / n)
    return n, int(np.clip(wanted, 1, max_num_blocks((shape.lanes, shape.channels), n)))


def converted(subject: Subject, settings: Sequence[Setting]) -> bytes:
    """The file in which every layer has these blocks."""
    tree = flatbuffer.parse(subject.data, subject.source)
    sizes: dict[str, int | None] = {}
    for layer, setting in zip(subject.layers, settings, strict=True):
        sizes[layer.name] = None if setting is None else setting[0]
        candidate = layer.candidate
        if setting is None or candidate is None:
            continue
        chosen = select_blocks(np.abs(candidate.weights), setting[0], num_blocks=setting[1])
        weights = np.where(chosen.mask(), candidate.weights, np.float32(0.0))
        values = np.ascontiguousarray(from_lanes(weights, layer.shape, 0), "<f4")
        tree.buffers[layer.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    return convert(flatbuffer.serialize(tree), block_size=sizes, shapes=subject.inputs).model
