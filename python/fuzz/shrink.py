# SPDX-License-Identifier: Apache-2.0
"""A smaller case that fails alike: fewer runs and options, and a graph with fewer operators.

It works on the file, so that any case can be made smaller, whatever wrote it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

from ai_edge_litert import schema_py_generated as schema

from fuzz.case import Case, Run
from ubp.tflite import flatbuffer

Fails = Callable[[Case], bool]


def shrink(case: Case, fails: Fails, most: int = 80) -> Case:
    """Try at most so many smaller cases; `fails` says whether one still fails as the first did."""
    tried = 0
    progress = True
    while progress and tried < most:
        progress = False
        for smaller in candidates(case):
            tried += 1
            if fails(smaller):
                case, progress = smaller, True
                break
            if tried == most:
                break
    return case


def candidates(case: Case) -> Iterator[Case]:
    """Smaller ones, what saves most first."""
    if len(case.runs) > 1:
        for i in range(len(case.runs)):
            yield replace(case, runs=_without(case.runs, i))
    if case.convert is not None:
        yield replace(case, convert=None)
    tree = flatbuffer.parse(case.model, "case")
    yield from _cut(case, tree)
    for key in case.options.keys() - {"take"}:
        yield replace(case, options={k: v for k, v in case.options.items() if k != key})
    for i, run in enumerate(case.runs):
        if run.kind != "normal":
            changed = [*case.runs[:i], replace(run, kind="normal"), *case.runs[i + 1 :]]
            yield replace(case, runs=changed)


def _without(runs: list[Run], i: int) -> list[Run]:
    """All but one run; shapes that the next one would have kept from it are given to that one."""
    gone, rest = runs[i], [*runs[:i], *runs[i + 1 :]]
    if i < len(rest):
        kept = [
            before if after is None else after
            for before, after in zip(gone.shapes, rest[i].shapes, strict=True)
        ]
        rest[i] = replace(rest[i], shapes=kept)
    return rest


def _cut(case: Case, tree: schema.ModelT) -> Iterator[Case]:
    """Graphs with fewer operators."""
    graph = tree.subgraphs[0]
    count = len(graph.operators)
    if len(graph.outputs) > 1:
        for output in graph.outputs:
            yield from _made(case, tree, outputs=[output])
    for i in range(count - 1):  # what is computed early becomes the output
        if _is_value(graph, graph.operators[i].outputs[0]):
            yield from _made(case, tree, outputs=[graph.operators[i].outputs[0]])
    for i in reversed(range(count - 1)):  # what is computed late becomes an input
        if _is_value(graph, graph.operators[i].outputs[0]):
            yield from _made(case, tree, source=graph.operators[i].outputs[0])
    for node in graph.operators:
        for tensor in node.inputs:
            if _bypasses(graph, node, tensor):
                yield from _made(case, tree, bypass=(node.outputs[0], tensor))


def _is_value(graph: schema.SubGraphT, tensor: int) -> bool:
    return graph.tensors[tensor].type in (schema.TensorType.FLOAT32, schema.TensorType.INT8)


def _bypasses(graph: schema.SubGraphT, node: schema.OperatorT, tensor: int) -> bool:
    if tensor < 0 or graph.tensors[tensor].buffer != 0 or not _is_value(graph, tensor):
        return False
    read, made = graph.tensors[tensor], graph.tensors[node.outputs[0]]
    return read.type == made.type and list(read.shape) == list(made.shape)


def _made(
    case: Case,
    tree: schema.ModelT,
    outputs: list[int] | None = None,
    source: int | None = None,
    bypass: tuple[int, int] | None = None,
) -> Iterator[Case]:
    """The case with a changed graph, in which only what is needed is left; nothing if it is empty.

    outputs: instead of the model's. source: a tensor that becomes an input.
    bypass: (tensor, the one that is read instead).
    """
    tree = copy.deepcopy(tree)
    graph = tree.subgraphs[0]
    inputs = [int(tensor) for tensor in graph.inputs]
    if outputs is not None:
        graph.outputs = outputs
    if source is not None:
        inputs.append(source)
        graph.operators = [node for node in graph.operators if source not in node.outputs]
    if bypass is not None:
        old, new = bypass
        graph.operators = [node for node in graph.operators if old not in node.outputs]
        for node in graph.operators:
            node.inputs = [new if tensor == old else tensor for tensor in node.inputs]
        graph.outputs = [new if tensor == old else tensor for tensor in graph.outputs]
    needed = {int(tensor) for tensor in graph.outputs}
    kept: list[schema.OperatorT] = []
    for node in reversed(graph.operators):
        if needed & {int(tensor) for tensor in node.outputs}:
            kept.insert(0, node)
            needed |= {int(tensor) for tensor in node.inputs}
    graph.operators = kept
    left = [i for i, tensor in enumerate(inputs) if tensor in needed]
    if not kept or not left or set(graph.outputs) & set(inputs):
        return
    graph.inputs = [inputs[i] for i in left]
    runs = []
    for run in case.runs:
        shapes = run.shapes + [None] * (len(inputs) - len(run.shapes))
        runs.append(replace(run, shapes=[shapes[i] for i in left]))
    yield replace(case, model=flatbuffer.serialize(tree), runs=runs)
