"""Costs: the constants of the model that predicts a layer's speed-up, and the file that holds them.

The unit is one multiply-add of the dense kernel; conversion/decide.py has the formula, and the
latency budget of pruning counts the same. The constants that come with the package were measured on
one kind of machine; `ubp calibrate` measures them on the machine at hand.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ubp.arguments import existing_file
from ubp.constants import COSTS
from ubp.format import BLOCK_SIZES

_FIELDS = {"block", "single", "transpose", "tile"}
_MAX_COST, _MAX_TILE = 1e6, 2**16  # far beyond any machine's
_MAX_SHOWN = 60  # characters of a wrong value in an error


@dataclass(frozen=True)
class CostModel:
    """Measured constants, relative to the dense kernel.

    block: one block of N weights and one pixel, by N.
    single: one block of N weights of a pointwise layer of one pixel, by N.
    transpose: bringing one value into or out of the kernel's channel-major layout.
    tile: pixels that are computed together at least.
    """

    block: dict[int, float]
    single: dict[int, float]
    transpose: float
    tile: int

    def of_block(self, block_size: int, pixels: float, pointwise: bool) -> float:
        """What one block costs at each inference.

        Args:
            block_size: N, one of `ubp.format.BLOCK_SIZES`.
            pixels: positions that the layer computes its channels for.
            pointwise: whether each of them needs one position of the input only.
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


def read_costs(path: str | os.PathLike[str]) -> CostModel:
    """Read a file that `ubp calibrate` has written, for `ubp.convert` and `ubp.LatencyBudget`.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
        ValueError: if it is anything else, saying what is wrong.
    """
    path = existing_file("path", path)
    try:
        found = json.loads(path.read_bytes())
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}: not a JSON file ({error}).") from error
    if not isinstance(found, dict) or set(found) != _FIELDS:
        raise ValueError(
            f"{path}: not a file of costs: expected a JSON object with "
            f"{', '.join(sorted(_FIELDS))}; make one with 'ubp calibrate'."
        )
    tile = found["tile"]
    if type(tile) is not int or not 1 <= tile <= _MAX_TILE:
        raise ValueError(
            f"{path}: 'tile' is {_shown(tile)}, expected a whole number from 1 to {_MAX_TILE}."
        )
    return CostModel(
        block=_by_size(found["block"], "block", path),
        single=_by_size(found["single"], "single", path),
        transpose=_cost(found["transpose"], "transpose", path),
        tile=tile,
    )


def _by_size(found: Any, name: str, path: Path) -> dict[int, float]:
    sizes = [str(n) for n in BLOCK_SIZES]
    if not isinstance(found, dict) or sorted(found) != sorted(sizes):
        raise ValueError(f"{path}: '{name}' needs a cost for each of {', '.join(sizes)}.")
    return {n: _cost(found[str(n)], f"{name} of {n}", path) for n in BLOCK_SIZES}


def _cost(found: Any, name: str, path: Path) -> float:
    if type(found) not in (int, float) or not 0 < found <= _MAX_COST:
        raise ValueError(
            f"{path}: '{name}' is {_shown(found)}, expected a number above 0, at most "
            f"{_MAX_COST:g}."
        )
    return float(found)


def _shown(found: Any) -> str:
    text = json.dumps(found)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
