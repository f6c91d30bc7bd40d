# SPDX-License-Identifier: Apache-2.0
"""Sparse encoding: TensorFlow Lite's own storage of sparse constants, read.

The schema's SparsityParameters describe a tree: level after level, in `traversalOrder`, a dimension
is either dense (every index has a child) or sparse (segments and indices list the children, as in
compressed sparse rows). A dimension may be cut into blocks (`blockMap`), whose inner indices are
levels of their own. The values are the leaves in their order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer

_Indices = npt.NDArray[np.int64]
_MAX_ELEMENTS = flatbuffer.MAX_FILE_BYTES // 4  # of a float32 tensor that a file could hold


def decode(
    values: npt.NDArray[Any],
    shape: tuple[int, ...],
    sparsity: schema.SparsityParametersT,
    name: str,
) -> npt.NDArray[Any]:
    """The dense tensor.

    Args:
        values: what is stored.
        shape: of the dense tensor.
        sparsity: how the values lie in it.
        name: the tensor's, for an error.

    Returns:
        An array of `shape` and of the values' type; zero wherever nothing is stored.

    Raises:
        ValueError: if the description contradicts itself, the shape or the number of values.
    """
    order = flatbuffer.indices(sparsity.traversalOrder)
    blocked = flatbuffer.indices(sparsity.blockMap)
    levels = list(sparsity.dimMetadata or [])
    rank = len(shape)
    sound = (
        sorted(order) == list(range(rank + len(blocked)))
        and len(levels) == len(order)
        and len(set(blocked)) == len(blocked)
        and set(blocked) <= set(range(rank))
        and math.prod(shape) <= _MAX_ELEMENTS
    )
    if not sound:
        raise _damaged(name)
    inner = {  # dimension -> size of its blocks
        dimension: levels[order.index(rank + position)].denseSize
        for position, dimension in enumerate(blocked)
    }
    if any(size < 1 or shape[dimension] % size for dimension, size in inner.items()):
        raise _damaged(name)
    sizes = [shape[dimension] // inner.get(dimension, 1) for dimension in range(rank)]
    sizes += [inner[dimension] for dimension in blocked]

    # Every node has a segment or a value somewhere below or beside it: a sound tree is no larger.
    limit = values.size + sum(_vector(level.arraySegments).size for level in levels)
    # After each level: one row per node of the tree, the index of every dimension so far.
    nodes = np.zeros((1, len(order)), np.int64)
    for level, dimension in zip(levels, order, strict=True):
        parents, children = _expand(level, len(nodes), sizes[dimension], limit, name)
        nodes = nodes[parents]
        nodes[:, dimension] = children
    if len(nodes) != values.size:
        raise _damaged(name)
    position = nodes[:, :rank]
    for offset, dimension in enumerate(blocked):
        position[:, dimension] *= inner[dimension]
        position[:, dimension] += nodes[:, rank + offset]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(position.T)] = values
    return dense


def _expand(
    level: schema.DimensionMetadataT, parents: int, size: int, limit: int, name: str
) -> tuple[_Indices, _Indices]:
    """Every child's parent (its row) and the child's own index in the dimension."""
    if level.format == schema.DimensionType.DENSE:
        if level.denseSize != size or parents * size > limit:
            raise _damaged(name)
        return np.repeat(np.arange(parents), size), np.tile(np.arange(size), parents)
    segments, children = _vector(level.arraySegments), _vector(level.arrayIndices)
    counts = np.diff(segments)
    sound = (
        segments.size == parents + 1
        and segments[0] == 0
        and segments[-1] == children.size
        and bool((counts >= 0).all())
        and bool(((children >= 0) & (children < size)).all())
    )
    if not sound:
        raise _damaged(name)
    return np.repeat(np.arange(parents), counts), children


def _vector(vector: Any) -> _Indices:
    """One of the schema's three vectors of integers, by the width of its elements."""
    if vector is None or vector.values is None:
        return np.zeros(0, np.int64)
    return np.asarray(vector.values, np.int64).reshape(-1)


def _damaged(name: str) -> ValueError:
    return ValueError(
        f"damaged TensorFlow Lite model: the sparse encoding of tensor '{name}' contradicts itself."
    )
