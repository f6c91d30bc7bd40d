# SPDX-License-Identifier: Apache-2.0
"""LiteRT's CompiledModel, arrays in and arrays out; and models to run in it."""

from __future__ import annotations

from typing import Any

import numpy as np

import ubp
from fuzz.builder import ModelBuilder

Array = np.ndarray[Any, np.dtype[Any]]


def infer(model: Any, *inputs: Array) -> list[Array]:
    """All outputs of a CompiledModel's first signature; inputs get the shapes of the arrays."""
    (signature, *_) = model.get_signature_list()
    details = model.get_input_tensor_details(signature).values()
    for index, (detail, value) in enumerate(zip(details, inputs, strict=True)):
        if tuple(detail["shape"]) != value.shape:
            model.resize_input_tensor(index, value.shape, strict=False)
    into, out_of = model.create_input_buffers(0), model.create_output_buffers(0)
    for buffer, value in zip(into, inputs, strict=True):
        buffer.write(value)
    model.run_by_index(0, into, out_of)
    results = []
    for buffer, detail in zip(
        out_of, model.get_output_tensor_details(signature).values(), strict=True
    ):
        shape = tuple(detail["shape"])
        results.append(buffer.read(int(np.prod(shape)), np.dtype(detail["dtype"])).reshape(shape))
    return results


def pruned_stack(seed: int = 0) -> bytes:
    """An ordinary file of [1, 16, 16, 64] -> [1, 16, 16, 64]: three 1x1 convolutions, 80% zeros."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 16, 16, 64])
    for layer in range(3):
        kept = np.repeat(rng.random((16, 1, 1, 64)) < 0.2, 4, 0)
        weights = (rng.normal(size=(64, 1, 1, 64)) * kept / 4).astype(np.float32)
        bias = graph.constant(rng.normal(size=64).astype(np.float32), f"b{layer}")
        x = graph.conv(x, graph.constant(weights, f"w{layer}"), bias)
    graph.output(x)
    return model.build()


def converted_stack(seed: int = 0) -> bytes:
    """The same, converted."""
    return ubp.convert(pruned_stack(seed), min_speedup=0).model
