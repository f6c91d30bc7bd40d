# SPDX-License-Identifier: Apache-2.0
"""The exact optimum: the lanes' best blocks at the dual penalty, with ties resolved to exactly m.

Two solutions are optimal at the dual penalty lambda: B, the one with the most blocks, and A, the
best at lambda + 1 and the one with the fewest. If neither has m blocks, one is made of both. Call
a *clean cut* a place that no block of A or B straddles: between clean cuts the blocks of A and B
alternate, so their numbers differ by at most one there. Taking B before a clean cut and A after it
is as good as either (its counterpart, A before and B after, is possible too, and the two share the
net value of A and B). As the cut moves from the first lane to the last, the number of blocks goes
from |A| to |B| in steps of at most one, and therefore meets m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.dual import Dual
from ubp.selection.layer.lane_program import LaneProgram


def select(program: LaneProgram, num_blocks: int, dual: Dual) -> npt.NDArray[np.int64]:
    """The best num_blocks blocks, as sorted positions; `dual` as from `minimise_dual`.

    Where a tie leaves a choice, the first lanes get more blocks and the last lanes fewer.
    """
    most = program.trace(dual.penalty)
    if len(most) == num_blocks:
        return most
    fewest = program.trace(dual.penalty + 1)
    return _splice(most, fewest, num_blocks, program.block_size)


def _splice(
    most: npt.NDArray[np.int64],
    fewest: npt.NDArray[np.int64],
    num_blocks: int,
    block_size: int,
) -> npt.NDArray[np.int64]:
    """`most` before the first clean cut that gives num_blocks in all, `fewest` after it.

    Both are sorted positions. A lane's last block starts N before the next lane, so a distance of N
    or more between neighbours is a clean cut whether they share a lane or not.
    """
    positions = np.concatenate([most, fewest])
    gains = np.repeat([1, -1], [len(most), len(fewest)])
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    surplus = np.cumsum(gains[order])  # blocks of `most` less those of `fewest`, up to here
    clean = np.append(np.diff(positions) >= block_size, True)
    last = positions[clean & (surplus == num_blocks - len(fewest))][0]
    return np.concatenate([most[most <= last], fewest[fewest > last]])
