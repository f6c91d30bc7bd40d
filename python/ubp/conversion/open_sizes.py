# SPDX-License-Identifier: Apache-2.0
"""Shapes: what a model's tensors have for inputs of given sizes, where the file leaves them open.

The file has 1 for a size that is not known before the model runs. What a layer costs depends on it,
so that the model is run once, on one set of inputs, and the interpreter tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.find import is_converted
from ubp.conversion.unpacking import unpack
from ubp.runtime.inputs import Shape, assumed_shape, check_shapes, random_values, signature_of
from ubp.runtime.running import Runner, entries_of, open_interpreter
from ubp.tflite import flatbuffer
from ubp.tflite.lookups import index_bounds

_SEED = 0


@dataclass(frozen=True)
class Shapes:
    """Shapes of a model.

    inputs: of each entry that has open sizes and could be run, by its subgraph.
    tensors: of all tensors, by subgraph and index; empty where nothing is open.
    """

    inputs: dict[int, list[Shape]] = field(default_factory=dict)
    tensors: dict[tuple[int, int], Shape] = field(default_factory=dict)


def resolve_shapes(model: bytes, source: str, given: Sequence[Shape] | None = None) -> Shapes:
    """The shapes of a model's tensors.

    Args:
        model: a .tflite file, converted or not.
        source: what to call it in an error.
        given: for each input of the main graph its shape; where it is None, open sizes are assumed
            (see ubp.runtime.inputs). Other signatures that these shapes suit have them, too.

    Returns:
        Nothing where no size is open and none is given. What cannot be run on shapes that are
        assumed keeps those of the file.

    Raises:
        ValueError: if the given shapes do not suit the model.
        RuntimeError: if it cannot be run on the given shapes.
    """
    tree = flatbuffer.parse(model, source)
    if given is None and not has_open_sizes(tree):
        return Shapes()
    ordinary = unpack(model) if is_converted(tree) else model
    shapes = Shapes()
    try:
        interpreter = open_interpreter(ordinary, source, delegate=False, plain=True)
    except RuntimeError:
        if given is not None:
            raise
        return shapes
    left: set[int] = set()
    for entry in entries_of(tree):
        runner = Runner(interpreter, entry)
        details, _ = runner.details()
        if given is None and all(_is_settled(detail) for detail in details):
            continue
        chosen = _chosen(runner, given)
        if not _runs(runner, tree, chosen):
            left.add(entry.subgraph)
            if given is not None and entry.subgraph == 0:
                raise RuntimeError(
                    f"{source}: {entry} cannot be run on inputs of the shapes "
                    f"{', '.join(map(str, chosen))}; give it others (--shape)."
                )
            continue
        shapes.inputs[entry.subgraph] = chosen
    for subgraph in set(range(len(tree.subgraphs))) - left if shapes.inputs else ():
        shapes.tensors.update(_shapes_in(interpreter, subgraph))
    return shapes


def has_open_sizes(model: schema.ModelT) -> bool:
    """Whether the size of an input, of the main graph or of a signature, is not known."""
    for entry in entries_of(model):
        subgraph = model.subgraphs[entry.subgraph]
        for index in flatbuffer.indices(subgraph.inputs):
            if index != -1 and -1 in flatbuffer.indices(subgraph.tensors[index].shapeSignature):
                return True
    return False


def _is_settled(detail: dict[str, Any]) -> bool:
    """Whether open sizes are assumed to be 1, as in the file, which has all shapes that follow."""
    pairs = zip(signature_of(detail), assumed_shape(detail), strict=True)
    return all(assumed == 1 for size, assumed in pairs if size == -1)


def _chosen(runner: Runner, given: Sequence[Shape] | None) -> list[Shape]:
    details, _ = runner.details()
    if given is not None:
        try:
            return check_shapes(details, given)
        except ValueError:
            if runner.entry.subgraph == 0:
                raise
    return [assumed_shape(detail) for detail in details]


def _runs(runner: Runner, tree: schema.ModelT, shapes: Sequence[Shape]) -> bool:
    rng, bounds = np.random.default_rng(_SEED), index_bounds(tree, runner.entry.subgraph)
    details, _ = runner.details()
    try:
        runner.run(
            [
                random_values(detail, shape, rng, bounds)
                for detail, shape in zip(details, shapes, strict=True)
            ]
        )
    except (RuntimeError, ValueError):
        return False
    return True


def _shapes_in(interpreter: Any, subgraph: int) -> dict[tuple[int, int], Shape]:
    return {
        (subgraph, int(detail["index"])): tuple(int(size) for size in detail["shape"])
        for detail in interpreter.get_tensor_details(subgraph)
    }
