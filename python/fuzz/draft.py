# SPDX-License-Identifier: Apache-2.0
"""A random graph in the making: what the functions of fuzz.operators draw from and add to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from fuzz.builder import ModelBuilder, SubgraphBuilder

Item = TypeVar("Item")
Array = npt.NDArray[Any]

# Small ones most of the time: an interpreter without XNNPACK has to run them in milliseconds.
MAX_ELEMENTS = 60_000
MAX_MULTIPLY_ADDS = 3_000_000


class Draft:
    """A model of one subgraph, its tensors so far, and `rng`, which decides everything."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.builder = ModelBuilder()
        self.graph: SubgraphBuilder = self.builder.subgraph()
        self.values: list[int] = []  # tensors of float32 that are no constants
        self.read: set[int] = set()  # those that an operator reads

    # ---- what is drawn ----------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def choice(self, items: Sequence[Item]) -> Item:
        return items[int(self.rng.integers(len(items)))]

    def integer(self, low: int, high: int) -> int:
        """Of low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def normal(self, shape: Sequence[int], scale: float = 1.0) -> npt.NDArray[np.float32]:
        return (scale * self.rng.standard_normal(tuple(shape))).astype(np.float32)

    def channels(self) -> int:
        """Mostly few, sometimes about as many as a kernel computes together, at times 1000."""
        draw = self.rng.random()
        if draw < 0.6:
            return self.integer(1, 9)
        return self.integer(10, 40) if draw < 0.96 else self.integer(41, 1000)

    def pair(self, values: Sequence[int]) -> tuple[int, int]:
        """Of height and width: the same for both, or not."""
        first = self.choice(values)
        return (first, first if self.chance(0.5) else self.choice(values))

    def activation(self) -> int:
        """A fused activation: none, or a clamp."""
        return self.integer(1, 3) if self.chance(0.35) else 0

    # ---- tensors ----------------------------------------------------------------------------

    def shape(self, tensor: int) -> list[int]:
        return self.graph.shape(tensor)

    def pick(self, ranks: Sequence[int] = (1, 2, 3, 4)) -> int | None:
        """A tensor of one of the ranks, mostly the one that was made last; None without one."""
        fit = [tensor for tensor in self.values if len(self.shape(tensor)) in ranks]
        if not fit:
            return None
        return fit[-1] if self.chance(0.7) else self.choice(fit)

    def images(self) -> list[int]:
        """All tensors [batch, height, width, channels]."""
        return [tensor for tensor in self.values if len(self.shape(tensor)) == 4]

    def pick_like(self, tensor: int) -> int:
        """A tensor of the same shape, which may be the same."""
        same = [other for other in self.values if self.shape(other) == self.shape(tensor)]
        return self.choice(same)

    def constant(self, array: Array) -> int:
        return self.graph.constant(array, f"constant{len(self.graph.graph.tensors)}")

    def ints(self, values: Any) -> int:
        return self.constant(np.array(values, np.int32))

    def parameters(self, array: npt.NDArray[np.float32]) -> int:
        """Constant weights: of float32, or of float16 behind a DEQUANTIZE."""
        if self.chance(0.9):
            return self.constant(array)
        with np.errstate(over="ignore"):  # infinite, too, is a number to run with
            half = self.constant(array.astype(np.float16))
        output = self.graph.tensor(array.shape, f"widened{half}")
        return self.graph.operator(schema.BuiltinOperator.DEQUANTIZE, [half], output)

    def weights(self, shape: Sequence[int], fan_in: int) -> int:
        """Weights that keep the scale of activations, sparse in half of all cases.

        shape: [output channels, ...]; fan_in: how many of them an output sums up.
        """
        array = self.normal(shape, 1.0 / np.sqrt(fan_in))
        if self.chance(0.5):
            array *= self.mask(shape)
        return self.parameters(array)

    def mask(self, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        """Of weights [output channels, ...]: ones where a weight is kept."""
        lanes = int(np.prod(shape[1:]))
        return self.block_mask(shape[0], lanes).reshape(tuple(shape))

    def block_mask(self, channels: int, lanes: int) -> npt.NDArray[np.float32]:
        """[channels, lanes], ones in blocks of some channels that begin anywhere."""
        size = min(self.choice((1, 2, 4, 8, 16)), channels)
        density = self.choice((0.0, 0.05, 0.2, 0.2, 0.4))
        mask = np.zeros((channels, lanes), np.float32)
        starts = self.rng.random((channels - size + 1, lanes)) < density / size
        for offset in range(size):
            mask[offset : channels - size + 1 + offset] += starts
        return np.minimum(mask, 1.0)

    def bias(self, channels: int) -> int:
        return self.parameters(self.normal([channels]))

    # ---- operators --------------------------------------------------------------------------

    def fits(self, shape: Sequence[int], multiply_adds: int = 0) -> bool:
        """Whether a tensor, and what computes it, is neither empty nor too large."""
        if min(shape, default=1) < 1 or multiply_adds > MAX_MULTIPLY_ADDS:
            return False
        return int(np.prod(shape, dtype=np.int64)) <= MAX_ELEMENTS

    def emit(
        self,
        code: int,
        inputs: Sequence[int],
        shape: Sequence[int],
        options: Any = None,
        dtype: str = "float32",
    ) -> int:
        """Add an operator; the kind of its options is known from their class."""
        kind = 0
        if options is not None:
            kind = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        output = self.graph.tensor(shape, f"value{len(self.graph.graph.operators)}", dtype)
        self.graph.operator(code, list(inputs), output, options, kind)
        return self.add_value(output, inputs) if dtype == "float32" else output

    def add_value(self, tensor: int, inputs: Sequence[int]) -> int:
        """Make the output of an operator something that others may read."""
        self.read.update(inputs)
        self.values.append(tensor)
        return tensor
