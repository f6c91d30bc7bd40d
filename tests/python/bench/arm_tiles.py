# SPDX-License-Identifier: Apache-2.0
"""Cycles as `./run bench arm` found them: GCC 12.2.0, llvm-mca of LLVM 19.1.7."""

from __future__ import annotations

from bench.arm.report import Report, TileResult

PROCESSORS = {"neoverse-n1": "neon", "cortex-a55": "neon_in_order"}  # with the kernels taken there

# N and pixels of a tile; for each processor the cycles of a block, of its multiply-adds alone, and
# of a channel beside its blocks.
_TILES = """
1 1  1.25 1 9  3.5 1 67
1 4  4 4 6.9  7 4 52
1 8  4 4 8.2  9 4 46
1 12  4 4 11.5  10 4 59
1 16  4 4 15  11 4 67
1 20  4 4 19  12 4 83
1 24  4.25 4 23  13 4 91
2 1  1.25 1 10  4 1 67.5
2 4  4 4 7.3  8 4 51
2 8  4 4 7.8  9 4 45.5
2 12  4 4 11.5  11 4 56.5
2 16  4 4 15.5  12 4 66
2 20  5 5 19.5  14 5 81.5
2 24  6 6 23.5  15 6 83.5
4 1  1.25 1 10  6 1 72.5
4 4  4 4 7.5  9 4 50.5
4 8  4 4 7.5  11 4 44.2
4 12  6 6 11.6  14 6 56.8
4 16  8 8 15.9  16 8 66
4 20  10 10 20.1  19 10 83.2
4 24  12 12 25.4  21 12 100.5
8 1  1.75 1 15.9  9.25 1 86.2
8 4  4 4 7.2  11 4 50.4
8 8  8 8 7.5  16 8 43.8
8 12  12 12 11.4  20 12 53.4
"""


def report() -> Report:
    """Of the kernels that the delegate takes on each of PROCESSORS, there alone."""
    tiles = []
    for row in _TILES.strip().splitlines():
        n, pixels, *cells = row.split()
        figures = list(map(float, cells))
        for processor, family in PROCESSORS.items():
            of_block, of_products, of_channel, *figures = figures
            tiles.append(
                TileResult(
                    family,
                    int(n),
                    int(pixels),
                    {processor: of_block},
                    {processor: of_products},
                    {processor: of_channel},
                )
            )
    date, llvm = "2026-11-30T22:40:00+00:00", "LLVM version 19.1.7"
    return Report(date, "ab" * 32, "GCC: 12.2.0", llvm, [], tiles)
