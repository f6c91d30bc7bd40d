"""The results as rows of tables."""

from __future__ import annotations

from bench.assembly.report import PROCESSORS, TileResult

TILE_HEADINGS = ("kernels", "N", "pixels", *PROCESSORS)


def tile_cells(tile: TileResult) -> list[str]:
    """One row under TILE_HEADINGS: cycles per block / those of the multiply-adds alone."""
    figures = [f"{tile.cycles[name]:.2f} / {tile.bounds[name]:.2f}" for name in PROCESSORS]
    return [tile.family, str(tile.block_size), str(tile.pixels), *figures]
