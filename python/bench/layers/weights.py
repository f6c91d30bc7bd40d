"""Random block-sparse weights of a layer, packed as in a converted model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ubp
from bench.layers.shapes import LayerShape
from ubp.format import Conv2DAttributes, Padding, pack

_SEED = 0


@dataclass(frozen=True)
class Pattern:
    """Which weights are kept.

    block_size: output channels per block.
    sparsity: percent of zeros.
    aligned: blocks start at multiples of block_size only.
    """

    block_size: int
    sparsity: int
    aligned: bool

    @property
    def name(self) -> str:
        """Of its files and timer."""
        return f"{'aligned' if self.aligned else 'unaligned'}_{self.block_size}_{self.sparsity}"


def patterns(block_sizes: Sequence[int], sparsities: Sequence[int]) -> list[Pattern]:
    """Unaligned and then aligned blocks of all sizes; blocks of 1 are aligned as they are."""
    return [
        Pattern(block_size, sparsity, aligned)
        for block_size in block_sizes
        for sparsity in sparsities
        for aligned in ((False, True) if block_size > 1 else (False,))
    ]


def write_weights(shape: LayerShape, wanted: Sequence[Pattern], folder: Path) -> list[Path]:
    """Write NAME.options and NAME.packed for each pattern; see delegate/bench/layer_case.h.

    The weights are random and the blocks those of largest magnitude, so their places are random;
    aligned and unaligned ones are equally many.

    Returns:
        The paths of the files without their suffixes.

    Raises:
        ValueError: if a layer has too few channels for so many blocks.
    """
    rng = np.random.default_rng(_SEED)
    weights = rng.standard_normal((shape.lanes, shape.out_c)).astype(np.float32)
    importance = np.abs(weights)
    stems = []
    for pattern in wanted:
        selection = ubp.select_blocks(
            importance,
            block_size=pattern.block_size,
            sparsity=pattern.sparsity / 100,
            method="aligned" if pattern.aligned else "optimal",
        )
        attributes, packed = pack(
            _attributes(shape, pattern.block_size), weights, selection.lanes, selection.starts, None
        )
        stem = folder / pattern.name
        stem.with_suffix(".options").write_bytes(attributes.to_custom_options())
        stem.with_suffix(".packed").write_bytes(packed)
        stems.append(stem)
    return stems


def _attributes(shape: LayerShape, block_size: int) -> Conv2DAttributes:
    return Conv2DAttributes(
        in_channels=shape.in_c,
        out_channels=shape.out_c,
        block_size=block_size,
        kernel_h=shape.kernel,
        kernel_w=shape.kernel,
        stride_h=shape.stride,
        stride_w=shape.stride,
        padding=Padding.SAME if shape.same else Padding.VALID,
    )
