# SPDX-License-Identifier: Apache-2.0
"""The casts of `FloatBoundary` layers, taken out of a file.

A pair FLOAT32 -> FLOAT64 -> FLOAT32 changes no value, whoever put it there.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer


def remove_boundaries(model: schema.ModelT) -> None:
    """Let the readers of such a pair read what it reads; a pair before an output stays."""
    for subgraph in model.subgraphs:
        _remove(model, subgraph)


def _remove(model: schema.ModelT, subgraph: schema.SubGraphT) -> None:
    producers = flatbuffer.producers(subgraph)
    outputs = set(flatbuffer.indices(subgraph.outputs))
    replaced = {
        result: given
        for operator in flatbuffer.operators(subgraph)
        if (given := _origin(model, subgraph, producers, operator)) is not None
        and (result := flatbuffer.indices(operator.outputs)[0]) not in outputs
    }
    for operator in flatbuffer.operators(subgraph):
        inputs = flatbuffer.indices(operator.inputs)
        operator.inputs = np.array([replaced.get(each, each) for each in inputs], np.int32)
    for result in replaced:
        subgraph.operators.remove(producers[result])
    _remove_unread(model, subgraph, outputs)


def _origin(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    producers: dict[int, schema.OperatorT],
    operator: schema.OperatorT,
) -> int | None:
    """The tensor before a pair of casts whose second is this operator; None if it is none."""
    double = _cast(model, subgraph, operator, schema.TensorType.FLOAT64, schema.TensorType.FLOAT32)
    if double is None or double not in producers:
        return None
    return _cast(
        model, subgraph, producers[double], schema.TensorType.FLOAT32, schema.TensorType.FLOAT64
    )


def _cast(
    model: schema.ModelT,
    subgraph: schema.SubGraphT,
    operator: schema.OperatorT,
    before: int,
    after: int,
) -> int | None:
    """The input of a CAST from one type to another; None if the operator is none."""
    if flatbuffer.operator_name(model, operator) != "CAST":
        return None
    (given,), (result,) = flatbuffer.indices(operator.inputs), flatbuffer.indices(operator.outputs)
    types = subgraph.tensors[given].type, subgraph.tensors[result].type
    return given if types == (before, after) else None


def _remove_unread(model: schema.ModelT, subgraph: schema.SubGraphT, outputs: set[int]) -> None:
    """Remove the first casts of pairs, which nobody reads any more."""
    read = {each for one in subgraph.operators for each in flatbuffer.indices(one.inputs)} | outputs
    for operator in list(subgraph.operators):
        given = _cast(
            model, subgraph, operator, schema.TensorType.FLOAT32, schema.TensorType.FLOAT64
        )
        if given is not None and flatbuffer.indices(operator.outputs)[0] not in read:
            subgraph.operators.remove(operator)
