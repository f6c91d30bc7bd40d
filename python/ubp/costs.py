# SPDX-License-Identifier: Apache-2.0
"""Costs: the constants of the model that predicts a layer's speed-up, and the file that holds them.

The unit is one multiply-add of the dense kernel; conversion/decide.py has the formula, and the
latency budget of pruning counts the same. The constants that come with the package were measured on
one kind of machine; `ubp calibrate` measures them on the machine at hand. `ubp.LatencyModel` is the
other kind of `Costs`: in microseconds, measured layer by layer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ubp.arguments import check_sequence, is_whole, shown
from ubp.constants import COSTS
from ubp.format import BLOCK_SIZES, QUAD_BLOCK_SIZES

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

_FIELDS = {"block", "single", "transpose", "tile"}
_BACKENDS = ("cpu", "gpu")
_MAX_COST, _MAX_TILE = 1e6, 2**16  # far beyond any machine's
_MAX_SHOWN = 60  # characters of a wrong value in an error


@dataclass(frozen=True)
class LayerShape:
    """What the time of a layer depends on, whatever its weights are.

    lanes, channels: of its matrix of weights.
    in_channels: lanes of one tap.
    in_pixels, out_pixels: activations per channel that one inference reads and writes; of a
        transposed convolution blocks of pixels.
    weights: of the dense layer; more are in the matrix of a transposed convolution.
    """

    lanes: int
    channels: int
    in_channels: int
    in_pixels: float
    out_pixels: float
    weights: int

    @classmethod
    def of_convolution(
        cls,
        in_channels: int,
        channels: int,
        kernel: Sequence[int] = (1, 1),
        in_pixels: float = 1.0,
        out_pixels: float = 1.0,
    ) -> Self:
        """That of a convolution; or of a fully-connected layer, whose pixels are rows."""
        lanes = math.prod(kernel) * in_channels
        return cls(lanes, channels, in_channels, in_pixels, out_pixels, lanes * channels)

    @property
    def is_pointwise(self) -> bool:
        """Whether an output needs one position of the input only."""
        return self.lanes == self.in_channels

    @property
    def is_one_pixel(self) -> bool:
        """Whether each weight is used once."""
        return self.is_pointwise and self.out_pixels == 1


class Costs(Protocol):
    """What predicts the time of layers, in a unit of its own: `CostModel`, `ubp.LatencyModel`.

    `name` is that of the layer, or of its weights tensor, for those that know layers by name.
    """

    def dense(self, shape: LayerShape, name: str = "") -> float:
        """The time of a dense layer."""

    def sparse(self, shape: LayerShape, block_size: int, num_blocks: int, name: str = "") -> float:
        """The time of a layer of so many blocks of one lane each."""

    def of_block(self, block_size: int, pixels: float, pointwise: bool, name: str = "") -> float:
        """What one block costs at each inference."""


@dataclass(frozen=True)
class CostModel:
    """Measured constants, relative to the dense kernel.

        >>> import ubp
        >>> from ubp.costs import DEFAULT_COSTS, LayerShape
        >>> isinstance(DEFAULT_COSTS, ubp.CostModel), DEFAULT_COSTS.block[4]
        (True, 4.8)
        >>> layer = LayerShape.of_convolution(64, 128, kernel=(1, 1), in_pixels=784, out_pixels=784)
        >>> DEFAULT_COSTS.dense(layer) / DEFAULT_COSTS.sparse(layer, 4, 400) > 1.5
        True

    Attributes:
        block: one block of N weights and one pixel, by N.
        single: one block of N weights of a pointwise layer of one pixel, by N.
        transpose: bringing one value into or out of the kernel's channel-major layout.
        tile: pixels that are computed together at least.
        backend: which dense kernel it is: "cpu", XNNPACK's, or "gpu", the delegate's own on the
            GPU.
    """

    block: dict[int, float]
    single: dict[int, float]
    transpose: float
    tile: int
    backend: str = "cpu"

    def dense(self, shape: LayerShape, name: str = "") -> float:
        """What a dense layer costs at each inference."""
        dense = shape.out_pixels * shape.weights
        return dense + (shape.lanes + shape.channels if shape.is_one_pixel else 0.0)

    def sparse(self, shape: LayerShape, block_size: int, num_blocks: int, name: str = "") -> float:
        """What a block-sparse layer costs at each inference, changes of layout included."""
        blocks = num_blocks * self.of_block(block_size, shape.out_pixels, shape.is_pointwise)
        if shape.is_one_pixel:
            return blocks + shape.lanes + shape.channels
        activations = shape.in_pixels * shape.in_channels + shape.out_pixels * shape.channels
        return blocks + self.transpose * activations

    def of_block(self, block_size: int, pixels: float, pointwise: bool, name: str = "") -> float:
        """What one block costs at each inference.

        Args:
            block_size: N, one of `ubp.format.BLOCK_SIZES`.
            pixels: positions that the layer computes its channels for.
            pointwise: whether each of them needs one position of the input only.
            name: of the layer, which these constants do not know.
        """
        if pointwise and pixels == 1:
            return self.single[block_size]
        return self.block[block_size] * (math.ceil(pixels / self.tile) * self.tile)

    def to_json(self) -> str:
        """As `read_costs` reads it."""
        return json.dumps(asdict(self), indent=2) + "\n"


# Measured on x86-64 with AVX-512 against XNNPACK: on the layers of `./run bench kernels`, and on
# fully-connected layers of 256 x 256 to 4096 x 1024 at 75 and 90% zeros.
DEFAULT_COSTS = CostModel(
    block=dict(zip(BLOCK_SIZES, COSTS["block_costs"], strict=True)),
    single=dict(zip(BLOCK_SIZES, COSTS["single_costs"], strict=True)),
    transpose=COSTS["transpose_cost"],
    tile=COSTS["tile"],
)

# The delegate's own of int8 layers, whose blocks are N channels of 4 lanes each, and one
# multiply-add of the dense int8 kernel; in the same unit, that of the dense float32 kernel.
QUAD_COSTS = CostModel(
    block=dict(zip(QUAD_BLOCK_SIZES, COSTS["quad_block_costs"], strict=True)),
    single=dict(zip(QUAD_BLOCK_SIZES, COSTS["quad_single_costs"], strict=True)),
    transpose=COSTS["quad_transpose_cost"],
    tile=COSTS["tile"],
)
INT8_MULTIPLY_ADD: float = COSTS["quad_multiply_add"]


def costs_of(found: Any, path: Path | str) -> CostModel:
    """The constants that a file holds, read as JSON.

    Args:
        found: what the file holds.
        path: of the file, for messages.

    Raises:
        ValueError: if it is anything else, saying what is wrong.
    """
    if not isinstance(found, dict) or set(found) - {"backend"} != _FIELDS:
        raise ValueError(
            f"{path}: not a file of costs: expected a JSON object with "
            f"{', '.join(sorted(_FIELDS))}; make one with 'ubp calibrate'."
        )
    tile = found["tile"]
    if type(tile) is not int or not 1 <= tile <= _MAX_TILE:
        raise ValueError(
            f"{path}: 'tile' is {_shown(tile)}, expected a whole number from 1 to {_MAX_TILE}."
        )
    backend = found.get("backend", "cpu")
    if backend not in _BACKENDS:
        raise ValueError(f'{path}: \'backend\' is {_shown(backend)}, expected "cpu" or "gpu".')
    return CostModel(
        backend=backend,
        block=_by_size(found["block"], "block", path),
        single=_by_size(found["single"], "single", path),
        transpose=_cost(found["transpose"], "transpose", path),
        tile=tile,
    )


def check_block_sizes(block_sizes: Any) -> None:
    """Refuse what is no list of block sizes N that have costs, at least one.

    Raises:
        ValueError: saying what was found.
    """
    sizes = ", ".join(map(str, BLOCK_SIZES))
    check_sequence("block_sizes", block_sizes, f"a list of some of {sizes}")
    for size in block_sizes:
        if not is_whole(size) or size not in BLOCK_SIZES:
            raise ValueError(f"block_sizes holds {shown(size)}; expected some of {sizes}.")
    if not len(block_sizes):
        raise ValueError(f"block_sizes is empty; expected some of {sizes}.")


def _by_size(found: Any, name: str, path: Path | str) -> dict[int, float]:
    sizes = [str(n) for n in BLOCK_SIZES]
    if not isinstance(found, dict) or sorted(found) != sorted(sizes):
        raise ValueError(f"{path}: '{name}' needs a cost for each of {', '.join(sizes)}.")
    return {n: _cost(found[str(n)], f"{name} of {n}", path) for n in BLOCK_SIZES}


def _cost(found: Any, name: str, path: Path | str) -> float:
    if type(found) not in (int, float) or not 0 < found <= _MAX_COST:
        raise ValueError(
            f"{path}: '{name}' is {_shown(found)}, expected a number above 0, at most "
            f"{_MAX_COST:g}."
        )
    return float(found)


def _shown(found: Any) -> str:
    text = json.dumps(found)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
