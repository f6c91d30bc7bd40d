"""Release: take away what the rewrite has left without a user.

That is the data of dense weights, the operators that decoded it, and nothing else: what had no user
before stays.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_edge_litert import schema_py_generated as schema

from ubp.convert import flatbuffer
from ubp.convert.constants import DECODERS


def release_tensors(model: schema.ModelT, tensors: Iterable[tuple[int, int]]) -> None:
    """Release constants, given as (subgraph, tensor), that an operator of ours stands for now.

    A tensor that an operator, its subgraph or a signature still uses keeps its data. Any other
    keeps its place and name; its data goes, and so does the operator that decoded it.
    """
    buffers: set[int] = set()
    for subgraph, tensor in dict.fromkeys(tensors):
        buffers |= _release(model, subgraph, tensor)
    _empty_buffers(model, buffers)


def _release(model: schema.ModelT, subgraph_index: int, tensor: int) -> set[int]:
    """Release one tensor; returns the buffer that it had."""
    if _is_used(model, subgraph_index, tensor):
        return set()
    subgraph = model.subgraphs[subgraph_index]
    producer = flatbuffer.producers(subgraph).get(tensor)
    if producer is not None:
        if flatbuffer.operator_name(model, producer) not in DECODERS:
            return set()
        subgraph.operators.remove(producer)
        return _release(model, subgraph_index, flatbuffer.indices(producer.inputs)[0])
    buffer = subgraph.tensors[tensor].buffer
    subgraph.tensors[tensor].buffer = flatbuffer.NO_BUFFER
    subgraph.tensors[tensor].sparsity = None
    return {buffer}


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


def _empty_buffers(model: schema.ModelT, released: set[int]) -> None:
    """Empty those of the released buffers that neither a tensor nor metadata refers to."""
    used = {tensor.buffer for subgraph in model.subgraphs for tensor in subgraph.tensors or []}
    used.update(entry.buffer for entry in model.metadata or [])
    used.update(flatbuffer.indices(model.metadataBuffer))
    for index in released - used:
        model.buffers[index].data = None
