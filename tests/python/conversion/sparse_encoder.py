# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite's sparse encoding, written node by node: the opposite of ubp's reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema


def sparse_encoding(
    dense: np.ndarray,
    order: Sequence[int],
    blocks: Mapping[int, int],
    sparse_levels: Sequence[bool],
) -> tuple[schema.SparsityParametersT, np.ndarray]:
    """Encode an array.

    Args:
        dense: any array.
        order: of the levels; dense.ndim + i is the inner index of the i-th blocked dimension.
        blocks: dimension -> size of its blocks, which divides it.
        sparse_levels: which levels list their children, in the order of the levels.

    Returns:
        The description and the stored values.
    """
    rank, blocked = dense.ndim, list(blocks)
    sizes = [dense.shape[d] // blocks.get(d, 1) for d in range(rank)] + list(blocks.values())

    def below(node: dict[int, int]) -> np.ndarray:
        """The elements below a node, which fixes some of the levels."""
        view = dense
        for d in reversed(range(rank)):
            inner = rank + blocked.index(d) if d in blocks else -1
            elements = np.arange(dense.shape[d]).reshape(sizes[d], -1)
            elements = elements[[node[d]]] if d in node else elements
            elements = elements[:, [node[inner]]] if inner in node else elements
            view = np.take(view, elements.ravel(), axis=d)
        return view

    nodes: list[dict[int, int]] = [{}]
    levels = []
    for dimension, is_sparse in zip(order, sparse_levels, strict=True):
        children, segments, indices = [], [0], []
        for node in nodes:
            for index in range(sizes[dimension]):
                child = node | {dimension: index}
                if not is_sparse or below(child).any():
                    children.append(child)
                    indices.append(index)
            segments.append(len(children))
        nodes = children
        levels.append(_level(sizes[dimension], segments, indices, is_sparse))
    values = [below(node).item() for node in nodes]
    description = schema.SparsityParametersT(
        traversalOrder=np.array(order, np.int32),
        blockMap=np.array(blocked, np.int32),
        dimMetadata=levels,
    )
    return description, np.array(values, dense.dtype)


def _level(
    size: int, segments: list[int], indices: list[int], is_sparse: bool
) -> schema.DimensionMetadataT:
    if not is_sparse:
        return schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=size)
    return schema.DimensionMetadataT(
        format=schema.DimensionType.SPARSE_CSR,
        arraySegmentsType=schema.SparseIndexVector.Int32Vector,
        arraySegments=schema.Int32VectorT(values=np.array(segments, np.int32)),
        arrayIndicesType=schema.SparseIndexVector.Int32Vector,
        arrayIndices=schema.Int32VectorT(values=np.array(indices, np.int32)),
    )
