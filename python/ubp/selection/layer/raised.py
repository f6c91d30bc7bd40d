# SPDX-License-Identifier: Apache-2.0
"""Balanced starts where they fit: a cap that is raised to what so many blocks need.

One cap has to serve layers of many sizes, and masks from those with hardly a zero to the last one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ubp.selection.layer.balanced import NoRoomError
from ubp.selection.layer.result import Selection
from ubp.selection.layer.select import select_blocks


def select_balanced(
    importance: npt.NDArray[np.floating],
    block_size: int,
    *,
    num_blocks: int,
    max_per_start: int | None,
    method: str = "optimal",
    block_lanes: int = 1,
    threads: int = 1,
) -> Selection:
    """As `select_blocks`, with a cap that is at least what the blocks need on average.

    Where it is not found how the blocks fit with the cap, it is raised by a quarter, again and
    again, until they do. With None there is no cap.

    Raises:
        ValueError: as `select_blocks`.
    """
    cap = max_per_start
    if cap is not None:
        channels = importance.shape[1]
        starts = channels // block_size if method == "aligned" else channels - block_size + 1
        cap = max(cap, -(-num_blocks // max(starts, 1)))
    while True:
        try:
            return select_blocks(
                importance,
                block_size,
                num_blocks=num_blocks,
                method=method,
                block_lanes=block_lanes,
                max_per_start=cap,
                threads=threads,
            )
        except NoRoomError:
            assert cap is not None
            cap += -(-cap // 4)
