# SPDX-License-Identifier: Apache-2.0
"""Parts: some operators of a graph as a model of its own, from tensors that are known to others.

A part has only what its operators use, so that one of a large model is a small file.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence, Set

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer

_BARE = 0  # the schema's number of no fused activation


def operators_between(
    subgraph: schema.SubGraphT, known: Collection[int], wanted: Iterable[int]
) -> list[int]:
    """The operators that compute some tensors, where others are known, in the order of the file."""
    missing, found = set(wanted) - set(known), []
    for position in range(len(flatbuffer.operators(subgraph)) - 1, -1, -1):
        operator = subgraph.operators[position]
        if missing.isdisjoint(flatbuffer.indices(operator.outputs)):
            continue
        found.append(position)
        missing.difference_update(flatbuffer.indices(operator.outputs))
        missing.update(set(flatbuffer.indices(operator.inputs)) - set(known) - {-1})
    return found[::-1]


def live_tensors(
    subgraph: schema.SubGraphT, at: int, wanted: Collection[int], varying: Set[int]
) -> list[int]:
    """What has to be known before operator `at` to compute the operators `wanted` from there on.

    Args:
        subgraph: where they are.
        at: position of an operator.
        wanted: positions of operators.
        varying: the subgraph's `varying_tensors`.

    Returns:
        Tensors that vary with the inputs, in rising order.
    """
    inputs = {
        tensor
        for position in wanted
        if position >= at
        for tensor in flatbuffer.indices(subgraph.operators[position].inputs)
    }
    before = {
        tensor
        for operator in flatbuffer.operators(subgraph)[:at]
        for tensor in flatbuffer.indices(operator.outputs)
    } | set(flatbuffer.indices(subgraph.inputs))
    used = set(inputs)
    for position in operators_between(subgraph, before, inputs):
        used.update(flatbuffer.indices(subgraph.operators[position].inputs))
    return sorted(used & before & varying)


def feeding_operators(subgraph: schema.SubGraphT, positions: Collection[int]) -> set[int]:
    """The operators whose outputs go, directly or through others, into some at `positions`."""
    wanted: set[int] = set()
    found = set()
    for position in range(len(flatbuffer.operators(subgraph)) - 1, -1, -1):
        operator = subgraph.operators[position]
        feeds = not wanted.isdisjoint(flatbuffer.indices(operator.outputs))
        if feeds:
            found.add(position)
        if feeds or position in positions:
            wanted.update(set(flatbuffer.indices(operator.inputs)) - {-1})
    return found


def varying_tensors(subgraph: schema.SubGraphT) -> set[int]:
    """The tensors that follow from the graph's inputs, unlike constants and what they give."""
    varying = set(flatbuffer.indices(subgraph.inputs))
    for operator in flatbuffer.operators(subgraph):
        if not varying.isdisjoint(flatbuffer.indices(operator.inputs)):
            varying.update(flatbuffer.indices(operator.outputs))
    return varying


def part_of(
    model: schema.ModelT,
    subgraph: int,
    known: Sequence[int],
    wanted: Sequence[int],
    bare: Collection[int] = (),
) -> bytes:
    """A .tflite file that computes some tensors of a subgraph, given others.

    Args:
        model: the whole; stays as it is.
        subgraph: where the tensors are.
        known: the part's inputs, in this order.
        wanted: its outputs; none of those that are known.
        bare: positions of operators that are to lose their fused activation.

    Raises:
        ValueError: if the file would exceed 2 GB.
    """
    source = model.subgraphs[subgraph]
    positions = operators_between(source, known, wanted)
    numbers: dict[int, int] = {}  # of the tensors in the part
    for index in (*known, *wanted):
        numbers.setdefault(index, len(numbers))
    operators = []
    for position in positions:
        operator = copy.copy(source.operators[position])
        if position in bare:
            operator.builtinOptions = copy.copy(operator.builtinOptions)
            operator.builtinOptions.fusedActivationFunction = _BARE
        operator.inputs = _renumbered(operator.inputs, numbers)
        operator.outputs = _renumbered(operator.outputs, numbers)
        operator.intermediates = _renumbered(operator.intermediates, numbers)
        operators.append(operator)
    tensors = [copy.copy(source.tensors[index]) for index in numbers]
    others = model.subgraphs[1:]  # an operator may run them
    buffers = [schema.BufferT()]
    if others:  # whose tensors have the numbers that buffers have in the whole
        kept = {each.buffer for graph in [*others, source] for each in graph.tensors or []}
        buffers = [
            buffer if index in kept else buffers[0] for index, buffer in enumerate(model.buffers)
        ]
    else:
        for tensor in tensors:
            if model.buffers[tensor.buffer].data is None:
                tensor.buffer = 0
                continue
            buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = len(buffers) - 1
    part = schema.SubGraphT(
        tensors=tensors,
        inputs=np.array([numbers[index] for index in known], np.int32),
        outputs=np.array([numbers[index] for index in wanted], np.int32),
        operators=operators,
        name=source.name,
    )
    return flatbuffer.serialize(
        schema.ModelT(
            version=model.version,
            operatorCodes=model.operatorCodes,
            subgraphs=[part, *others],
            buffers=buffers,
        )
    )


def _renumbered(tensors: Iterable[int] | None, numbers: dict[int, int]) -> npt.NDArray[np.int32]:
    """Tensors of the whole by their numbers in a part, which new ones get."""
    found = [
        -1 if index == -1 else numbers.setdefault(index, len(numbers))
        for index in flatbuffer.indices(tensors)
    ]
    return np.array(found, np.int32)
