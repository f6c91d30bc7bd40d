# SPDX-License-Identifier: Apache-2.0
"""The classes: connected sets of four edges of a grid of 3 x 3 nodes.

Nodes are numbered row by row, 0 to 8. Edges join horizontal and vertical neighbours. A picture's
position is a nuisance, so shapes that are shifts of each other count as one; its rotation is one
too, but of a few degrees only, so a shape and the same turned by 90 degrees are two.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

SIDE = 3
CLASSES = 32
EDGES = 4

Edge = tuple[int, int]
Shape = tuple[Edge, ...]


def class_segments() -> npt.NDArray[np.float32]:
    """The end points of each class's edges.

    Returns:
        [CLASSES, EDGES, 2 ends, (x, y)], in units of the grid, the shape's bounding box centred at
        the origin.
    """
    segments = np.array([[_ends(edge) for edge in shape] for shape in classes()], np.float32)
    corners = segments.reshape(CLASSES, -1, 2)
    centres = (corners.min(axis=1) + corners.max(axis=1)) / 2
    centred: npt.NDArray[np.float32] = segments - centres[:, None, None, :]
    return centred


def classes() -> list[Shape]:
    """CLASSES of all shapes, at equal distances in their sorted list."""
    shapes = all_shapes()
    return [shapes[index * len(shapes) // CLASSES] for index in range(CLASSES)]


def all_shapes() -> list[Shape]:
    """Every connected set of four edges, one of each set of shifts, sorted."""
    return sorted({_at_origin(shape) for shape in combinations(_edges(), EDGES) if _joined(shape)})


def _edges() -> list[Edge]:
    right = [(node, node + 1) for node in range(SIDE**2) if node % SIDE < SIDE - 1]
    down = [(node, node + SIDE) for node in range(SIDE * (SIDE - 1))]
    return sorted(right + down)


def _joined(shape: Shape) -> bool:
    """Whether the edges are connected."""
    reached, rest = set(shape[0]), list(shape[1:])
    while touching := [edge for edge in rest if reached & set(edge)]:
        for edge in touching:
            reached |= set(edge)
            rest.remove(edge)
    return not rest


def _at_origin(shape: Shape) -> Shape:
    """The shift of a shape that touches the grid's first row and column."""
    nodes = {node for edge in shape for node in edge}
    shift = min(node // SIDE for node in nodes) * SIDE + min(node % SIDE for node in nodes)
    return tuple((first - shift, second - shift) for first, second in shape)


def _ends(edge: Edge) -> list[tuple[int, int]]:
    return [(node % SIDE, node // SIDE) for node in edge]
