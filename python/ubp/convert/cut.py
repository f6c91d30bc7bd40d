"""Cut: one operator out of a model, as a .tflite file of its own, to be run or timed alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.convert import flatbuffer
from ubp.runtime.inputs import Shape

_SCHEMA_VERSION = 3


def cut_operator(
    model: schema.ModelT,
    subgraph: int,
    operator: int,
    shapes: Mapping[tuple[int, int], Shape] | None = None,
) -> bytes:
    """A .tflite file of one operator with its constants; its first input becomes the model's.

    Args:
        model: the whole network; stays as it is.
        subgraph, operator: where the operator is.
        shapes: of tensors, by subgraph and index, where they differ from those of the file.
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
            shape = (shapes or {}).get((subgraph, index))
            if shape is not None:
                tensor.shape, tensor.shapeSignature = np.array(shape, np.int32), None
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
