# SPDX-License-Identifier: Apache-2.0
"""Random chains: stages as image networks have them, and operators that only XNNPACK runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bench.harness.operators import NONE, RELU, RELU6, Chain

_T = TypeVar("_T")
_SIZES = (7, 10, 14, 20, 28, 40, 56, 80, 112)
_CHANNELS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_MOST_ELEMENTS = 400_000  # of a tensor
_MOST_PRODUCTS = 60_000_000  # of a convolution
_ZEROS = (0.7, 0.8, 0.8, 0.9)
_DENSE_SHARE = 0.2  # of the convolutions
_STAGES = (3, 7)
_FUSED = (NONE, RELU, RELU, RELU6)
# Activations as operators of their own; None: as part of a convolution.
_ACTIVATIONS = (None, None, None, "RELU", "RELU6", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "TANH")
_MORE_ACTIVATIONS = ("swish", "PRELU", "ELU", "GELU")
_FOREIGN = ("EXP", "ABS", "DIV", "TRANSPOSE", "RESIZE_BILINEAR")


@dataclass(frozen=True)
class Network:
    """A chain as a .tflite file.

    seed: that it was drawn by.
    operators: its operators' names, in order.
    """

    seed: int
    operators: list[str]
    model: bytes


def draw(seed: int) -> Network:
    """The chain of this number: always the same."""
    return _Drawing(np.random.default_rng(seed)).draw(seed)


class _Drawing:
    """A chain in the making."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        size = self._choice(_SIZES)
        fitting = [n for n in _CHANNELS if n * size * size <= _MOST_ELEMENTS]
        self._chain = Chain([1, size, size, self._choice(fitting)], rng)
        # One kind of activation in a network, as networks have it, and of what is left of it.
        self._activation = self._choice((*_ACTIVATIONS, *_MORE_ACTIVATIONS))
        self._foreign_share = self._choice((0.0, 0.15, 0.4))

    def draw(self, seed: int) -> Network:
        chain = self._chain
        x = chain.input
        if self._chance(0.3):  # an image, and the stem
            height = chain.shape(x)[1]
            self._chain = chain = Chain([1, 2 * height, 2 * height, 3], self._rng)
            x = self._activate(chain.conv(chain.input, self._choice((16, 32)), 3, stride=2))
        stages: tuple[Callable[[int], int], ...] = (
            self._pointwise,
            self._window,
            self._separable,
            self._residual,
            self._inverted,
            self._pooled,
            self._padded,
            self._branches,
            self._excited,
        )
        for _ in range(int(self._rng.integers(*_STAGES, endpoint=True))):
            x = self._choice(stages)(x)
            if self._chance(self._foreign_share):
                x = self._foreign(x)
        x = self._conv(x, self._channels(x), sparse=True)  # one at least
        if self._chance(0.3):
            x = chain.conv(chain.mean(x), 100)
        return Network(seed, chain.operators, chain.build(x))

    # ---- stages -------------------------------------------------------------------------------

    def _pointwise(self, x: int) -> int:
        return self._activate_or_fuse(x, self._channels(x))

    def _window(self, x: int) -> int:
        stride = 2 if self._chance(0.3) and self._size(x) >= 14 else 1
        return self._activate_or_fuse(x, self._channels(x), 3, stride)

    def _separable(self, x: int) -> int:
        stride = 2 if self._chance(0.25) and self._size(x) >= 14 else 1
        x = self._chain.depthwise(
            x, self._choice((3, 3, 3, 5)), stride=stride, activation=self._choice(_FUSED)
        )
        return self._activate_or_fuse(x, self._channels(x))

    def _residual(self, x: int) -> int:
        channels = self._chain.shape(x)[3]
        kernel = self._choice((1, 3))
        y = self._activate_or_fuse(x, channels, kernel)
        if self._chance(self._foreign_share):
            y = self._elementwise_foreign(y)
        y = self._conv(y, channels, kernel)
        return self._activate(self._chain.arithmetic("ADD", x, y, self._choice((NONE, RELU))))

    def _inverted(self, x: int) -> int:
        channels = self._chain.shape(x)[3]
        factor = self._choice((0.5, 2, 4))
        y = self._activate_or_fuse(x, max(8, int(channels * factor)))
        y = self._activate(self._chain.depthwise(y, self._choice((3, 5))))
        y = self._chain.conv(y, channels, zeros=self._zeros())
        return self._chain.arithmetic("ADD", x, y)

    def _pooled(self, x: int) -> int:
        maximum = self._chance(0.5)
        if self._size(x) < 14:
            return self._chain.pool(x, maximum, 3, 1)
        kernel, stride = self._choice(((2, 2), (3, 2), (3, 1), (5, 1)))
        return self._chain.pool(x, maximum, kernel, stride)

    def _padded(self, x: int) -> int:
        chain = self._chain
        x = chain.pad(x, *self._choice(((1, 1), (0, 1))))
        zeros = self._zeros()
        channels = self._fit(x, self._channels(x), 3)
        return chain.conv(x, channels, 3, zeros=zeros, valid=True, activation=self._choice(_FUSED))

    def _branches(self, x: int) -> int:
        y = self._activate_or_fuse(x, max(8, self._channels(x) // 2))
        z = x
        if self._chance(0.5):
            z = self._activate_or_fuse(x, max(8, self._channels(x) // 2), 3)
        if self._chance(self._foreign_share):
            z = self._elementwise_foreign(z)
        return self._chain.concatenate(y, z)

    def _excited(self, x: int) -> int:
        """Squeeze and excite."""
        chain = self._chain
        channels = chain.shape(x)[3]
        y = chain.conv(chain.mean(x), max(8, channels // 4), activation=RELU)
        y = chain.function("LOGISTIC", chain.conv(y, channels))
        return chain.arithmetic("MUL", x, y)

    # ---- their parts --------------------------------------------------------------------------

    def _activate_or_fuse(self, x: int, channels: int, kernel: int = 1, stride: int = 1) -> int:
        if self._activation is None:
            fused = self._choice((RELU, RELU6))
            return self._conv(x, channels, kernel, stride=stride, activation=fused)
        return self._activate(self._conv(x, channels, kernel, stride=stride))

    def _activate(self, x: int) -> int:
        if self._activation is None:
            return x
        if self._activation == "PRELU":
            return self._chain.prelu(x)
        if self._activation == "swish":
            return self._chain.arithmetic("MUL", x, self._chain.function("LOGISTIC", x))
        return self._chain.function(self._activation, x)

    def _foreign(self, x: int) -> int:
        kind = self._choice(_FOREIGN)
        batch, height, width, channels = self._chain.shape(x)
        if kind == "TRANSPOSE":
            return self._chain.transpose(x)
        if kind == "RESIZE_BILINEAR" and 4 * batch * height * width * channels <= _MOST_ELEMENTS:
            return self._chain.enlarge(x)
        return self._elementwise_foreign(x)

    def _elementwise_foreign(self, x: int) -> int:
        kind = self._choice(("EXP", "ABS", "DIV"))
        return self._chain.divide(x) if kind == "DIV" else self._chain.function(kind, x)

    def _conv(
        self,
        x: int,
        channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        activation: int = NONE,
        sparse: bool = False,
    ) -> int:
        if channels != self._chain.shape(x)[3] or stride > 1:
            channels = self._fit(x, channels, kernel)
        zeros = self._choice(_ZEROS) if sparse else self._zeros()
        return self._chain.conv(
            x, channels, kernel, zeros=zeros, stride=stride, activation=activation
        )

    def _zeros(self) -> float:
        return 0.0 if self._chance(_DENSE_SHARE) else self._choice(_ZEROS)

    def _channels(self, x: int) -> int:
        """Of the next layer: as many as before, or twice or half as many."""
        channels = int(self._chain.shape(x)[3] * self._choice((0.5, 1, 1, 1, 2)))
        return min(512, max(16, channels))

    def _fit(self, x: int, channels: int, kernel: int) -> int:
        """As many channels as neither the tensor nor the layer is too large with."""
        _, height, width, lanes = self._chain.shape(x)
        pixels = height * width
        most = min(_MOST_ELEMENTS // pixels, _MOST_PRODUCTS // (pixels * lanes * kernel * kernel))
        return max(16, min(channels, most // 16 * 16))

    def _size(self, x: int) -> int:
        return self._chain.shape(x)[1]

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _choice(self, options: Sequence[_T]) -> _T:
        return options[int(self._rng.integers(len(options)))]
