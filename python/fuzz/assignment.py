# SPDX-License-Identifier: Apache-2.0
"""Which quantization each tensor of a graph has, as usual or not: a Style and an Assignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fuzz.quantization import HIGHEST, LOWEST, Quantization, activation_quantization
from fuzz.session import Array


@dataclass(frozen=True)
class Style:
    """How likely a tensor, a node or the model is not as the standard converter makes it.

    symmetric: zero point 0.
    shifted: any zero point, so that numbers are cut off on one side.
    stretched: a range that is much too small or too large.
    per_tensor: one scale for all weights of a layer.
    unbiased: no bias, where that is allowed.
    full: a weight of -128.
    requantized: a QUANTIZE before what a node reads.
    float_edges: float32 inputs and outputs of the model.
    float_inside: a node without rounding, such as PAD, of float32.
    binary: all scales of the model are powers of two, so that many results lie halfway between two
        numbers.
    """

    symmetric: float = 0.0
    shifted: float = 0.0
    stretched: float = 0.0
    per_tensor: float = 0.0
    unbiased: float = 0.0
    full: float = 0.0
    requantized: float = 0.0
    float_edges: float = 0.0
    float_inside: float = 0.0
    binary: float = 0.0


CONVENTIONAL = Style()


class Assignment:
    """The quantization of each tensor, by number; some share one, some have a fixed one.

    First all `fix` and `unite`, then `choose`, then `of`. `is_binary`: scales are powers of two.
    """

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        self._style, self._rng = style, rng
        self._parents: dict[int, int] = {}  # tensors that share a quantization are a tree
        self._fixed: dict[int, Quantization] = {}  # of roots, as the next
        self._chosen: dict[int, Quantization] = {}
        self.is_binary = self.happens(style.binary)

    def happens(self, probability: float) -> bool:
        return probability > 0 and bool(self._rng.random() < probability)

    def fix(self, tensor: int, quantization: Quantization) -> None:
        """What the operator that writes a tensor demands; before the tensor shares any."""
        self._fixed[tensor] = quantization

    def unite(self, tensor: int, other: int) -> None:
        """Let both have the same, unless each has a fixed one already."""
        mine, root = self._root(tensor), self._root(other)
        if mine == root or {mine, root} <= self._fixed.keys():
            return
        if mine in self._fixed:
            mine, root = root, mine
        self._parents[mine] = root

    def choose(self, values: list[dict[int, Array]]) -> None:
        """Choose for the numbers that tensors hold, of each sample."""
        ranges: dict[int, tuple[float, float]] = {}
        for sample in values:
            for tensor, array in sample.items():
                finite = array[np.isfinite(array)]
                low, high = ranges.get(self._root(tensor), (0.0, 0.0))
                ranges[self._root(tensor)] = (
                    min(low, float(finite.min(initial=0.0))),
                    max(high, float(finite.max(initial=0.0))),
                )
        for root, (low, high) in sorted(ranges.items()):
            self._chosen[root] = self._fixed.get(root) or self.draw(low, high)

    def of(self, tensor: int) -> Quantization:
        return self._chosen[self._root(tensor)]

    def draw(self, low: float, high: float) -> Quantization:
        """One for a range, in the style."""
        if self.happens(self._style.stretched):
            factor = float(self._rng.choice((0.05, 0.3, 0.7, 3.0, 40.0)))
            low, high = low * factor, high * factor
        if self.happens(self._style.symmetric):
            most = max(-low, high)
            return Quantization(activation_quantization(-most, most, self.is_binary).scale, 0)
        usual = activation_quantization(low, high, self.is_binary)
        if self.happens(self._style.shifted):
            return Quantization(usual.scale, int(self._rng.integers(LOWEST, HIGHEST + 1)))
        return usual

    def _root(self, tensor: int) -> int:
        while (parent := self._parents.get(tensor, tensor)) != tensor:
            tensor = parent
        return tensor
