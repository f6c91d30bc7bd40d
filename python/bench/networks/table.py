"""The results as rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.harness.spread import Spread
from bench.networks.memory import Memory
from bench.networks.report import Result

HEADINGS = (
    "network",
    "sparsity",
    "threads",
    "XNNPACK ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "error",
    "MiB",
)
_MIB = 2**20


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    speedup = result.speedup
    return [
        *_setting(result),
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        _times(speedup),
        f"{speedup.p10:.2f} - {speedup.p90:.2f}",
        f"{result.relative_error:.0e}",
        f"{_mib(result.ubp_memory)} / {_mib(result.xnnpack_memory)}",
    ]


def peer_headings(peers: Sequence[str]) -> list[str]:
    """Of the table of other engines, given their names."""
    return [*HEADINGS[:3], "UBP", *peers]


def peer_cells(result: Result, peers: Sequence[str]) -> list[str]:
    """One row under `peer_headings`: speed-ups over XNNPACK."""
    speedups = result.peer_speedups
    return [
        *_setting(result),
        _times(result.speedup),
        *(_times(speedups[name]) if name in speedups else "-" for name in peers),
    ]


def by_network(results: Sequence[Result]) -> list[list[Result]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.network)]


def _setting(result: Result) -> list[str]:
    return [result.network, f"{result.sparsity}%", str(result.threads)]


def _times(speedup: Spread) -> str:
    return f"{speedup.median:.2f}x"


def _mib(memory: Memory) -> str:
    return f"{memory.steady / _MIB:.0f}"
