# SPDX-License-Identifier: Apache-2.0
"""Constants and shapes that a rewrite has left without a user, taken away.

That is the data of the tensors named, the operators that decoded it or computed a shape, and
nothing else: what had no user before stays.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import DECODERS

# Operators that go with their last user: they do nothing but compute their output.
_REMOVABLE = (*DECODERS, "SHAPE", "STRIDED_SLICE", "PACK", "ADD", "SUB", "MUL")


def remove_unused(model: schema.ModelT, tensors: Iterable[tuple[int, int]]) -> None:
    """Remove constants and shapes, given as (subgraph, tensor), that nothing uses any more.

    A tensor that an operator, its subgraph or a signature still uses stays as it is. Any other
    keeps its place and name; its data goes, and so do the operators that decoded or computed it,
    and what only those used.
    """
    buffers: set[int] = set()
    for subgraph, tensor in dict.fromkeys(tensors):
        buffers |= _remove(model, subgraph, tensor)
    _empty_buffers(model, buffers)


def _remove(model: schema.ModelT, subgraph_index: int, tensor: int) -> set[int]:
    """Remove a tensor's data, and what only that needs; returns the buffers that they had."""
    subgraph = model.subgraphs[subgraph_index]
    buffers, left = set(), [tensor]
    while left:
        index = left.pop()
        if _is_used(model, subgraph_index, index):
            continue
        producer = flatbuffer.producers(subgraph).get(index)
        if producer is None:
            buffers.add(subgraph.tensors[index].buffer)
            subgraph.tensors[index].buffer = flatbuffer.NO_BUFFER
            subgraph.tensors[index].sparsity = None
        elif flatbuffer.operator_name(model, producer) in _REMOVABLE:
            subgraph.operators.remove(producer)
            left += [each for each in flatbuffer.indices(producer.inputs) if each != -1]
    return buffers


def _is_used(model: schema.ModelT, subgraph_index: int, tensor: int) -> bool:
    """Whether an operator, the subgraph or a signature refers to a tensor."""
    subgraph = model.subgraphs[subgraph_index]
    used = set(flatbuffer.indices(subgraph.inputs)) | set(flatbuffer.indices(subgraph.outputs))
    for operator in flatbuffer.operators(subgraph):
        used.update(flatbuffer.indices(operator.inputs))
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == subgraph_index:
            maps = [*(signature.inputs or []), *(signature.outputs or [])]
            used.update(entry.tensorIndex for entry in maps)
    return tensor in used


def _empty_buffers(model: schema.ModelT, candidates: set[int]) -> None:
    """Empty those of some buffers that neither a tensor nor metadata refers to."""
    used = {tensor.buffer for subgraph in model.subgraphs for tensor in subgraph.tensors or []}
    used.update(entry.buffer for entry in model.metadata or [])
    used.update(flatbuffer.indices(model.metadataBuffer))
    for index in candidates - used:
        model.buffers[index].data = None
