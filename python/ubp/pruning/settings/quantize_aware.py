# SPDX-License-Identifier: Apache-2.0
"""QuantizeAware: how a model trains for int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import keras

from ubp.arguments import check_number, shown

FloatLayers: TypeAlias = str | Sequence[str] | Callable[[keras.Operation], bool]


@dataclass(frozen=True)
class QuantizeAware:
    """Quantisation-aware training, for the argument `quantize` of `ubp.prune`.

    While it trains, the model computes with kernels and activations rounded as its int8 file will
    hold them: kernels with one scale for each output channel, activations with one range for each
    tensor, a moving average of what the batches have. Gradients pass the rounding as if there were
    none (arXiv 1712.05877, section 3). `ubp.strip` keeps the ranges, and `ubp.quantize` makes the
    file without further data.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Dense(8, "relu", name="a"), keras.layers.Dense(4, name="b")]
        >>> model = keras.Sequential([keras.Input((16,), name="x"), *layers])
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), quantize=ubp.QuantizeAware())
        >>> [layer.name for layer in pruned.layers if layer.name.endswith("_range")]  # of 3 tensors
        ['x_range', 'a_range', 'b_range']

    Attributes:
        momentum: of the moving averages, at least 0, below 1.
        float_layers: layers that stay float, with the batch normalisation and activation behind
            them: a name, a pattern such as "block_*", a list of these, or a callable layer -> bool.

    Raises:
        ValueError: if `momentum` is no such number.
        TypeError: if `float_layers` is something else.
    """

    momentum: float = 0.99
    float_layers: FloatLayers = ()

    def __post_init__(self) -> None:
        check_number(
            "momentum", self.momentum, "a number from 0 to 1, without 1", lambda m: 0.0 <= m < 1.0
        )
        given = self.float_layers
        if isinstance(given, str) or (callable(given) and not isinstance(given, type)):
            return
        if not isinstance(given, Sequence) or not all(isinstance(each, str) for each in given):
            raise TypeError(
                f"float_layers is {shown(given)}; expected names of layers, or a callable layer -> "
                "bool."
            )
