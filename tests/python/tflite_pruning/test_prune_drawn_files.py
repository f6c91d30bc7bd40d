# SPDX-License-Identifier: Apache-2.0
"""ubp.prune_tflite on drawn models: what comes out runs, and has at least the zeros asked for."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import ubp
from fuzz.generate import generate
from ubp.tflite import flatbuffer

REFUSED = (
    "the model has no layer to prune",
    "the model's inputs do not have a batch",
    "inputs has values that are NaN or infinite",  # of a layer behind a PADV2 by infinity
)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_drawn_models(first: int) -> None:
    pruned = 0
    for index in range(first, first + 20):
        model = generate(23, index).model
        graph = flatbuffer.parse(model, "model").subgraphs[0]
        shapes = [
            flatbuffer.indices(graph.tensors[each].shape)
            for each in flatbuffer.indices(graph.inputs)
        ]
        count = 12 * max(shape[0] for shape in shapes)
        rng = np.random.default_rng(index)
        inputs = [rng.normal(size=(count, *shape[1:])).astype(np.float32) for shape in shapes]
        try:
            result = ubp.prune_tflite(
                model, tuple(inputs), 0.5, block_size=2, samples=count, progress=False
            )
        except ValueError as error:
            assert str(error).startswith(REFUSED)  # noqa: PT017
            continue
        pruned += 1
        for layer in result.layers:
            if layer.pruned:
                lanes, channels = int(np.prod(layer.shape[1:])), layer.shape[0]
                wanted = min(round(0.5 * lanes * channels / 2), lanes * (channels // 2)) * 2
                # Weights that were zero may stay so where the data says nothing of them.
                assert round(layer.kept * lanes * channels) <= wanted
        interpreter = Interpreter(model_content=result.model)
        interpreter.allocate_tensors()
        interpreter.invoke()
    assert pruned > 0
