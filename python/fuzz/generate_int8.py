# SPDX-License-Identifier: Apache-2.0
"""The int8 case of a seed and a number: a random float graph, quantised in a random style.

Always the same on one machine: ranges are what the interpreter computes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from fuzz.assignment import CONVENTIONAL, Style
from fuzz.case import INT8_KINDS, Case
from fuzz.draft import Draft
from fuzz.generate import draw_graph, draw_options, draw_runs, shares
from fuzz.operators import OPERATORS
from fuzz.quantize import UnquantizableError, quantize
from ubp.tflite import flatbuffer

_SHARES = shares([operator.int8 for operator in OPERATORS])
# How much of each there is in a model whose style is not the standard converter's.
_OFTEN = Style(
    symmetric=0.2,
    shifted=0.15,
    stretched=0.2,
    per_tensor=0.15,
    unbiased=0.15,
    full=0.05,
    requantized=0.1,
    float_edges=0.3,
    float_inside=0.2,
    binary=0.4,
)


class Int8Draft(Draft):
    """Channels are mostly a multiple of 4, and zeros come in blocks of N outputs and 4 inputs."""

    def channels(self) -> int:
        draw = self.rng.random()
        if draw < 0.7:
            return 4 * self.integer(1, 8)
        if draw < 0.88:
            return self.integer(1, 9)
        return 4 * self.integer(9, 24) if draw < 0.97 else self.integer(33, 300)

    def mask(self, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        channels, *window, in_channels = shape
        groups = -(-in_channels // 4)
        if len(shape) == 1 or self.chance(0.1):
            return super().mask(shape)
        kept = self.block_mask(channels, int(np.prod(window)) * groups)
        lanes = np.repeat(kept.reshape(channels, *window, groups), 4, axis=-1)
        return lanes[..., :in_channels]


def generate_int8(seed: int, index: int) -> Case:
    """Draw a model, what is run with it, and the delegate's options; a float model that has no int8
    form is drawn anew."""
    rng = np.random.default_rng([seed, index, 8])
    while True:
        draft = Int8Draft(rng)
        draw_graph(draft, _SHARES)
        shapes = [draft.shape(tensor) for tensor in draft.graph.graph.inputs]
        sample = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        try:
            model = quantize(flatbuffer.serialize(draft.builder.tree), [sample], _style(draft), rng)
        except UnquantizableError:
            continue
        runs = draw_runs(draft, INT8_KINDS)
        convert = None
        if draft.chance(0.25):
            convert = {"min_speedup": 0, "block_size": draft.choice(("auto", 1, 2, 4, 8))}
        return Case(model, runs, draw_options(draft), convert)


def _style(draft: Draft) -> Style:
    """The standard converter's in a third of all models; what is unusual in others differs."""
    if draft.chance(0.33):
        return CONVENTIONAL
    return Style(
        **{field.name: getattr(_OFTEN, field.name) for field in fields(Style) if draft.chance(0.6)}
    )
