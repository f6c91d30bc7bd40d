# SPDX-License-Identifier: Apache-2.0
"""The case of a seed and a number: always the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fuzz.case import KINDS, Case, Run
from fuzz.draft import Draft
from fuzz.operators import OPERATORS
from ubp.tflite import flatbuffer

Shares = npt.NDArray[np.float64]


def shares(weights: Sequence[float]) -> Shares:
    """Sums of the first shares, of which each operator has one, for draw_graph."""
    summed: Shares = np.cumsum(np.array(weights) / np.sum(weights))
    return summed


_SHARES = shares([operator.weight for operator in OPERATORS])
_RULES = ("dead_pixels", "fused_depthwise", "fused_functions", "placed_concatenations", "strips")
_KERNELS = (*["auto"] * 12, "portable", "portable", "portable", "reference")


def generate(seed: int, index: int) -> Case:
    """Draw a model, what is run with it, and the delegate's options."""
    rng = np.random.default_rng([seed, index])
    draft = Draft(rng)
    draw_graph(draft, _SHARES)
    runs = draw_runs(draft, KINDS)
    convert = _conversion(draft) if draft.chance(0.1) else None
    return Case(flatbuffer.serialize(draft.builder.tree), runs, draw_options(draft), convert)


def draw_graph(draft: Draft, operator_shares: Shares) -> None:
    """Add inputs, operators, each of OPERATORS as often as its share says, and outputs."""
    _add_inputs(draft)
    steps = 1 + int(draft.rng.geometric(0.16))
    while steps > 0 or not draft.graph.graph.operators:
        OPERATORS[int(np.searchsorted(operator_shares, draft.rng.random(), "right"))].draw(draft)
        steps -= 1
    _mark_outputs(draft)


def draw_runs(draft: Draft, kinds: Sequence[str]) -> list[Run]:
    """One with the shapes of the file, then some with others; the first kind most often."""
    shapes = [draft.shape(tensor) for tensor in draft.graph.graph.inputs]
    runs = [_run(draft, [None] * len(shapes), kinds)]
    while len(runs) < 4 and draft.chance(0.4):
        runs.append(_run(draft, _resized(draft, shapes), kinds))
    return runs


def _conversion(draft: Draft) -> dict[str, Any]:
    return {
        "weights": draft.choice(("f32", "f16", "bf16", "i8")),
        "min_speedup": draft.choice((0, 0, 1.1)),
        "block_size": draft.choice(("auto", 1, 2, 4, 8, 16)),
    }


def _add_inputs(draft: Draft) -> None:
    rank = draft.choice((4, 4, 4, 4, 4, 4, 4, 2, 2, 3, 1))
    batch, channels = draft.choice((1, 1, 1, 2, 3)), draft.channels()
    largest = draft.choice((*[17] * 8, 60, 1))
    height, width = draft.integer(1, largest), draft.integer(1, largest)
    shape = {
        1: [channels],
        2: [batch, channels],
        3: [batch, height, channels],
        4: [batch, height, width, channels],
    }[rank]
    while not draft.fits(shape):
        shape = [max(1, extent // 2) for extent in shape]
    draft.values.append(draft.graph.input(shape))
    while draft.chance(0.2) and len(draft.values) < 3:
        other = list(shape)
        if draft.chance(0.5):
            other[-1] = draft.integer(1, 9)
        elif draft.chance(0.3):
            other = [1] * (rank - 1) + [shape[-1]]
        draft.values.append(draft.graph.input(other))


def _mark_outputs(draft: Draft) -> None:
    inputs = set(draft.graph.graph.inputs)
    made = [tensor for tensor in draft.values if tensor not in inputs]
    for tensor in made:
        if tensor not in draft.read or draft.chance(0.08):
            draft.graph.output(tensor)


def _resized(draft: Draft, shapes: list[list[int]]) -> list[list[int] | None]:
    """Other shapes: most often all inputs alike, and often what a model like this can take."""
    how = draft.rng.random()
    if how < 0.15:
        return list(shapes)  # back to what the file says
    if how < 0.4:
        return _renamed(draft, shapes, [0])
    if how < 0.7:
        return _renamed(draft, shapes, [1, 2])
    if how < 0.8:
        return _renamed(draft, shapes, [0, 1, 2, 3])
    changed: list[list[int] | None] = []
    for shape in shapes:
        other = list(shape)
        if how < 0.88:
            other[draft.integer(0, len(shape) - 1)] = draft.choice((0, 0, 1, 2, 5))
        elif how < 0.94 and len(shape) > 1:
            del other[draft.integer(0, len(shape) - 1)]
        else:
            other.insert(draft.integer(0, len(shape)), draft.choice((1, 1, 2, 3)))
        changed.append(other)
    return changed


def _renamed(draft: Draft, shapes: list[list[int]], axes: list[int]) -> list[list[int] | None]:
    """Every size along each of the axes becomes another one, equal sizes alike."""
    sizes: dict[tuple[int, int], int] = {}
    renamed: list[list[int] | None] = []
    for shape in shapes:
        other = list(shape)
        for axis in axes:
            if axis < len(shape):
                largest = 3 if axis == 0 else 20
                new = draft.integer(1, largest)
                other[axis] = sizes.setdefault((axis, shape[axis]), new)
        renamed.append(other)
    return renamed


def _run(draft: Draft, shapes: list[list[int] | None], kinds: Sequence[str]) -> Run:
    kind = kinds[0] if draft.chance(0.7) else draft.choice(kinds[1:])
    return Run(shapes, kind, draft.integer(0, 2**31))


def draw_options(draft: Draft) -> dict[str, str]:
    """The delegate's."""
    options = {"take": draft.choice(("all", "all", "all", "all", "auto", "auto", "sparse"))}
    kernel = draft.choice(_KERNELS)
    if kernel != "auto":
        options["kernel"] = kernel
    if draft.chance(0.25):
        chosen = [rule for rule in _RULES if draft.chance(0.4)]
        if chosen:
            options["without"] = "+".join(chosen)
    if draft.chance(0.1):
        options["sparse_from_dense"] = "off"
    return options
