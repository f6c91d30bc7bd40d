# SPDX-License-Identifier: Apache-2.0
"""The latency of single layers: each is cut out of its network into a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

import ubp
from demo.measure import standard_interpreter
from ubp.conversion.find import Layer, find_layers
from ubp.progress import ProgressBar
from ubp.tflite import flatbuffer
from ubp.tflite.single_operator import extract_operator
from ubp.timing import benchmark

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
        rounds: for each layer, see `ubp.benchmark`.
    """
    trees = {name: flatbuffer.parse(result.model, name) for name, result in networks.items()}
    first = next(iter(networks.values()))
    dense_tree = flatbuffer.parse(first.dense, "dense")
    found = find_layers(dense_tree)
    speedups = []
    for index, layer in enumerate(ProgressBar(found, f"  {'timing layers':<18}", unit="layer")):
        taken = {
            name: trees[name] for name, result in networks.items() if result.report[index].taken
        }
        if taken:
            speedups.append(_time_layer(layer, dense_tree, taken, rounds))
    return speedups


def _time_layer(
    layer: Layer, dense: schema.ModelT, converted: dict[str, schema.ModelT], rounds: int
) -> Speedups:
    baseline = standard_interpreter(extract_operator(dense, layer.subgraph, layer.operator))
    interpreters: dict[str, Any] = {"dense": baseline}
    for name, tree in converted.items():
        interpreters[name] = ubp.Interpreter(extract_operator(tree, layer.subgraph, layer.operator))
    timed = benchmark(interpreters, rounds, progress=False)
    times = {name: timed.speedup(name, "dense") for name in converted}
    (output,) = baseline.get_output_details()
    _, height, width, _ = output["shape"]
    return Speedups(f"{layer_label(layer)}, {height}{_TIMES}{width}", times)


def layer_label(layer: Layer) -> str:
    """Kernel and channels of a convolution."""
    channels, height, width, in_channels = layer.shape
    return f"{height}{_TIMES}{width}, {in_channels} \N{RIGHTWARDS ARROW} {channels}"
