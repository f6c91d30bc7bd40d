# SPDX-License-Identifier: Apache-2.0
"""First layers: whether what they make of the samples speaks of the wrong preprocessing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ubp.data import Samples
from ubp.data.suspicions import scale_suspicion
from ubp.tflite_pruning.activations import Activations
from ubp.tflite_pruning.layers import FileLayer, Graph

_PICTURES = 32


def suspicions_of(
    graph: Graph, layers: Sequence[FileLayer], samples: Samples, threads: int
) -> list[str]:
    """What speaks against samples, in sentences: at most one for each input of the graph.

    Looked at are the layers that no other layer with weights comes before.

    Args:
        graph: the dense one.
        layers: of it, in its order.
        samples: of which some are enough.
        threads: of the interpreter.
    """
    first = [layer for layer in layers if layer.refit and _is_first(graph, layer, layers)]
    some = samples.first(_PICTURES)
    found = []
    for layer in first[: len(samples.inputs)]:
        position = layer.operators[0]
        view = graph.view(position)
        if view.inputs.bias == -1:
            continue
        activations = Activations(graph.model, graph.model, graph.index, some, [position], threads)
        outputs = [y.reshape(-1, y.shape[-1]) for _, y in activations.of(position)]
        bias = view.constant(view.inputs.bias, "bias").astype(np.float64)
        found.append(scale_suspicion(layer.name, np.concatenate(outputs), bias))
    return [text for text in found if text is not None]


def _is_first(graph: Graph, layer: FileLayer, layers: Sequence[FileLayer]) -> bool:
    others = {each for other in layers for each in other.operators} - set(layer.operators)
    return others.isdisjoint(graph.before(layer.operators[0]))
