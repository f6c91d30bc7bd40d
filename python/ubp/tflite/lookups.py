# SPDX-License-Identifier: Apache-2.0
"""Lookups: how large the integers may be that a model takes, where they look something up.

An input of word numbers goes, mostly through reshapes and casts, into a GATHER or an
EMBEDDING_LOOKUP; a number beyond the table's rows is an error when the model runs.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import shape_of

_SAME_VALUES = (
    "CAST",
    "CONCATENATION",
    "EXPAND_DIMS",
    "PACK",
    "RESHAPE",
    "SLICE",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
)


def index_bounds(model: schema.ModelT, subgraph: int = 0) -> dict[int, int]:
    """For each input of a subgraph that is an index, by its tensor, the least value too large."""
    graph = model.subgraphs[subgraph]
    sources: dict[int, set[int]] = {
        index: {index} for index in flatbuffer.indices(graph.inputs) if index != -1
    }
    bounds: dict[int, int] = {}
    for operator in flatbuffer.operators(graph):
        op = flatbuffer.operator_name(model, operator)
        inputs = flatbuffer.indices(operator.inputs)
        if op in _SAME_VALUES:
            found = set().union(*(sources.get(index, set()) for index in inputs))
            for output in flatbuffer.indices(operator.outputs):
                sources[output] = found
        index, rows = _lookup(graph, operator, op, inputs)
        for source in sources.get(index, set()):
            bounds[source] = min(rows, bounds.get(source, rows))
    return bounds


def _lookup(
    graph: schema.SubGraphT, operator: schema.OperatorT, op: str, inputs: list[int]
) -> tuple[int, int]:
    """The tensor of indices that an operator looks up, and in how many rows; (-1, 0) if none."""
    if len(inputs) < 2 or -1 in inputs[:2] or op not in ("GATHER", "EMBEDDING_LOOKUP"):
        return -1, 0
    table, index = inputs[:2] if op == "GATHER" else inputs[1::-1]
    axis = getattr(operator.builtinOptions, "axis", 0) if op == "GATHER" else 0
    shape = shape_of(graph.tensors[table])
    return (index, shape[axis]) if -len(shape) <= axis < len(shape) else (-1, 0)
