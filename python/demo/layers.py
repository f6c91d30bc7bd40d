"""The latency of single layers: each is cut out of its network into a .tflite file of its own."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tqdm import tqdm

import ubp
from demo.measure import standard_interpreter
from ubp.convert import flatbuffer
from ubp.convert.find import Layer, find_layers
from ubp.runtime import benchmark

_SCHEMA_VERSION = 3
_TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Speedups:
    """What converting one layer, or a whole network, gains with one thread.

    label: of a layer: kernel, channels, and height x width of the output.
    times: how many times as fast as the dense one in XNNPACK, by the network's name; networks that
        keep the layer dense are left out.
    """

    label: str
    times: dict[str, float]


def time_layers(networks: dict[str, ubp.ConversionResult], rounds: int) -> list[Speedups]:
    """Time every layer that was converted in any of the networks, which have the same layers.

    Args:
        networks: by name.
        rounds: for each layer, see `ubp.runtime.benchmark`.
    """
    trees = {name: flatbuffer.parse(result.model, name) for name, result in networks.items()}
    first = next(iter(networks.values()))
    dense_tree = flatbuffer.parse(first.dense, "dense")
    found = find_layers(dense_tree)
    speedups = []
    for index, layer in enumerate(tqdm(found, f"  {'timing layers':<18}", unit="layer")):
        taken = {
            name: trees[name] for name, result in networks.items() if result.report[index].taken
        }
        if taken:
            speedups.append(_time_layer(layer, dense_tree, taken, rounds))
    return speedups


def _time_layer(
    layer: Layer, dense: schema.ModelT, converted: dict[str, schema.ModelT], rounds: int
) -> Speedups:
    baseline = standard_interpreter(cut_operator(dense, layer.subgraph, layer.operator))
    interpreters: dict[str, Any] = {"dense": baseline}
    for name, tree in converted.items():
        interpreters[name] = ubp.Interpreter(cut_operator(tree, layer.subgraph, layer.operator))
    timed = benchmark(interpreters, rounds, progress=False)
    times = {name: timed.speedup(name, "dense") for name in converted}
    (output,) = baseline.get_output_details()
    _, height, width, _ = output["shape"]
    return Speedups(f"{layer_label(layer)}, {height}{_TIMES}{width}", times)


def layer_label(layer: Layer) -> str:
    """Kernel and channels of a convolution."""
    channels, height, width, in_channels = layer.shape
    return f"{height}{_TIMES}{width}, {in_channels} \N{RIGHTWARDS ARROW} {channels}"


def cut_operator(model: schema.ModelT, subgraph: int, operator: int) -> bytes:
    """A .tflite file of one operator with its constants; its first input becomes the model's.

    Args:
        model: the whole network; stays as it is.
        subgraph, operator: where the operator is.
    """
    source = model.subgraphs[subgraph]
    original = source.operators[operator]
    single = copy.copy(original)
    single.opcodeIndex = 0
    single.inputs, single.outputs = (
        flatbuffer.indices(original.inputs),
        flatbuffer.indices(original.outputs),
    )
    tensors: list[schema.TensorT] = []
    buffers = [schema.BufferT()]
    for indices in (single.inputs, single.outputs):
        for position, index in enumerate(indices):
            if index == -1:  # an optional input left out
                continue
            tensor = copy.copy(source.tensors[index])
            buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = len(buffers) - 1
            indices[position] = len(tensors)
            tensors.append(tensor)
    return flatbuffer.serialize(
        schema.ModelT(
            version=_SCHEMA_VERSION,
            operatorCodes=[model.operatorCodes[original.opcodeIndex]],
            subgraphs=[
                schema.SubGraphT(
                    tensors=tensors,
                    inputs=np.array(single.inputs[:1], np.int32),
                    outputs=np.array(single.outputs, np.int32),
                    operators=[single],
                )
            ],
            buffers=buffers,
        )
    )
