# SPDX-License-Identifier: Apache-2.0
"""RESIZE_NEAREST_NEIGHBOR of int8: the pixel that the interpreter takes, for every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp
from fuzz.draft import Draft
from fuzz.quantize import quantize
from ubp.runtime.decisions import delegate_report

OP = schema.BuiltinOperator
# Sizes of the input and of the output, of which a float32 product of place and scale takes another
# pixel than the interpreter does.
NEAR_TIES = [(12, 123), (4, 122), (26, 22), (54, 76), (52, 44), (32, 82), (39, 66), (8, 110)]


def sizes() -> list[tuple[int, int]]:
    rng = np.random.default_rng(0)
    drawn = rng.integers(1, 128, (56, 2)).tolist()
    return NEAR_TIES + [(int(size), int(to)) for size, to in drawn]


def resized(size: int, to: int, corners: bool, centers: bool) -> bytes:
    """From [1, size, to, 4] to [1, to, size, 4]: another size along either axis."""
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, size, to, 4])
    options = schema.ResizeNearestNeighborOptionsT(alignCorners=corners, halfPixelCenters=centers)
    shape = [1, to, size, 4]
    y = draft.emit(OP.RESIZE_NEAREST_NEIGHBOR, [x, draft.ints([to, size])], shape, options)
    draft.graph.output(y)
    image = np.linspace(-1, 1, size * to * 4, dtype=np.float32).reshape(1, size, to, 4)
    return quantize(draft.builder.build(), [[image]])


@pytest.mark.parametrize(("corners", "centers"), [(False, False), (True, False), (False, True)])
def test_the_nearest_pixel_is_the_interpreters(
    corners: bool, centers: bool, run: Any, int8_options: dict[str, str]
) -> None:
    rng = np.random.default_rng(1)
    for size, to in sizes():
        model = resized(size, to, corners, centers)
        x = rng.integers(-128, 128, (1, size, to, 4), np.int8)
        (right,) = run(StandardInterpreter(model_content=model), [x])
        interpreter = ubp.Interpreter(model, num_threads=1, take="all", **int8_options)
        (found,) = run(interpreter, [x])
        np.testing.assert_array_equal(found, right, f"{size} to {to}")


def test_the_delegate_takes_it(int8_options: dict[str, str]) -> None:
    (node,) = delegate_report(resized(8, 16, False, False), take="all", **int8_options).nodes
    assert node.taken, node
