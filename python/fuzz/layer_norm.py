# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation over the last axis in random graphs, in the forms that converters write."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fuzz.draft import Draft

OP = schema.BuiltinOperator
_OPTIONS = {OP.ADD: schema.AddOptionsT, OP.SUB: schema.SubOptionsT, OP.MUL: schema.MulOptionsT}
_EPSILONS = (1e-6, 1e-3, 0.1)


def layer_norm(draft: Draft) -> bool:
    """What is inside of it are values as any others: later operators may read them."""
    x = draft.pick([2, 3, 4])
    if x is None:
        return False
    form = draft.choice((_as_keras, _with_sub, _with_differences))
    form(_Norm(draft, x, _constant(draft, x), _constant(draft, x)))
    return True


def _constant(draft: Draft, x: int) -> int | None:
    """A number for each channel, mostly."""
    channels, axes = draft.shape(x)[-1], len(draft.shape(x))
    shape = draft.choice([[channels], [1] * (axes - 1) + [channels]])
    return draft.constant(draft.normal(shape)) if draft.chance(0.8) else None


@dataclass(frozen=True)
class _Norm:
    draft: Draft
    x: int
    scale: int | None
    offset: int | None

    def mean(self, tensor: int) -> int:
        *rest, _ = self.draft.shape(tensor)
        axis = -1 if self.draft.chance(0.5) else len(rest)
        inputs = [tensor, self.draft.ints([axis])]
        return self.draft.emit(OP.MEAN, inputs, [*rest, 1], schema.ReducerOptionsT(keepDims=True))

    def combine(self, code: int, a: int, b: int, activation: int = 0) -> int:
        """ADD, SUB or MUL; all but SUB in any order."""
        shapes = [self.draft.shape(a), self.draft.shape(b)]
        rank = max(map(len, shapes))
        aligned = [[1] * (rank - len(shape)) + list(shape) for shape in shapes]
        shape = [max(sizes) for sizes in zip(*aligned, strict=True)]
        inputs = [b, a] if code != OP.SUB and self.draft.chance(0.3) else [a, b]
        options = _OPTIONS[code](fusedActivationFunction=activation)
        return self.draft.emit(code, inputs, shape, options)

    def last(self, code: int, a: int, b: int) -> None:
        self.combine(code, a, b, self.draft.activation())

    def squares(self, mean: int) -> int:
        inputs = [self.x, mean] if self.draft.chance(0.7) else [mean, self.x]
        return self.draft.emit(OP.SQUARED_DIFFERENCE, inputs, self.draft.shape(self.x))

    def root(self, squares: int) -> int:
        """1 / sqrt(variance + epsilon)."""
        epsilon = self.draft.constant(np.array(self.draft.choice(_EPSILONS), np.float32))
        shifted = self.combine(OP.ADD, self.mean(squares), epsilon)
        return self.draft.emit(OP.RSQRT, [shifted], self.draft.shape(shifted))

    def factor(self, mean: int) -> int:
        root = self.root(self.squares(mean))
        return root if self.scale is None else self.combine(OP.MUL, root, self.scale)


def _as_keras(norm: _Norm) -> None:
    """x * factor + (offset + -mean * factor)."""
    mean = norm.mean(norm.x)
    negative = norm.draft.emit(OP.NEG, [mean], norm.draft.shape(mean))
    factor = norm.factor(mean)
    rest = norm.combine(OP.MUL, negative, factor)
    if norm.offset is not None:
        rest = norm.combine(OP.ADD, rest, norm.offset)
    norm.last(OP.ADD, norm.combine(OP.MUL, norm.x, factor), rest)


def _with_sub(norm: _Norm) -> None:
    """x * factor + (offset - mean * factor)."""
    mean = norm.mean(norm.x)
    factor = norm.factor(mean)
    scaled, rest = norm.combine(OP.MUL, norm.x, factor), norm.combine(OP.MUL, mean, factor)
    if norm.offset is None:
        norm.last(OP.SUB, scaled, rest)
    else:
        norm.last(OP.ADD, scaled, norm.combine(OP.SUB, norm.offset, rest))


def _with_differences(norm: _Norm) -> None:
    """(x - mean) * root * scale + offset."""
    difference = norm.combine(OP.SUB, norm.x, norm.mean(norm.x))
    y = norm.combine(OP.MUL, difference, norm.root(norm.combine(OP.MUL, difference, difference)))
    if norm.scale is not None:
        y = norm.combine(OP.MUL, y, norm.scale)
    if norm.offset is not None:
        norm.last(OP.ADD, y, norm.offset)
