# SPDX-License-Identifier: Apache-2.0
"""Threads of the linear algebra: many small problems are faster in one than in several.

OpenBLAS starts its threads for matrices of a few hundred rows already, and lets them wait for each
other in a loop: with other work on the processor that is ten times as slow.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_SMALL = 600  # rows


def threads_for(rows: int) -> AbstractContextManager[Any]:
    """Within, matrices of so many rows are factorised in as many threads as suit them."""
    if rows > _SMALL:
        return nullcontext()
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
