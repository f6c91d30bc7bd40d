"""The results as rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.families.report import Result

HEADINGS = (
    "network",
    "zeros",
    "threads",
    "XNNPACK ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "file",
    "layers",
    "error",
)


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    speedup = result.speedup
    return [
        result.application,
        result.pruning,
        str(result.threads),
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        f"{speedup.median:.2f}x",
        f"{speedup.p10:.2f} - {speedup.p90:.2f}",
        f"{result.size_ratio:.2f}",
        f"{result.converted_layers} of {result.layers}",
        f"{result.relative_error:.0e}",
    ]


def by_application(results: Sequence[Result]) -> list[list[Result]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.application)]
